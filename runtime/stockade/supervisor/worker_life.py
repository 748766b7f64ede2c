"""One worker's life, from its first start to its last end. Knows no process, no clock, no core and no other worker.

::

    WAITING ─► STARTING ─► RUNNING ─► TOLD ─► CLOSED ─► TERMINATED ─► KILLED     the ladder of a stop
                  │           ├─────► LEFT ────►┘                       │        it said bye
                  │           └─────► DOOMED ──────────────────────────►┤        it broke the protocol
                  └────────────────────────────────────────────────────►┘        it never said hello

Each state has a deadline at which the next is entered (`overdue`). The process may end in any of them; then `Aim` says
what follows: WAITING again, or ENDED or FAILED for good.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any

import attrs

from stockade import limits
from stockade.control import End, Exited, Failed, Spawned, StopWorker, WorkerPlan
from stockade.observe.logs import exit_text
from stockade.supervisor.actions import Action, CloseStdin, Kill, Say, Start, Tell, Terminate
from stockade.supervisor.happenings import Child, Ended, NotStarted, Started
from stockade.supervisor.restart import Again, GivenUp, History, Over, Policy, decide

__all__ = ["ALIVE", "LINKED", "OVER", "Aim", "State", "Worker", "WorkerStatistics"]


class State(StrEnum):
    """Where a worker stands."""

    WAITING = "waiting"  # no process; started at the deadline, if there is a core
    STARTING = "starting"  # a process that has not said hello
    RUNNING = "running"
    LEFT = "left"  # said bye and was answered; has until the deadline to end
    DOOMED = "doomed"  # broke the protocol; has until the deadline to read why
    TOLD = "told"  # was sent its `stop`
    CLOSED = "closed"  # its stdin was closed
    TERMINATED = "terminated"  # was sent SIGTERM
    KILLED = "killed"  # was sent SIGKILL
    ENDED = "ended"  # for good, and well
    FAILED = "failed"  # for good


class Aim(StrEnum):
    """What follows the end of its process."""

    RUN = "run"  # what its restart policy says
    RENEW = "renew"  # it was ended because the core had: a new generation, and no failure
    STOP = "stop"  # nothing


OVER = frozenset({State.ENDED, State.FAILED})
ALIVE = frozenset(State) - OVER - {State.WAITING}
#: States in which the core may hold a link to it.
LINKED = frozenset({State.RUNNING, State.LEFT, State.DOOMED, State.TOLD})
NEVER = math.inf


@attrs.frozen
class WorkerStatistics:
    """How one worker stands: `starts` are its generations, `failures` the ends that counted against it."""

    label: str
    state: str
    generation: int
    pid: int | None
    starts: int
    failures: int


@attrs.define
class Worker:
    """What is remembered of one worker."""

    plan: WorkerPlan
    state: State = State.WAITING
    deadline: float = -math.inf
    aim: Aim = Aim.RUN
    generation: int = 0
    _pid: int | None = None
    _began: float = 0.0
    _fault: str | None = None  # why the supervisor ended it, if it did
    _greeted: bool = False
    _left: bool = False
    _history: History = attrs.field(factory=History)
    _failures: int = 0

    @property
    def child(self) -> Child:
        """Its process now, or its last."""
        return Child(self.plan.label, self.generation)

    @property
    def is_alive(self) -> bool:
        """Whether it has a process."""
        return self.state in ALIVE

    @property
    def is_linked(self) -> bool:
        """Whether the core may hold a link to it: a suspect when the core crashes."""
        return self._greeted and self.state in LINKED

    def statistics(self) -> WorkerStatistics:
        """How it stands."""
        pid = self._pid if self.is_alive else None
        return WorkerStatistics(self.plan.label, self.state, self.generation, pid, self.generation, self._failures)

    # -- starting -----------------------------------------------------------------------------------------------------

    def start(self, now: float) -> list[Action]:
        """Ask for a process of a new generation; numbers never repeat while the supervisor lives."""
        self.generation += 1
        self.state, self.deadline, self.aim = State.STARTING, NEVER, Aim.RUN
        self._pid, self._began, self._fault, self._greeted, self._left = None, now, None, False, False
        return [Start(self.child)]

    def started(self, happening: Started) -> list[Action]:
        """Its process runs: the core may look for its sockets."""
        self._pid = happening.pid
        spawned = Spawned(self.plan.label, self.generation, happening.pid, happening.directory, happening.secret)
        return [Tell(spawned), self._say("info", "worker_started", "worker started")]

    def expect_hello(self, now: float) -> None:
        """Its time to say hello runs from here: from its start, or from when the core can hear it if that is later."""
        if self.state is State.STARTING:
            self.deadline = now + self.plan.start_limit

    def greeted(self) -> list[Action]:
        """It has said hello."""
        self._greeted = True
        if self.state is State.STARTING:
            self.state, self.deadline = State.RUNNING, NEVER
        return [self._say("debug", "worker_greeted", "worker said hello")]

    def ready(self, now: float) -> list[Action]:
        """It has said that it is ready."""
        return [self._say("info", "worker_ready", "worker is ready", seconds=now - self._began)]

    def left(self, now: float) -> list[Action]:
        """It has said bye: nothing is left for it to do, so it has the graces of a stop to end, asked to or not."""
        self._left = True
        if self.state is State.RUNNING:
            self.state, self.deadline = State.LEFT, now + self.plan.stop_grace
        return [self._say("debug", "worker_left", "worker said bye")]

    # -- ending -------------------------------------------------------------------------------------------------------

    def breach(self, end: End, now: float) -> list[Action]:
        """It broke the protocol: it has a moment to read why, and is killed. On the ladder it goes on down that."""
        if self._fault is None:
            self._fault = f"breach {end.code}: {end.reason}"
        if self.state in (State.STARTING, State.RUNNING):
            self.state, self.deadline = State.DOOMED, now + limits.BREACH_GRACE
        return [self._say("warning", "worker_breach", "worker broke the protocol", code=end.code, reason=end.reason)]

    def stop(self, now: float, told: bool) -> list[Action]:
        """Enter the ladder; `told` is whether there is a core to send it `stop`. Does nothing twice."""
        self.aim = Aim.STOP
        if self.state is State.WAITING:
            self.state, self.deadline = State.ENDED, NEVER
        elif self.state is State.RUNNING and told:
            self.state, self.deadline = State.TOLD, now + self.plan.stop_grace
            return [Tell(StopWorker(self.plan.label, self.generation, self.plan.stop_grace))]
        elif self.state in (State.RUNNING, State.STARTING):
            return self._close(now)
        elif self.state is State.KILLED and self.deadline == NEVER:  # given up waiting for once: a stop waits once more
            self.deadline = now + limits.KILL_PATIENCE
        return []

    def core_is_gone(self, now: float) -> list[Action]:
        """On the ladder: nobody is left to send it the `stop`, or to hear its bye."""
        return self._close(now) if self.state is State.TOLD else []

    def kill(self, now: float, aim: Aim) -> list[Action]:
        """Kill it at once; what follows is `aim`."""
        self.aim = aim
        if self.state is State.WAITING:
            if aim is Aim.STOP:
                self.state, self.deadline = State.ENDED, NEVER
            return []
        return self._kill(now) if self.is_alive else []

    def overdue(self, now: float) -> list[Action]:
        """Its deadline has passed (not for WAITING: the tree starts it)."""
        if self.state is State.STARTING:
            self._fault = f"never said hello in {self.plan.start_limit:g} s"
        return _OVERDUE[self.state](self, now)

    def _linger(self, now: float) -> list[Action]:
        said = self._say("warning", "worker_lingers", "worker said bye and does not end", seconds=self.plan.stop_grace)
        return [said, *self._close(now)]

    def _close(self, now: float) -> list[Action]:
        self.state, self.deadline = State.CLOSED, now + self.plan.stdin_grace
        return [CloseStdin(self.child)]

    def _terminate(self, now: float) -> list[Action]:
        if self.aim is Aim.RUN and self._fault is None:
            self._fault = "said bye and did not end"
        self.state, self.deadline = State.TERMINATED, now + self.plan.term_grace
        return [Terminate(self.child)]

    def _kill(self, now: float) -> list[Action]:
        self.state, self.deadline = State.KILLED, now + limits.KILL_PATIENCE
        return [Kill(self.child)]

    def _outlived(self, now: float) -> list[Action]:
        """SIGKILL does not end what the kernel holds (a dead network disk): a stop does not wait for it."""
        self.deadline = NEVER
        if self.aim is Aim.STOP:
            self.state = State.FAILED
        return [self._say("error", "worker_unkillable", "worker does not end: the kernel holds it")]

    # -- after its end ------------------------------------------------------------------------------------------------

    def ended(self, happening: Ended, now: float) -> list[Action]:
        """Its process has ended."""
        killed_in_stop = self.aim is Aim.STOP and self.state in (State.TERMINATED, State.KILLED)
        reason = self._fault or exit_text(happening.code)
        failed = happening.code != 0 or self._fault is not None
        level = "warning" if killed_in_stop or (failed and self.aim is Aim.RUN) else "info"
        lines = () if self._greeted or self.aim is not Aim.RUN else happening.last_lines
        said = {"code": happening.code, "reason": reason, "left": self._left or None}
        after = self._after(happening, failed, now)
        wait = after.wait if isinstance(after, Again) else None
        actions: list[Action] = [
            self._say(level, "worker_exited", "worker ended", lines=() if isinstance(after, GivenUp) else lines, **said)
        ]
        if self.aim is not Aim.RENEW:  # the core that knew it is gone too
            actions.append(Tell(Exited(self.plan.label, self.generation, happening.code, reason, wait)))
        return actions + self._settle(after, reason, happening.last_lines, now)

    def not_started(self, happening: NotStarted, now: float) -> list[Action]:
        """Its process could not be started: a failure like any other, but the core never heard of it."""
        after = self._after(Ended(self.child, 1, (), happening.chance), True, now)
        said = self._say("warning", "worker_not_started", "worker could not be started", reason=happening.reason)
        return [said, *self._settle(after, happening.reason, (), now)]

    def _after(self, happening: Ended, failed: bool, now: float) -> Again | Over | GivenUp:
        if self.aim is Aim.RENEW:
            return Again(0.0, self._history)
        if self.aim is Aim.STOP:
            return Over()
        self._failures += failed
        policy, ran = Policy.of_worker(self.plan), now - self._began
        return decide(policy, self._history, failed=failed, ran=ran, now=now, chance=happening.chance)

    def _settle(self, after: Again | Over | GivenUp, reason: str, lines: tuple[str, ...], now: float) -> list[Action]:
        match after:
            case Again(wait, history):
                self.state, self.deadline, self._history = State.WAITING, now + wait, history
                return [self._say("info", "worker_restarting", "worker will be started again", restart_in=wait)]
            case GivenUp(rule):
                self.state, self.deadline = State.FAILED, NEVER
                full = f"{reason}; {rule}"
                said = self._say("error", "worker_given_up", "worker given up", lines=lines, reason=full)
                return [said, Tell(Failed(self.plan.label, self.generation, full))]
        self.state, self.deadline = State.ENDED, NEVER
        return []

    def _say(self, level: str, event: str, message: str, lines: tuple[str, ...] = (), **fields: Any) -> Say:
        who = {"worker": self.plan.label, "generation": self.generation, "pid": self._pid}
        return Say(level, event, message, {**who, **fields}, lines)


#: What a passed deadline means in each state that has one.
_OVERDUE = {
    State.STARTING: Worker._kill,
    State.DOOMED: Worker._kill,
    State.LEFT: Worker._linger,
    State.TOLD: Worker._close,
    State.CLOSED: Worker._terminate,
    State.TERMINATED: Worker._kill,
    State.KILLED: Worker._outlived,
}
