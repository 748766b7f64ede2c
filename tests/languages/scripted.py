"""A core of a few lines, for one worker: it tells an echo worker what to echo, byte for byte, and gives those back."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import cbor2
import zmq
from zmq.auth.thread import ThreadAuthenticator

_ALL = {"allow": ["**"], "deny": []}
_LIMITS = {
    "message": 1 << 24, "event": 1 << 16, "batch": 1024, "calls": 1024,
    "channels": 64, "frames": 63, "topics": 64, "depth": 32,
}  # fmt: skip
#: Milliseconds in which whatever is awaited comes.
_PATIENCE = 60_000
_RESULT = b"\x81\x83" + cbor2.dumps("result")
_ECHO = b"\xa2" + cbor2.dumps("do") + cbor2.dumps("echo") + cbor2.dumps("values")


def head(data: bytes, at: int) -> tuple[int, int, int]:
    """Kind and number of the head at this place, and where its item goes on."""
    kind, low = data[at] >> 5, data[at] & 31
    if low < 24:
        return kind, low, at + 1
    end = at + 1 + (1 << low - 24)
    return kind, int.from_bytes(data[at + 1 : end], "big"), end


def behind(data: bytes, at: int) -> int:
    """The place behind the item at this one; of definite lengths alone."""
    kind, number, at = head(data, at)
    if kind in (2, 3):
        return at + number
    for _ in range({4: number, 5: 2 * number}.get(kind, 0)):
        at = behind(data, at)
    return at


def entry(data: bytes, at: int, key: str) -> int:
    """The place of the value of this key, in the map at this place."""
    kind, count, at = head(data, at)
    assert kind == 5, "no map"
    for _ in range(count):
        value = behind(data, at)
        if cbor2.loads(data[at:value]) == key:
            return value
        at = behind(data, value)
    raise LookupError(key)


def items(data: bytes, at: int) -> Iterator[bytes]:
    """The encoded items of the array at this place."""
    kind, count, at = head(data, at)
    assert kind == 4, "no array"
    for _ in range(count):
        end = behind(data, at)
        yield data[at:end]
        at = end


class EchoWorker:
    """A started echo worker, up to its first question; a context, which ends it."""

    def __init__(self, argv: list[str]) -> None:
        self._stack = contextlib.ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="d-", dir="/tmp")))
        context = self._stack.enter_context(zmq.Context())
        authenticator = ThreadAuthenticator(context)
        authenticator.start()
        self._stack.callback(authenticator.stop)
        secret = secrets.token_hex(32)
        authenticator.configure_plain(domain="echo", passwords={"echo@1": secret})
        place = {"PROTOCOL": "1", "WORKER": "echo", "GENERATION": "1", "CORE_PID": str(os.getpid())}
        environment = {f"STOCKADE_{key}": value for key, value in (place | {"SOCKETS": f"ipc://{folder}"}).items()}
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, env=os.environ | environment, start_new_session=True
        )
        self._stack.callback(self._end)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{secret}\n".encode())
        self._process.stdin.flush()
        self._commands = self._connect(context, zmq.DEALER, f"ipc://{folder}/commands")
        self._connect(context, zmq.XPUB, f"ipc://{folder}/events")
        self._connect(context, zmq.SUB, f"ipc://{folder}/emits").subscribe(b"")
        [[verb, _]] = cbor2.loads(self._hear())
        assert verb == "hello"
        who = {"protocol": 1, "worker": "echo", "generation": 1, "core": "test"}
        grants = dict.fromkeys(("commands", "listen", "emit"), _ALL)
        self._commands.send(cbor2.dumps([["welcome", who | {"limits": _LIMITS, "grants": grants}]]))
        #: What the worker can do, as it says.
        self.offers: list[str] = []
        self._number, frame, at = self._asked()
        self.offers = cbor2.loads(frame[at : behind(frame, at)])["offers"]

    def _connect(self, context: zmq.Context[Any], kind: int, address: str) -> zmq.Socket[Any]:
        socket = self._stack.enter_context(context.socket(kind))
        socket.linger, socket.plain_server, socket.zap_domain = 0, True, b"echo"
        socket.connect(address)
        return socket

    def _hear(self) -> bytes:
        assert self._commands.poll(_PATIENCE), "the worker says nothing"
        frame: bytes = self._commands.recv()
        return frame

    def _asked(self) -> tuple[int, bytes, int]:
        """The id of the worker's next call of certify.next, its batch, and where in that its arguments are."""
        while True:
            frame = self._hear()
            _, count, at = head(frame, 0)
            for _ in range(count):
                elements = [cbor2.loads(each) for each in items(frame, at)][:3]
                if elements[0] == "call" and elements[2] == "certify.next":
                    arguments = head(frame, at)[2]
                    for _ in elements:
                        arguments = behind(frame, arguments)
                    return elements[1], frame, arguments
                at = behind(frame, at)

    def echo(self, values: list[bytes]) -> list[bytes]:
        """What the worker makes of these encoded values: it reads them, and writes them."""
        array = cbor2.dumps([None] * len(values))[: -len(values)] + b"".join(values)
        self._commands.send(_RESULT + cbor2.dumps(self._number) + _ECHO + array)
        self._number, frame, at = self._asked()
        return list(items(frame, entry(frame, entry(frame, at, "report"), "values")))

    def __enter__(self) -> EchoWorker:
        return self

    def _end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
