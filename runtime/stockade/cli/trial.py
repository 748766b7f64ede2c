"""Runs one call as a worker would make it: a real supervisor and core, and one small worker under that one's label.

Knows no command line: a request goes in; the answer, the exit code and the log lines come out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any

import attrs

from stockade import control
from stockade.config.plan import plan, to_json
from stockade.config.specs import Configuration, Restart, WorkerSpec
from stockade.exits import BY_SIGNAL
from stockade.supervisor.launch import plan_in_memory, supervisor_program
from stockade.supervisor.machine import PR_SET_PDEATHSIG, prctl

__all__ = ["Outcome", "Request", "Trial"]

_PROGRAM = Path(__file__).with_name("programs") / "invoke.py"
#: Without --log-level: what is shown if something goes wrong.
_LEVEL = "warning"
#: Seconds from its bye, or from Ctrl-C, to the end of its lifeline: it has nothing to finish.
_STOP = 0.5
#: Where our interpreter looks for packages: the worker has to find the stub as this process would.
_INHERIT = ("PYTHONPATH", "PYTHONHOME")


@attrs.frozen
class Request:
    """What to call. `arguments` are JSON values, bytes as `cli.values` has them; `timeout` is in seconds."""

    command: str
    arguments: dict[str, Any]
    timeout: float | None


@attrs.frozen
class Outcome:
    """What came of it. `answer` has one key, ``result``, ``ended`` (of a stream), ``error`` or ``unsendable``; None if
    nothing answered, and `called` says whether it was asked at all.

    `code` is the supervisor's exit code, or BY_SIGNAL + n if signal n ended it; `log` what it has kept to itself.
    """

    answer: dict[str, Any] | None
    called: bool
    code: int
    log: str


@attrs.frozen
class Trial:
    """One worker of a configuration, and how much to log: with a `log_level`, to our standard error at once.

    `label` is what the worker is called: its own, or that of one of its replicas.
    """

    configuration: Configuration
    worker: WorkerSpec
    label: str
    log_level: str | None
    color: bool

    def run(self, request: Request, show: Callable[[Any], object]) -> Outcome:
        """Start everything, wait for the end of it, and gather what is left. Passes SIGINT and SIGTERM on.

        Each item of a stream goes to `show` as it comes, in a thread; what that raises ends the call, and is raised.
        """
        # Files without a name: the worker opens them by way of our descriptors, and a kill -9 leaves nothing behind.
        with ExitStack() as stack:
            asked, log = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            asked.write(json.dumps(attrs.asdict(request)).encode())
            asked.flush()
            written = _Written(show)
            with written.reading() as answered:
                code = _supervised(self._plan(asked, answered), None if self.log_level else log)
            return Outcome(written.answer, written.called, code, _content(log).decode(errors="replace"))

    def _plan(self, asked: IO[bytes], answered: IO[bytes]) -> control.Plan:
        """The core gets the whole configuration, so that it knows all workers; the supervisor starts this one alone."""
        stand_in = attrs.evolve(
            self.worker,
            run=("python", str(_PROGRAM), _path(asked), _path(answered)),
            restart=Restart.NEVER,
            environment={},
            inherit=_INHERIT,
            grace=attrs.evolve(self.worker.grace, stop=_STOP),
            replicas=1,
        )
        alone = attrs.evolve(self.configuration, workers=(stand_in,))
        planned = plan(alone, log_level=self.log_level or _LEVEL, color=self.color)
        # A core that fails is not tried again: who tries a command wants to know.
        return attrs.evolve(
            planned,
            workers=tuple(attrs.evolve(worker, label=self.label) for worker in planned.workers),
            core_restarts=0,
            configuration=to_json(self.configuration),
        )


def _path(file: IO[bytes]) -> str:
    """By which another process of this user opens a file of ours, as long as we live."""
    return f"/proc/{os.getpid()}/fd/{file.fileno()}"


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


@attrs.define
class _Written:
    """What the worker writes: an empty line when it calls, one for each item, and the answer if it comes so far."""

    _show: Callable[[Any], object]
    called: bool = False
    answer: dict[str, Any] | None = None
    _raised: BaseException | None = None

    @contextmanager
    def reading(self) -> Iterator[IO[bytes]]:
        """What to write to. A pipe: where `show` waits for whoever reads us, so does the command."""
        read, write = os.pipe()
        thread = threading.Thread(target=self._read, args=(os.fdopen(read, "rb"),))
        try:
            with os.fdopen(write, "wb") as pipe:
                thread.start()
                yield pipe
        finally:
            thread.join()
        if self._raised is not None:
            raise self._raised

    def _read(self, lines: IO[bytes]) -> None:
        """Until nobody can write any more. Closing it ends the worker, which cannot write then."""
        try:
            with lines:
                for line in lines:
                    self._take(line)
        except BaseException as error:  # noqa: BLE001 (it is raised where the trial runs)
            self._raised = error

    def _take(self, line: bytes) -> None:
        if not line.endswith(b"\n"):
            return
        self.called = True
        if said := line.strip():
            answer: dict[str, Any] = json.loads(said)
            if "item" in answer:
                self._show(answer["item"])
            else:
                self.answer = answer


def _supervised(todo: control.Plan, log: IO[bytes] | None) -> int:
    """Run a supervisor to its end; its exit code."""
    descriptor = plan_in_memory(todo)
    with _passing_on() as received:
        child = subprocess.Popen(
            supervisor_program(descriptor),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=[descriptor],
            start_new_session=True,  # Ctrl-C reaches us alone, and we pass it on
            preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM),  # should we be killed, it stops
        )
        os.close(descriptor)
        received.child = child
        for number in received.numbers:  # those that came before there was anybody to pass them to
            child.send_signal(number)
        code = child.wait()
    return BY_SIGNAL + received.numbers[0] if received.numbers else code


@attrs.define
class _Received:
    """The signals that came, and the child that gets them."""

    numbers: list[int] = attrs.field(factory=list)
    child: subprocess.Popen[bytes] | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        self.numbers.append(number)
        if self.child is not None:
            self.child.send_signal(number)


@contextmanager
def _passing_on() -> Iterator[_Received]:
    received = _Received()
    before = {number: signal.signal(number, received.receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
