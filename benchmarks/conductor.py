"""Starts the programs that are measured, and has each run one block of work when its turn has come.

A program connects to the conductor's socket and says who it is in a line of JSON: ``{"pid": 1, "sides":
{"stockade": ["call"]}, "servers": [2]}``: the sides that it plays, each with what it can do, and the processes that do
the other half of the work. An order is a line of words,
``stockade call 200``; the answer ``{"began": ns, "ended": ns, "each": [ns, ...]}``, on the monotonic clock.

Clients stand on one processor and servers on another, where there are two. Knows no benchmark.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs

from benchmarks import native
from benchmarks.application import Application
from benchmarks.machine import two_processors
from benchmarks.processes import Spent, pin, spent_by
from benchmarks.system import ROOT, System, SystemFailed

__all__ = ["Block", "Conductor", "Side"]

#: Seconds that a program may take to start, and a block to run: then something hangs.
_PATIENCE = 120.0


@attrs.frozen
class Block:
    """What one block took: seconds, nanoseconds of each of its parts, and what it cost clients and servers."""

    seconds: float
    each: tuple[int, ...]
    client: Spent
    server: Spent


@attrs.define(eq=False)
class _Player:
    """One program at the other end of a connection."""

    connection: socket.socket
    lines: Any
    pid: int
    servers: tuple[int, ...]

    def order(self, words: str) -> None:
        self.connection.sendall(words.encode() + b"\n")

    def answer(self) -> dict[str, Any]:
        line = self.lines.readline()
        if not line:
            raise SystemFailed(f"a program that was measured has ended (process {self.pid}; see above)")
        answer: dict[str, Any] = json.loads(line)
        return answer


@attrs.frozen(eq=False)
class Side:
    """A side that can be told to play: one program, or several that play together."""

    name: str
    operations: frozenset[str]
    players: tuple[_Player, ...]

    @property
    def servers(self) -> set[int]:
        """The processes that do the other half of the work, and that are no client too."""
        return {pid for player in self.players for pid in player.servers} - {player.pid for player in self.players}

    def begin(self, operation: str, *numbers: object) -> None:
        """Give an order, and do not wait for its end: `end` does."""
        for player in self.players:
            player.order(" ".join(map(str, (self.name, operation, *numbers))))

    def end(self) -> list[dict[str, Any]]:
        """Wait for the end of what `begin` began."""
        return [player.answer() for player in self.players]

    def play(self, operation: str, *numbers: object) -> Block:
        """Run one block. Of several programs it takes from the first one's beginning to the last one's end."""
        clients, servers = {player.pid for player in self.players}, self.servers
        before = spent_by(clients), spent_by(servers)
        self.begin(operation, *numbers)
        answers = self.end()
        client, server = spent_by(clients) - before[0], spent_by(servers) - before[1]
        seconds = (max(each["ended"] for each in answers) - min(each["began"] for each in answers)) / 1e9
        return Block(seconds, tuple(one for each in answers for one in each["each"]), client, server)


class Conductor:
    """A context: what is started in it ends with it. `folder` is for the sockets of floors and peers."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._programs: list[subprocess.Popen[bytes]] = []
        self._systems: list[System] = []
        self.cpus = two_processors()

    def __enter__(self) -> Conductor:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._door = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        self._door.bind(str(self.folder / "conductor"))
        self._door.listen(64)
        self._door.settimeout(1.0)
        self.environment = {
            "BENCHMARK_CONDUCTOR": str(self.folder / "conductor"),
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            **native.environment(),
            # Players stand on one processor, from when they have said hello; Go counts processors before.
            **({"GOMAXPROCS": "1"} if self.cpus is not None else {}),
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def system(self, application: Application) -> System:
        """Start a system whose workers play; `sides` has them, once they are there."""
        file = self.folder / f"{application.name}.toml"
        file.write_text(application.toml())
        self._systems.append(System(file, self.environment))
        return self._stack.enter_context(self._systems[-1])

    def program(self, *argv: str) -> None:
        """Start a program, or a module of `benchmarks`. It ends with its process group."""
        words = [sys.executable, "-m", *argv] if argv[0].startswith("benchmarks.") else list(argv)
        environment = {**os.environ, **self.environment}
        process = subprocess.Popen(words, env=environment, start_new_session=True, preexec_fn=_end_with_parent)
        self._programs.append(process)
        self._stack.callback(_end, process)

    def sides(self, count: int = 1) -> dict[str, Side]:
        """The sides of the next `count` programs that come; a side that several play comes together."""
        found: dict[str, Side] = {}
        for _ in range(count):
            player, sides = self._welcome()
            for name, operations in sides.items():
                others = found[name].players if name in found else ()
                found[name] = Side(name, frozenset(operations), (*others, player))
        return found

    def start(self, *argv: str) -> Side:
        """Start a program that plays one side."""
        self.program(*argv)
        (side,) = self.sides().values()
        return side

    def _welcome(self) -> tuple[_Player, Mapping[str, Sequence[str]]]:
        connection = self._accept()
        self._stack.enter_context(connection)
        connection.settimeout(_PATIENCE)
        lines = self._stack.enter_context(connection.makefile("rb"))
        said = json.loads(lines.readline() or b"{}")
        if not said:
            raise SystemFailed("a program has gone before it said who it is (see above)")
        player = _Player(connection, lines, said["pid"], tuple(said["servers"]))
        if self.cpus is not None:
            pin(player.pid, self.cpus[0])
            for server in player.servers:
                pin(server, self.cpus[1])
        return player, said["sides"]

    def _accept(self) -> socket.socket:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for program in self._programs:
                if program.poll() is not None:
                    raise SystemFailed(f"{program.args!r} has ended with {program.returncode} (see above)")
            for system in self._systems:
                if system.has_ended:
                    raise system.failure("it has ended")
            try:
                return self._door.accept()[0]
            except TimeoutError:
                pass
        raise SystemFailed(f"a program has not come within {_PATIENCE:g} s (see above)")


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """In the child, before it is a program: if this process is killed, that one ends too. There is one thread here."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and what it has started: it has no state that matters."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
