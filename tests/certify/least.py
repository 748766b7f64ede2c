"""The least echo worker: pyzmq and cbor2 and nothing of Stockade, written from docs/protocol.md. It offers nothing.

It makes one call at a time and waits for its answer; of all else it knows only what every worker must.
"""

from __future__ import annotations

import os
import re
import select
import sys
from typing import Any, NoReturn

import cbor2
import zmq

LARGEST = 2**53 - 1
LABEL, GENERATION = os.environ.get("STOCKADE_WORKER", ""), os.environ.get("STOCKADE_GENERATION", "")


def end(status: int, why: str = "") -> NoReturn:
    if why:
        print(why, file=sys.stderr, flush=True)
    os._exit(status)


def broken(why: str) -> NoReturn:
    end(70, f"the core broke the protocol: {why}")


# -- values -----------------------------------------------------------------------------------------------------------


def tagged(*_: Any) -> NoReturn:
    raise ValueError("a tag")


def decode(frame: bytes) -> Any:
    """The one value of the strict profile that a frame is."""
    options: dict[str, Any] = {"max_depth": 33, "allow_indefinite": False, "allow_duplicate_keys": False}
    tags = dict.fromkeys((*range(300), 1004, 43000, 55799), tagged)
    try:
        value, behind = cbor2.loads(
            b"\x82" + frame + cbor2.dumps("the end"), tag_hook=tagged, semantic_decoders=tags, **options
        )
        check(value, 32)
        if behind != "the end":
            raise ValueError("bytes behind the value")
    except (cbor2.CBORError, ValueError, OverflowError, MemoryError, RecursionError, TypeError) as fault:
        broken(str(fault))
    return value


def check(value: Any, depth: int) -> None:
    if isinstance(value, list | dict):
        if not depth:
            raise ValueError("too deep")
        for item in value.values() if isinstance(value, dict) else value:
            check(item, depth - 1)
    if isinstance(value, dict) and any(type(key) is not str for key in value):
        raise ValueError("a key that is no text")
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise ValueError("an integer of more than 64 bits")
    if type(value) not in (int, float, str, bytes, bool, type(None), list, dict):
        raise ValueError(f"a {type(value).__name__}")


