"""The supervisor's decisions: what happened goes in with `now`, what to do comes out. Opens nothing, reads no clock.

The core is started first and the workers side by side with it. When the core ends, the workers are ended and started
again after it (Erlang's ``rest_for_one``). A worker that is given up is `failed`, and the rest runs on; when no worker
is left, or when asked by a signal, the system stops: the workers in reverse order, then the core.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from typing import Any

import attrs

from stockade import limits
from stockade.control import CoreFailed, CoreReady, End, Greeted, Left, Plan, Pong, WorkerReady
from stockade.exits import BY_SIGNAL, Exit
from stockade.supervisor.actions import Action, Quit, Say, Tell
from stockade.supervisor.core_life import Core, CoreState, CoreStatistics
from stockade.supervisor.happenings import Begun, Ended, Garbled, Happening, Heard, NotStarted, Signalled, Started, Tick
from stockade.supervisor.worker_life import OVER, Aim, State, Worker, WorkerStatistics

__all__ = ["Tree", "TreeStatistics"]


@attrs.frozen
class TreeStatistics:
    """How everything stands."""

    core: CoreStatistics
    workers: tuple[WorkerStatistics, ...]
    stopping: bool


@attrs.define
class Stop:
    """A stop under way: who still has to be asked, and how long the order is kept."""

    waiting: list[Worker]  # the next to be asked last
    order_ends: float
    asked: Worker | None = None
    next_at: float = -math.inf


class Tree:
    """What is remembered of a system: `step` is all there is to call, `next_deadline` says when at the latest."""

    def __init__(self, plan: Plan, run_directory: str) -> None:
        self._core = Core(plan, run_directory)
        self._workers = {worker.label: Worker(worker) for worker in plan.workers}
        self._begun = False
        self._stop: Stop | None = None
        self._asked: tuple[int, float] | None = None  # the first signal, and when it came
        self._code: int | None = None  # a code that stands above what the workers' ends would give
        self._quit = False

    def step(self, happening: Happening, now: float) -> list[Action]:
        """What to do, in order, now that this has happened; `now` is monotonic and never falls."""
        actions = _HAPPENINGS[type(happening)](self, happening, now)
        actions += self._pass_deadlines(now)
        actions += self._start_due(now)
        actions += self._go_on_stopping(now)
        return self._only_to_a_listener(actions)

    def next_deadline(self) -> float:
        """When `step` must be called with a Tick if nothing else has happened; infinity for never."""
        held = not self._core.listens or self._stop is not None  # then WAITING is for no time
        workers = (worker for worker in self._workers.values() if not (held and worker.state is State.WAITING))
        deadlines = [worker.deadline for worker in workers]
        order = self._stop.next_at if self._stop and self._stop.waiting else math.inf
        return min([self._core.deadline, order, *deadlines]) if self._begun else math.inf

    def statistics(self) -> TreeStatistics:
        """How everything stands."""
        workers = tuple(worker.statistics() for worker in self._workers.values())
        return TreeStatistics(self._core.statistics(), workers, self._stop is not None)

    # -- happenings ---------------------------------------------------------------------------------------------------

    def _on_begun(self, _: Begun, now: float) -> list[Action]:
        self._begun = True
        return []  # all that is due at once follows from the deadlines

    def _on_tick(self, _: Tick, now: float) -> list[Action]:
        return []

    def _on_started(self, happening: Started, now: float) -> list[Action]:
        if happening.child.is_core:
            expected = (worker.plan.label for worker in self._workers.values() if worker.state not in OVER)
            return self._core.started(happening.pid, now, expected)
        worker = self._workers[happening.child.label]
        if self._core.is_ready:
            worker.expect_hello(now)
        return worker.started(happening)

    def _on_not_started(self, happening: NotStarted, now: float) -> list[Action]:
        if happening.child.is_core:
            said = Say("error", "core_not_started", "core could not be started", {"reason": happening.reason})
            return [said, *self._core_is_gone(now, happening.chance)]
        return self._workers[happening.child.label].not_started(happening, now)

    def _on_ended(self, happening: Ended, now: float) -> list[Action]:
        if happening.child.is_core:
            suspects = [str(worker.child) for worker in self._workers.values() if worker.is_linked]
            if happening.child != self._core.child or not self._core.is_alive:
                return []
            actions = self._core.ended(happening.code, happening.last_lines, suspects)
            return actions + self._core_is_gone(now, happening.chance)
        worker = self._workers[happening.child.label]
        if happening.child != worker.child or not worker.is_alive:
            return []  # it outlived its kill, and was written off
        return worker.ended(happening, now)

    def _on_garbled(self, happening: Garbled, now: float) -> list[Action]:
        """A core that ends closes its pipes just before: after CoreFailed or Shutdown that is no news."""
        if happening.core != self._core.child or not self._core.listens:
            return []
        return self._core.kill(now, happening.reason)

    def _on_heard(self, happening: Heard, now: float) -> list[Action]:
        if happening.core != self._core.child:
            return []
        message = happening.message
        match message:
            case Pong(number):
                self._core.pong(number)
                return []
            case CoreReady():
                for worker in self._workers.values():
                    worker.expect_hello(now)
                return self._core.ready(now)
            case CoreFailed(reason):
                first, *more = reason.splitlines() or ["it did not say why"]
                said = Say("error", "core_refused", "core cannot start", {"reason": first}, tuple(more))
                return [said, *self._core.refused(reason, now)]
            case Greeted() | WorkerReady() | Left() | End():
                return self._on_heard_of_worker(message, now)
        return self._core.kill(now, f"said {type(message).__name__}, which only the supervisor says")

    def _on_heard_of_worker(self, message: Greeted | WorkerReady | Left | End, now: float) -> list[Action]:
        worker = self._workers.get(message.label)
        if worker is None or worker.generation != message.generation or not worker.is_alive:
            return []  # the core had not yet heard of that generation's end
        match message:
            case Greeted():
                return worker.greeted()
            case WorkerReady():
                return worker.ready(now)
            case Left():
                return worker.left(now)
        return worker.breach(message, now)

    def _on_signalled(self, happening: Signalled, now: float) -> list[Action]:
        name = signal.Signals(happening.number).name
        if self._asked is not None:
            if self._asked[0] == happening.number and now - self._asked[1] < limits.SAME_SIGNAL:
                return []
            said = Say("warning", "killing", "asked again to stop: killing everything", {"signal": name})
            return [said, *self._kill_everything(now, BY_SIGNAL + happening.number)]
        self._asked = happening.number, now
        return self._begin_stop(now, "asked to stop", signal=name) if self._stop is None else []

    # -- the core's end -----------------------------------------------------------------------------------------------

    def _core_is_gone(self, now: float, chance: float) -> list[Action]:
        if self._core.refusal is not None:
            # Before it was ever ready the commands or the configuration are at fault; later, something else is.
            return self._kill_everything(now, Exit.CORE_FAILED if self._core.was_ever_ready else Exit.CONFIGURATION)
        if self._stop is not None:
            if self._code is None and not self._core.ended_well:
                self._code = Exit.CORE_FAILED
            return [action for worker in self._workers.values() for action in worker.core_is_gone(now)]
        actions = self._core.restart_or_give_up(now, chance)
        if self._core.state is CoreState.ENDED:
            return actions + self._kill_everything(now, Exit.CORE_FAILED)
        return actions + self._kill_workers(now, Aim.RENEW)

    def _kill_workers(self, now: float, aim: Aim) -> list[Action]:
        return [action for worker in reversed(self._workers.values()) for action in worker.kill(now, aim)]

    def _kill_everything(self, now: float, code: int) -> list[Action]:
        """No graces any more: a given up core, or an operator who cannot wait."""
        self._code = code
        self._stop = Stop([], now)
        return [*self._kill_workers(now, Aim.STOP), *self._core.kill(now)]

    # -- what follows from the time -----------------------------------------------------------------------------------

    def _pass_deadlines(self, now: float) -> list[Action]:
        actions: list[Action] = []
        if not self._begun:
            return actions
        while self._core.deadline <= now:
            actions += self._core.overdue(now)
        if self._core.state is CoreState.ENDED and self._stop is None:  # it does not die, and so cannot be replaced
            actions += self._kill_everything(now, Exit.CORE_FAILED)
        for worker in self._workers.values():
            while worker.state is not State.WAITING and worker.deadline <= now:
                actions += worker.overdue(now)
        return actions

    def _start_due(self, now: float) -> list[Action]:
        """Workers start beside the core, not after it: their interpreters load at the same time."""
        if not self._core.listens or self._core.pid is None or self._stop is not None:
            return []
        due = (worker for worker in self._workers.values() if worker.state is State.WAITING and worker.deadline <= now)
        return [action for worker in due for action in worker.start(now)]

    # -- stopping -----------------------------------------------------------------------------------------------------

    def _begin_stop(self, now: float, why: str, **fields: Any) -> list[Action]:
        self._stop = Stop(list(self._workers.values()), now + limits.STOP_ORDER)
        if not self._core.is_alive:
            self._core.kill(now)  # it is not started again
        return [Say("info", "stopping", why, fields)]

    def _go_on_stopping(self, now: float) -> list[Action]:
        """Ask the next worker, then the core, then nobody: whatever can be done now of a stop."""
        actions: list[Action] = []
        over = all(worker.state in OVER for worker in self._workers.values())
        if self._stop is None:
            if not (over and self._workers):
                return actions
            actions += self._begin_stop(now, "no worker is left to run")
        actions += self._ask_next(now)
        if not all(worker.state in OVER for worker in self._workers.values()):
            return actions
        if self._core.is_alive:
            return actions + self._core.leave(now)
        if self._quit:
            return actions
        self._quit = True
        code = self._exit_code()
        return [*actions, Say("info", "stopped", "stopped", {"code": code}), Quit(code)]

    def _ask_next(self, now: float) -> list[Action]:
        """The next in reverse order is asked when the one before has ended, or has had its share of the time.

        The graces run side by side; only STOP_ORDER in all is spent on the order. What the quick ones leave of it goes
        to the others: with workers that stop when they are asked, the order is kept exactly.
        """
        actions: list[Action] = []
        stop = self._stop
        while stop is not None and stop.waiting and (now >= stop.next_at or _has_ended(stop.asked)):
            stop.asked = stop.waiting.pop()
            share = max(0.0, stop.order_ends - now) / max(1, len(stop.waiting))
            stop.next_at = now + min(share, stop.asked.plan.stop_grace)
            actions += stop.asked.stop(now, told=self._core.is_ready)
        return actions

    def _exit_code(self) -> int:
        if self._code is not None:
            return self._code
        failed = any(worker.state is State.FAILED for worker in self._workers.values())
        return Exit.WORKER_FAILED if failed else Exit.WELL

    def _only_to_a_listener(self, actions: list[Action]) -> list[Action]:
        """Nobody hears what is told to a core that has gone. Its Configure or Shutdown is always the last it hears."""
        if self._core.is_alive:
            return actions
        return [action for action in actions if not isinstance(action, Tell)]


def _has_ended(worker: Worker | None) -> bool:
    return worker is None or worker.state in OVER


_HAPPENINGS: dict[type[Happening], Callable[[Tree, Any, float], list[Action]]] = {
    Begun: Tree._on_begun,
    Started: Tree._on_started,
    NotStarted: Tree._on_not_started,
    Ended: Tree._on_ended,
    Heard: Tree._on_heard,
    Garbled: Tree._on_garbled,
    Signalled: Tree._on_signalled,
    Tick: Tree._on_tick,
}
