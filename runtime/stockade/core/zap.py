"""Authentication: who may be at the other end of a socket that the core connects (ZeroMQ RFC 27, ZAP).

Knows no worker's state: each domain is one socket of one link and admits one name with one secret, once, from one
process or a descendant of it. What nobody expects is refused. The handler's socket must be bound before any other
socket of its context exists, or libzmq asks nobody; `core.selfcheck` sees to it that this holds.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import select
from collections.abc import Callable
from pathlib import Path

import attrs
import zmq

from stockade.core.turns import Turns

__all__ = ["Authenticator", "Expected", "Statistics", "is_descendant", "open_pidfd", "process_of"]

_ENDPOINT = "inproc://zeromq.zap.01"


@attrs.frozen
class Expected:
    """Who may connect to one domain. `pidfd` is the spawned process, held open so that its pid cannot be reused."""

    user: bytes
    secret: bytes = attrs.field(repr=False)
    pid: int
    pidfd: int
    refused: Callable[[str], None]  # told why, when somebody else came
    admitted: Callable[[int], None]  # told the process that is at the other end


@attrs.frozen
class Statistics:
    """What the handler has decided so far."""

    accepted: int
    refused: int
    expected: int


@attrs.define(eq=False)
class Authenticator:
    """Answers ZAP requests of one context from the loop that runs everything else: no thread, no lock."""

    _socket: zmq.Socket[bytes]
    _expected: dict[bytes, Expected] = attrs.field(factory=dict)
    _accepted: int = 0
    _refused: int = 0
    _turns: Turns | None = None

    @classmethod
    def bind(cls, context: zmq.Context[zmq.Socket[bytes]]) -> Authenticator:
        """The handler of `context`, in which no socket may exist yet."""
        socket = context.socket(zmq.REP)
        socket.linger = 0
        socket.bind(_ENDPOINT)
        return cls(socket)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer from `loop` from now on."""
        self._turns = Turns(loop, self._socket, self.answer)

    def expect(self, domain: bytes, expected: Expected) -> None:
        """Admit `expected` to `domain`, once."""
        self._expected[domain] = expected

    def forget(self, domain: bytes) -> None:
        """Admit nobody to `domain` any more."""
        self._expected.pop(domain, None)

    def answer(self) -> None:
        """Receive one request and answer it."""
        version, request, domain, address, _, mechanism, *credentials = self._socket.recv_multipart()
        expected = self._expected.get(domain)
        fault = _fault(expected, address, mechanism, credentials)
        if fault is None and expected is not None:
            del self._expected[domain]
            self._accepted += 1
            expected.admitted(process_of(address))
            status, user = [b"200", b"OK"], expected.user
        else:
            self._refused += 1
            status, user = [b"400", b"refused"], b""
        self._socket.send_multipart([version, request, *status, user, b""])
        if fault is not None and expected is not None:
            expected.refused(fault)

    def answer_waiting(self, seconds: float) -> None:
        """Answer one request, if there is one within so many seconds: for those that run no loop."""
        if self._socket.poll(int(seconds * 1000)):
            self.answer()

    def statistics(self) -> Statistics:
        """What has been decided so far."""
        return Statistics(self._accepted, self._refused, len(self._expected))


def _fault(expected: Expected | None, address: bytes, mechanism: bytes, credentials: list[bytes]) -> str | None:
    if expected is None:
        return "nobody is expected there"
    if mechanism != b"PLAIN" or len(credentials) != 2:
        return f"it speaks {mechanism.decode('latin-1'):.20}, not PLAIN"
    user, secret = credentials
    if user != expected.user:
        return f"it calls itself {user.decode('utf-8', 'replace')!r:.60}, not {expected.user.decode()!r}"
    if not hmac.compare_digest(secret, expected.secret):
        return "its secret is wrong"
    if not is_descendant(process_of(address), expected.pid) or _has_ended(expected.pidfd):
        return f"the socket was bound by process {process_of(address)}, which is not the worker's"
    return None


def process_of(address: bytes) -> int:
    """The pid in a ZAP address of an ipc peer, ``host:uid:gid:pid`` as the kernel attests it; 0 if there is none."""
    pid = address.rpartition(b":")[2]
    return int(pid) if pid.isdigit() else 0


def is_descendant(pid: int, ancestor: int) -> bool:
    """Whether process `pid` is `ancestor` or was forked below it, as far as /proc still shows."""
    for _ in range(64):
        if pid == ancestor:
            return True
        if pid <= 1:
            return False
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        pid = int(stat.rpartition(")")[2].split()[1])
    return False


def _has_ended(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def open_pidfd(pid: int) -> int | None:
    """A descriptor that holds the process `pid`, or None if it has ended already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