def whole(value: Any) -> int:
    """One of the protocol's own integers."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= LARGEST:
        raise ValueError(f"{value!r} is no whole number")
    return value


# -- the worker -------------------------------------------------------------------------------------------------------


class Worker:
    """Its sockets, and the one call that waits."""

    def __init__(self) -> None:
        self.secret = self.read_secret()
        self.commands, self.events, self.emits = map(self.bind, *zip(*KINDS.items(), strict=True))
        self.is_open = self.is_leaving = self.stopping = False
        self.most = 0
        self.last = 0
        self.answer: tuple[str, Any] | None = None
        self.send(["hello", {"protocol": 1, "stub": "least/1"}])
        self.wait(lambda: self.is_open)

    def read_secret(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(0, 1)
            if not byte:
                end(0)
            line += byte
        if re.fullmatch(rb"[0-9a-f]{64}\n", line) is None:
            end(2, "no secret came on standard input: this is to be started by stockade run")
        return line[:-1]

    def bind(self, name: str, kind: int) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        socket.linger = 0
        socket.plain_username = f"{LABEL}@{GENERATION}".encode()
        socket.plain_password = self.secret
        if name == "emits":
            socket.setsockopt(zmq.XPUB_NODROP, 1)
        socket.bind(f"{os.environ['STOCKADE_SOCKETS']}/{name}")
        return socket

    def wait(self, ready: Any) -> None:
        poller = zmq.Poller()
        for source in (0, self.commands, self.events, self.emits):
            poller.register(source, zmq.POLLIN)
        while not ready():
            found = dict(poller.poll())
            if 0 in found and not os.read(0, 100):
                end(0)
            if self.commands in found:
                self.receive(*self.commands.recv_multipart())
            if self.emits in found and self.emits.recv() == b"\x00" and not self.is_leaving:
                self.lost()

    def lost(self) -> NoReturn:
        """The core has gone; but it may have said why."""
        while self.commands.poll(200):
            self.receive(*self.commands.recv_multipart())
        end(1, "the core has gone")

    def send(self, message: list[Any]) -> None:
        frame = cbor2.dumps([message])
        while True:
            try:
                self.commands.send(frame, zmq.DONTWAIT)
                return
            except zmq.Again:  # the core has not connected, or does not read
                if select.select([0], [], [], 0.01)[0] and not os.read(0, 100):
                    end(0)

    # -- what the core says -------------------------------------------------------------------------------------------

    def receive(self, frame: bytes, *raw: bytes) -> None:
        batch = decode(frame)
        if not isinstance(batch, list) or not 0 < len(batch) <= 1024:
            broken("no batch")
        left = dict(enumerate(raw, 1))
        for message in batch:
            try:
                self.take(message, left)
            except (ValueError, TypeError, LookupError, AttributeError) as fault:
                broken(f"{message}: {fault!r}")
        if left:
            broken("a raw frame that nothing refers to")

    def take(self, message: Any, raw: dict[int, bytes]) -> None:
        if not isinstance(message, list):
            raise TypeError("no message")
        verb, *rest = message
        if not self.is_open and verb not in ("welcome", "refused", "breach"):
            raise ValueError("out of turn")
        match verb:
            case "welcome" if not self.is_open:
                self.open(rest[0])
            case "refused" if not self.is_open:
                end(1, f"the core refuses this worker: {rest[0]['message']}")
            case "breach":
                end(1, f"the core says that this worker broke the protocol: {rest[0]['reason']}")
            case "result":
                self.take_answer(verb, whole(rest[0]), self.value(rest, raw))
            case "error":
                if type(rest[1]["code"]) is not str or type(rest[1]["message"]) is not str:
                    raise TypeError("no error")
                self.take_answer(verb, whole(rest[0]), rest[1])
            case "ping":
                number = whole(rest[0])
                if not self.is_leaving:
                    self.send(["pong", number])
            case "pong":
                whole(rest[0])
            case "stop":
                self.stopping = whole(rest[0]["grace"]) >= 0
            case "bye" if self.is_leaving:
                end(0)
            case "missed":
                whole(rest[0])
            case "call" | "cancel" if self.is_leaving:
                pass  # it has crossed
            case _:
                raise ValueError("not to be said to this worker")

    def open(self, welcome: dict[str, Any]) -> None:
        if (welcome["worker"], whole(welcome["generation"])) != (LABEL, int(GENERATION)):
            raise ValueError("a welcome for another")
        self.most = whole(welcome["limits"]["message"])
        self.is_open = True

    def value(self, rest: list[Any], raw: dict[int, bytes]) -> Any:
        value, options = rest[1], rest[2] if len(rest) > 2 else {}
        if any(name.startswith("!") for name in dict(options)):
            raise ValueError("an option that insists")
        if "raw" in options:
            if value is not None:
                raise ValueError("raw, and a value")
            value = raw.pop(whole(options["raw"]))
        return value

    def take_answer(self, verb: str, number: int, answer: Any) -> None:
        if number != self.last or self.answer is not None:
            raise ValueError("an answer to a call that does not wait")
        self.answer = (verb, answer)

    # -- what it does -------------------------------------------------------------------------------------------------

    def invoke(self, command: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Make a call: its outcome."""
        if len(cbor2.dumps(arguments)) + 200 > self.most:
            return {"error": {"code": "too_large", "message": "larger than a message may be"}}
        self.last, self.answer = self.last + 1, None
        self.send(["call", self.last, command, arguments])
        self.wait(lambda: self.answer is not None)
        verb, answer = self.answer or ("", None)
        return {"value": answer} if verb == "result" else {"error": answer}

    def leave(self) -> NoReturn:
        self.is_leaving = True
        self.send(["bye", {"emitted": 0}])
        self.wait(lambda: False)
        raise AssertionError

    def do(self, task: dict[str, Any]) -> Any:
        match task["do"]:
            case "invoke":
                return self.invoke(task["command"], task["arguments"])
            case "echo":
                return {"values": task["values"]}
            case "bytes":
                content = (bytes(range(251)) * (task["size"] // 251 + 1))[: task["size"]]
                return self.invoke(task["command"], {task["argument"]: content})
            case "run":
                self.wait(lambda: self.stopping)
                self.leave()
            case "leave":
                self.leave()
        return {"error": {"code": "certify.unknown", "message": f"{task['do']} is no task"}}


KINDS = {"commands": zmq.DEALER, "events": zmq.SUB, "emits": zmq.XPUB}


def main() -> None:
    if "STOCKADE_SOCKETS" not in os.environ:
        end(2, "this is a worker of Stockade: it is to be started by stockade run")
    worker = Worker()
    worker.send(["ready"])
    task = worker.invoke("certify.next", {"offers": []})["value"]
    while True:
        task = worker.invoke("certify.next", {"report": worker.do(task)})["value"]


main()
