"""Worker programs that do what a test tells them, over a socket of the test's own, beside their link.

`programs/puppet.py`, `aio_puppet.py` and `raw_puppet.py` are the other end. They are workers like any other: what a
test has them do is done with `stockade_frontend`, or with pyzmq alone, in a process that the supervisor has started.
"""

from __future__ import annotations

import contextlib
import threading
import time
from multiprocessing.connection import Client, Connection, Listener
from typing import Any, NamedTuple

from applications.processes import PATIENCE

__all__ = ["Gone", "Puppet", "Puppets", "Raised"]


class Raised(NamedTuple):
    """What a puppet's code has raised: the name of its class, and a CommandError's fields."""

    kind: str
    message: str
    code: str | None = None
    data: Any = None


class Gone(AssertionError):
    """The puppet has ended instead of answering."""


class Puppet:
    """One generation of a worker."""

    def __init__(self, connection: Connection, label: str, generation: int, pid: int) -> None:
        self._connection = connection
        self.label, self.generation, self.pid = label, generation, pid

    @property
    def name(self) -> str:
        """``editor@3``."""
        return f"{self.label}@{self.generation}"

    def begin(self, code: str, **names: Any) -> None:
        """Have it run this Python code, in which `core` and `names` are known; `answer` has what comes of it."""
        self._connection.send((code, names))

    def answer(self, patience: float = PATIENCE) -> Any:
        """The value of the last expression of what was begun first, or `Raised`. Raises Gone."""
        if not self._connection.poll(patience):
            raise AssertionError(f"{self.name} has not answered in {patience:g} s")
        try:
            raised, value = self._connection.recv()
        except (EOFError, ConnectionError):
            raise Gone(f"{self.name} has ended") from None
        return Raised(*value) if raised else value

    def do(self, code: str, **names: Any) -> Any:
        """`begin`, and the `answer`."""
        self.begin(code, **names)
        return self.answer()

    def has_answered(self) -> bool:
        """Whether `answer` would not wait."""
        return self._connection.poll(0)


class Puppets:
    """Where the puppets of one application report, each generation anew."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._listener = Listener(address, family="AF_UNIX", backlog=64)
        self._known: dict[tuple[str, int], Puppet] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self._closed:
            connection = self._listener.accept()
            with contextlib.suppress(EOFError, ConnectionError):  # killed before it could say who it is
                label, generation, pid = connection.recv()
                with self._changed:
                    self._known[label, generation] = Puppet(connection, label, generation, pid)
                    self._changed.notify_all()

    def get(self, label: str, generation: int = 1) -> Puppet:
        """The puppet of this generation, once it has reported."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while (label, generation) not in self._known:
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{label}@{generation} has not reported; known: {sorted(self._known)}")
            return self._known[label, generation]

    def latest(self, label: str) -> Puppet:
        """The youngest generation that has reported; waits for the first."""
        self.get(label, 1)
        with self._changed:
            return self._known[label, max(generation for known, generation in self._known if known == label)]

    def close(self) -> None:
        """Accept no more."""
        self._closed = True
        with contextlib.suppress(OSError), Client(self.address, family="AF_UNIX") as last:
            last.send(("", 0, 0))
        self._thread.join(PATIENCE)
        self._listener.close()
