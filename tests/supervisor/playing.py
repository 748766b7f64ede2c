"""Plays the supervisor's decisions: happenings in, actions out, without a process, on a clock of the test's own."""

from __future__ import annotations

import signal
from typing import Any

import attrs
import pytest

from stockade.control import (
    CoreReady,
    Greeted,
    Ping,
    Plan,
    Pong,
    WorkerPlan,
)
from stockade.supervisor.actions import Action, Kill, Say, Start, Tell
from stockade.supervisor.happenings import (
    Begun,
    Child,
    Ended,
    Happening,
    Heard,
    Started,
    Tick,
)
from stockade.supervisor.tree import Tree

__all__ = ["CORE", "Play", "a_plan", "acts", "events", "running", "told"]

WORKER = WorkerPlan(
    label="a",
    argv=("program",),
    environment={},
    restart="on-failure",
    restarts=2,
    within=60.0,
    backoff_first=1.0,
    backoff_longest=8.0,
    stable=60.0,
    start_limit=30.0,
    stop_grace=3.0,
    stdin_grace=2.0,
    term_grace=2.0,
)
CORE = Child.core(1)


def a_plan(labels: str = "ab", **changes: Any) -> Plan:
    """A plan of workers with one-letter labels."""
    return Plan(
        folder="/",
        workers=tuple(attrs.evolve(WORKER, label=label, **changes) for label in labels),
        core_environment={},
        core_restarts=2,
        core_within=60.0,
        core_grace=2.0,
        silence=10.0,
        log_format="json",
        log_level="info",
        color=False,
        debuggable=False,
        configuration={"some": "thing"},
    )


class Play:
    """A tree, a clock, and processes that start whenever they are asked to and end when killed; the core answers."""

    def __init__(self, plan: Plan, *, dies_when_killed: bool = True, answers: bool = True) -> None:
        self.tree = Tree(plan, "/run")
        self.now = 1000.0
        self.actions: list[tuple[float, Action]] = []
        self.alive: set[Child] = set()
        self.dies_when_killed = dies_when_killed
        self.answers = answers
        self.do(Begun())

    def do(self, *happenings: Happening) -> list[Action]:
        """Let these happen now, and what follows from them at once; all actions."""
        waiting, done = list(happenings), []
        while waiting:
            for action in self.tree.step(waiting.pop(0), self.now):
                done.append(action)
                waiting += self._follows(action)
        self.actions += [(self.now, action) for action in done]
        return done

    def _follows(self, action: Action) -> list[Happening]:
        match action:
            case Start(child):
                assert child not in self.alive
                self.alive.add(child)
                return [Started(child, 100 + len(self.actions), f"/run/{child}", "secret")]
            case Kill(child) if self.dies_when_killed and child in self.alive:
                self.alive.discard(child)
                return [Ended(child, -signal.SIGKILL, (), 0.0)]
            case Tell(Ping(number)) if self.answers:
                return [Heard(child, Pong(number)) for child in self.alive if child.is_core]
        return []

    def hear(self, *messages: Any, core: Child = CORE) -> list[Action]:
        """The core says this."""
        return self.do(*(Heard(core, message) for message in messages))

    def end(self, child: Child, code: int = 0, lines: tuple[str, ...] = (), chance: float = 0.0) -> list[Action]:
        """A process ends."""
        self.alive.discard(child)
        return self.do(Ended(child, code, lines, chance))

    def wait(self, seconds: float) -> list[Action]:
        """Let time pass, from deadline to deadline."""
        until, done = self.now + seconds, []
        for _ in range(1000):
            deadline = max(self.now, self.tree.next_deadline())
            if deadline > until:
                break
            self.now = deadline
            done += self.do(Tick())
        else:
            pytest.fail("the tree asks to be called without end")
        self.now = until
        return done


def running(labels: str = "ab", **changes: Any) -> Play:
    """A play in which the core is ready and each worker has said hello."""
    play = Play(a_plan(labels, **changes))
    play.hear(CoreReady(), *(Greeted(label, 1) for label in labels))
    return play


def told(actions: list[Action], kind: type | None = None) -> list[Any]:
    """What the core is told, without pings."""
    messages = [action.message for action in actions if isinstance(action, Tell)]
    return [m for m in messages if not isinstance(m, Ping) and (kind is None or isinstance(m, kind))]


def acts(actions: list[Action]) -> list[Action]:
    """The actions that are done to processes."""
    return [action for action in actions if not isinstance(action, Say | Tell)]


def events(actions: list[Action]) -> list[str]:
    """The events that are logged."""
    return [action.event for action in actions if isinstance(action, Say)]
