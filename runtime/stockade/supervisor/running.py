"""A child that runs, with the ends of its pipes that are ours: made here, owned here, closed here.

Knows no policy and no selector.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack

import attrs

from stockade import limits
from stockade.control import Decoder, Plan, WorkerPlan
from stockade.supervisor.happenings import Child
from stockade.supervisor.journal import Relay
from stockade.supervisor.output import Rate, Stream
from stockade.supervisor.pipes import ControlWriter
from stockade.supervisor.places import GenerationPlace
from stockade.supervisor.process import Launch, Process, spawn
from stockade.supervisor.sandbox import confine, die_with

__all__ = ["CoreWires", "Running", "start_core", "start_worker"]


@attrs.define
class CoreWires:
    """The core's own three pipes: control both ways, and its log lines."""

    writer: ControlWriter
    heard: int
    log: int
    decoder: Decoder = attrs.field(factory=Decoder)
    relay: Relay = attrs.field(factory=Relay)


@attrs.define
class Running:
    """A child and what we hold of it. `streams` are the read ends of its stdout and stderr that are still open."""

    child: Child
    process: Process
    stdin: int | None
    streams: dict[int, tuple[str, Stream]]
    rate: Rate
    place: GenerationPlace | None = None
    secret: str = attrs.field(default="", repr=False)
    wires: CoreWires | None = None
    _errors: Stream | None = None

    @property
    def descriptors(self) -> list[int]:
        """All that is open, but for the pidfd, which is the process's own."""
        wires = [self.wires.writer.descriptor, self.wires.heard, self.wires.log] if self.wires else []
        return [*self.streams, *wires, *([self.stdin] if self.stdin is not None else [])]

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines of its stderr."""
        return self._errors.last_lines() if self._errors else ()

    def close_stdin(self) -> None:
        """End its lifeline."""
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def close(self) -> None:
        """Close all pipes."""
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.streams.clear()
        self.stdin = self.wires = None


class _Pipes:
    """The pipes of a child that is about to start: ours stay open if it does, the child's are closed here always."""

    def __init__(self) -> None:
        self.ours = ExitStack()
        self.theirs = ExitStack()

    def to_child(self) -> tuple[int, int]:
        """A pipe that we write: the child's end and ours."""
        read, write = os.pipe()
        return self._own(read, write)

    def from_child(self) -> tuple[int, int]:
        """A pipe that we read: the child's end and ours."""
        read, write = os.pipe()
        return self._own(write, read)

    def _own(self, theirs: int, ours: int) -> tuple[int, int]:
        os.set_blocking(ours, False)  # each end of a pipe is an open file of its own: theirs still blocks
        self.theirs.callback(os.close, theirs)
        self.ours.callback(os.close, ours)
        return theirs, ours

    def start(self, launch: Launch) -> Process:
        """Start the child; raises OSError, with everything closed."""
        with self.theirs, self.ours:
            process = spawn(launch)
            self.ours.pop_all()
            return process


def start_worker(
    child: Child, plan: Plan, worker: WorkerPlan, place: GenerationPlace, core_pid: int, open_files: tuple[int, int]
) -> Running:
    """Start a worker's generation; raises OSError with the reason."""
    secret = os.urandom(32).hex()
    pipes = _Pipes()
    (stdin, our_stdin), (stdout, our_stdout), (stderr, our_stderr) = (
        pipes.to_child(),
        pipes.from_child(),
        pipes.from_child(),
    )
    os.write(our_stdin, secret.encode() + b"\n")  # an empty pipe takes it at once
    environment = {
        **worker.environment,
        "STOCKADE_PROTOCOL": str(limits.PROTOCOL),
        "STOCKADE_WORKER": child.label,
        "STOCKADE_GENERATION": str(child.generation),
        "STOCKADE_CORE_PID": str(core_pid),
        "STOCKADE_SOCKETS": f"ipc://{place.sockets}",
        "TMPDIR": place.temporary,
        **({"STOCKADE_DEBUGGABLE": "1"} if plan.debuggable else {}),
    }
    launch = Launch(
        worker.argv, plan.folder, environment, (stdin, stdout, stderr), open_files=open_files, prepare=_prepare_worker
    )
    process = pipes.start(launch)
    rate = Rate()
    errors = Stream(rate)
    streams = {our_stdout: ("stdout", Stream(rate)), our_stderr: ("stderr", errors)}
    return Running(child, process, our_stdin, streams, rate, place, secret, errors=errors)


def _prepare_worker(parent: int) -> None:
    die_with(parent)
    confine()


def start_core(child: Child, plan: Plan, program: Sequence[str], open_files: tuple[int, int]) -> Running:
    """Start the core with the numbers of its three pipes behind `program`; raises OSError with the reason."""
    pipes = _Pipes()
    (told, tell), (say, heard), (write_log, log) = pipes.to_child(), pipes.from_child(), pipes.from_child()
    (stdout, our_stdout), (stderr, our_stderr) = pipes.from_child(), pipes.from_child()
    nothing = os.open(os.devnull, os.O_RDONLY)
    pipes.theirs.callback(os.close, nothing)
    launch = Launch(
        (*program, str(told), str(say), str(write_log)),
        plan.folder,
        plan.core_environment,
        (nothing, stdout, stderr),
        kept=(told, say, write_log),
        open_files=open_files,
    )
    process = pipes.start(launch)
    rate = Rate()
    errors = Stream(rate)
    streams = {our_stdout: ("stdout", Stream(rate)), our_stderr: ("stderr", errors)}
    return Running(child, process, None, streams, rate, wires=CoreWires(ControlWriter(tell), heard, log), errors=errors)
