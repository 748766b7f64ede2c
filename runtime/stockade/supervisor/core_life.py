"""The core's life as the supervisor sees it: starts, answers, silence, end. Knows no process, clock or worker."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import attrs

from stockade import limits
from stockade.control import Configure, Ping, Plan, Shutdown
from stockade.observe.logs import exit_text
from stockade.supervisor.actions import Action, Kill, Say, Start, Tell
from stockade.supervisor.happenings import Child
from stockade.supervisor.restart import Again, GivenUp, History, Over, Policy, decide

__all__ = ["Core", "CoreState", "CoreStatistics"]


class CoreState(StrEnum):
    """Where the core stands."""

    WAITING = "waiting"  # no process; started at the deadline
    STARTING = "starting"  # has not said that it is ready
    RUNNING = "running"
    FAILING = "failing"  # has said that it cannot start, and is to end by itself
    LEAVING = "leaving"  # was sent Shutdown
    KILLED = "killed"  # was sent SIGKILL
    ENDED = "ended"  # for good


_LISTENING = frozenset({CoreState.STARTING, CoreState.RUNNING})
_ALIVE = frozenset(CoreState) - {CoreState.WAITING, CoreState.ENDED}


@attrs.frozen
class CoreStatistics:
    """How the core stands: `starts` are its generations."""

    state: str
    pid: int | None
    starts: int
    failures: int


@attrs.define
class Core:
    """What is remembered of the core."""

    plan: Plan
    run_directory: str
    state: CoreState = CoreState.WAITING
    generation: int = 0
    was_ever_ready: bool = False
    refusal: str | None = None  # what its CoreFailed said
    ended_well: bool = True  # whether its last end was the one it was asked for
    pid: int | None = None
    _deadline: float = -math.inf  # of its state
    _ping_at: float = math.inf
    _ping: int = 0
    _asked_at: float = math.inf  # when the ping was sent that is not answered
    _answered: bool = False  # whether it ever answered one
    _began: float = 0.0
    _fault: str | None = None
    _history: History = attrs.field(factory=History)
    _failures: int = 0

    @property
    def child(self) -> Child:
        """Its process now, or its last."""
        return Child.core(self.generation)

    @property
    def is_alive(self) -> bool:
        """Whether it has a process."""
        return self.state in _ALIVE

    @property
    def listens(self) -> bool:
        """Whether it can be told something."""
        return self.state in _LISTENING

    @property
    def is_ready(self) -> bool:
        """Whether it can hear workers."""
        return self.state is CoreState.RUNNING

    @property
    def deadline(self) -> float:
        """When `overdue` is to be called next."""
        silent_at = self._asked_at + self._patience if self.listens else math.inf
        ping_at = self._ping_at if self.listens else math.inf
        return min(self._deadline, ping_at, silent_at)

    @property
    def _patience(self) -> float:
        """Importing an application's modules may hold a core for longer than silence is allowed later."""
        return self.plan.silence if self._answered else max(self.plan.silence, limits.START)

    def statistics(self) -> CoreStatistics:
        """How it stands."""
        return CoreStatistics(self.state, self.pid if self.is_alive else None, self.generation, self._failures)

    def started(self, pid: int, now: float, workers: Iterable[str]) -> list[Action]:
        """Its process runs: the first thing it is told is what to run, beside which `workers`."""
        self.pid = pid
        plan = self.plan
        logs = plan.log_format, plan.log_level, plan.color
        configure = Configure(plan.configuration, self.run_directory, *logs, tuple(workers))
        self._ping_at = now
        return [Tell(configure), self._say("info", "core_started", "core started")]

    def ready(self, now: float) -> list[Action]:
        """It has said that it is ready."""
        if self.state is CoreState.STARTING:
            self.state, self.was_ever_ready = CoreState.RUNNING, True
        return [self._say("info", "core_ready", "core is ready", seconds=now - self._began)]

    def refused(self, reason: str, now: float) -> list[Action]:
        """It has said that it cannot start: it may end by itself."""
        self.refusal = reason
        if self.listens:
            self.state, self._deadline = CoreState.FAILING, now + self.plan.core_grace
        return []

    def pong(self, number: int) -> None:
        """It answered a ping."""
        if number == self._ping:
            self._asked_at, self._answered = math.inf, True

    def leave(self, now: float) -> list[Action]:
        """Ask it to end its lifespans and itself."""
        if not self.listens:
            return []
        self.state, self._deadline = CoreState.LEAVING, now + self.plan.core_grace
        return [Tell(Shutdown(self.plan.core_grace))]

    def kill(self, now: float, reason: str | None = None) -> list[Action]:
        """Kill it at once; `reason` is what it did, if that is a failure."""
        if not self.is_alive or self.state is CoreState.KILLED:
            if self.state is CoreState.WAITING:
                self.state, self._deadline = CoreState.ENDED, math.inf
            return []
        self._fault = reason or self._fault
        self.state, self._deadline = CoreState.KILLED, now + limits.KILL_PATIENCE
        return [Kill(self.child)]

    def overdue(self, now: float) -> list[Action]:
        """A deadline has passed."""
        if self._deadline <= now:
            return self._state_overdue(now)
        if self.listens and self._asked_at + self._patience <= now:
            return self.kill(now, self._silence())
        if self.listens and self._ping_at <= now:
            return self._send_ping(now)
        return []

    def _silence(self) -> str:
        """Why it is killed for saying nothing: a core that never answered has not got so far."""
        if self._answered:
            return f"no answer for {self._patience:g} s"
        return (
            f"not ready after {self._patience:g} s: importing its modules and entering its lifespans takes longer; "
            "`stockade check` says which module, and `silence` in [core] allows more"
        )

    def _state_overdue(self, now: float) -> list[Action]:
        if self.state is CoreState.WAITING:
            return self._start(now)
        if self.state is CoreState.KILLED:  # the kernel holds it: nothing can be done but not wait for it
            self.state, self._deadline = CoreState.ENDED, math.inf
            return [self._say("error", "core_unkillable", "core does not end: the kernel holds it")]
        return self.kill(now, f"did not end in {self.plan.core_grace:g} s")

    def _start(self, now: float) -> list[Action]:
        self.generation += 1
        self.state, self._deadline, self._began = CoreState.STARTING, math.inf, now
        self.pid, self._fault, self._answered = None, None, False
        self._ping_at = self._asked_at = math.inf
        return [Start(self.child)]

    def _send_ping(self, now: float) -> list[Action]:
        """One unanswered ping at a time: what waits in the pipe stays bounded. Silence is counted from it, so that a
        supervisor that was stopped (Ctrl-Z) for a minute does not take its own absence for the core's.
        """
        self._ping_at = now + limits.PING
        if self._asked_at != math.inf:
            return []
        self._ping, self._asked_at = self._ping + 1, now
        return [Tell(Ping(self._ping))]

    def ended(self, code: int, lines: tuple[str, ...], suspects: list[str]) -> list[Action]:
        """Its process has ended; `suspects` are the workers it had a link with. Call `restart_or_give_up`, or not."""
        well = self.ended_well = self.state is CoreState.LEAVING and code == 0
        # A signal that is not ours: a worker may have found a fault in its C++ libraries.
        crashed = code < 0 and self._fault is None and self.state is not CoreState.KILLED
        fields = {"code": code, "reason": self._fault or exit_text(code)}
        if crashed and suspects:
            fields["suspects"] = suspects
        self.state, self._deadline = CoreState.ENDED, math.inf
        level = "info" if well else "error"
        return [self._say(level, "core_exited", "core ended", lines=() if well else lines, **fields)]

    def restart_or_give_up(self, now: float, chance: float) -> list[Action]:
        """After an end that nobody asked for: WAITING for its next start, or still ENDED, given up."""
        self._failures += 1
        policy, ran = Policy.of_core(self.plan), now - self._began
        match decide(policy, self._history, failed=True, ran=ran, now=now, chance=chance):
            case Again(wait, history):
                self.state, self._deadline, self._history = CoreState.WAITING, now + wait, history
                return [self._say("warning", "core_restarting", "core will be started again", restart_in=wait)]
            case GivenUp(rule):
                return [self._say("error", "core_given_up", "core given up", reason=rule)]
            case Over():
                return []

    def _say(self, level: str, event: str, message: str, lines: tuple[str, ...] = (), **fields: Any) -> Say:
        return Say(level, event, message, {"generation": self.generation, "pid": self.pid, **fields}, lines)
