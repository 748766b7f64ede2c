"""A worker that plays one script of docs/vectors.json: ``python player.py SCRIPT OUTCOME``.

It speaks to ZeroMQ itself, and with cbor2 as it comes, so that nothing of either side of Stockade is in it. It writes
to OUTCOME the step that went otherwise, the breach it heard, and what it heard beside the script.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import cbor2
import zmq

sys.path.insert(0, str(Path(__file__).parent))
from protocol_vectors.notation import matches, written_by

#: How long a step of the core may take: generous, for it starts beside 160 interpreters on a machine that may be slow.
PATIENCE = 40.0


class Surprise(Exception):
    """What the core did is not what the script says."""


class Player:
    """The three sockets of a worker, bound as a script wants them."""

    def __init__(self, secret: str, bind: dict[str, str]) -> None:
        name = f"{os.environ['STOCKADE_WORKER']}@{os.environ['STOCKADE_GENERATION']}"
        self.heard: dict[str, deque[Any]] = {"commands": deque(), "events": deque()}
        self.can_emit = False
        self.granted: Counter[int] = Counter()
        self.ended: dict[str, Any] | None = None
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        for place, kind in (("commands", zmq.DEALER), ("events", zmq.SUB), ("emits", zmq.XPUB)):
            socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
            self._sockets[place] = socket
            socket.linger = 0
            socket.plain_username = bind.get("username", name).encode()
            socket.plain_password = bind.get("password", secret).encode()
            socket.bind(f"{os.environ['STOCKADE_SOCKETS']}/{place}")

    def play(self, step: dict[str, Any]) -> None:
        """One step: the worker's is done, the core's awaited."""
        if "core" in step:
            self._expect(step["core"])
        elif "bind" not in step["worker"]:
            self._do(**step["worker"])

    def _do(self, socket: str, **what: Any) -> None:
        verb: str = "emit" if "topic" in what else next(iter(what))
        value: Any = what if verb == "emit" else what[verb]
        match verb:
            case "close":
                self._sockets.pop(socket).close()
            case "subscribe":
                self._sockets[socket].setsockopt_string(zmq.SUBSCRIBE, value)
            case "batch":
                raw = [bytes.fromhex(frame) for frame in what.get("raw", [])]
                self._send(socket, [cbor2.dumps(written_by(value)), *raw])
            case "granted":
                channel, count = value
                self._until(lambda: self.ended or self.granted[channel] >= count, f"credit on channel {channel}")
            case "emit":
                self._send(socket, [value["topic"].encode() + cbor2.dumps(written_by(value["body"]))])
            case "frames":
                self._send(socket, [bytes.fromhex(frame) for frame in value])
            case "zeros":
                self._send(socket, [bytes(value)])
            case _:
                raise ValueError(f"no step of a worker: {verb}")

    def _send(self, socket: str, frames: list[bytes]) -> None:
        if socket == "emits":
            self._until(lambda: self.can_emit, "the core's subscription")
        self._until(lambda: self._sockets[socket].poll(0, zmq.POLLOUT), f"room on {socket}")
        self._sockets[socket].send_multipart(frames)

    def _expect(self, step: dict[str, Any]) -> None:
        queue = self.heard[step["socket"]]
        if step["socket"] == "events":
            wanted = [[step["topic"], written_by(step["body"])]]
        else:
            wanted = written_by(step["messages"])
        for each in wanted:
            self._until(lambda: queue or self.ended, f"{each}")
            if not queue:
                raise Surprise(f"the core ends with {self.ended} instead of {each}")
            said = queue.popleft()
            if not matches(each, said):
                raise Surprise(f"the core says {said} instead of {each}")

    def _until(self, ready: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > deadline:
                raise Surprise(f"the core does not say {what}")
            self.listen(20)

    def listen(self, milliseconds: int) -> None:
        """Take in whatever has come on any socket."""
        poller = zmq.Poller()
        for socket in self._sockets.values():
            poller.register(socket, zmq.POLLIN)
        come = dict(poller.poll(milliseconds))
        for place, socket in self._sockets.items():
            if socket in come:
                self._hear(place, *socket.recv_multipart())

    def _hear(self, place: str, frame: bytes, *raw: bytes) -> None:
        if place == "emits":
            self.can_emit = self.can_emit or frame == b"\x01"
        elif place == "events":
            topic, _, body = frame.partition(b"|")
            self.heard["events"].append([topic.decode() + "|", cbor2.loads(body)])
        else:
            for message in cbor2.loads(frame):
                _put_in_place(message, raw)
                if message[0] == "breach":
                    self.ended = message[1]
                elif message[0] == "credit":
                    self.granted[message[1]] += message[2]
                else:
                    self.heard["commands"].append(message)


def _put_in_place(message: list[Any], raw: tuple[bytes, ...]) -> None:
    """Give a result or item the frame that is its value; a core may send bytes so, or as any other value."""
    if message[0] in ("result", "item") and len(message) > 3 and "raw" in message[3]:
        message[2] = raw[message[3]["raw"] - 1]
        del message[3]


def main(script: Path, outcome: Path) -> None:
    """Play; then leave, or wait for the end that the script says."""
    player_of = json.loads(script.read_text())
    secret = sys.stdin.readline().strip()
    steps, ends = player_of["steps"], player_of["ends"]
    player = Player(secret, next((step["worker"]["bind"] for step in steps if "bind" in step.get("worker", {})), {}))
    surprise = None
    try:
        for step in steps:
            player.play(step)
    except Surprise as error:
        surprise = str(error)
    _report(outcome, surprise, player)  # now, for the end of some scripts is a kill
    deadline = time.monotonic() + PATIENCE
    while ends and player.ended is None and time.monotonic() < deadline and not _lifeline_ended():
        player.listen(20)
    if not ends:
        player.listen(50)  # what was not expected, such as a breach
    _report(outcome, surprise, player)
    while ends and time.monotonic() < deadline and not _lifeline_ended():
        player.listen(20)  # the core is to end it, not it itself


def _report(outcome: Path, surprise: str | None, player: Player) -> None:
    over = {name: list(queue) for name, queue in player.heard.items() if queue}
    whole = outcome.with_suffix(".new")
    whole.write_text(json.dumps({"surprise": surprise, "ended": player.ended, "over": repr(over) if over else None}))
    whole.replace(outcome)


def _lifeline_ended() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable) and not sys.stdin.read(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
