"""Carries calls to what workers export from who makes them to the replica that answers them, and the answer back.

Decides nothing: `Pool` says who gets which. Knows no frame: a replica is asked, and answers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

import attrs

from stockade.config.specs import WorkerSpec
from stockade.core.commands.context import Context
from stockade.core.commands.deadlines import Deadlines
from stockade.core.commands.workers import Request
from stockade.core.exports.job import CORE, Job
from stockade.core.exports.pool import Give, Pool, PoolStatistics, Refuse, Step
from stockade.core.exports.routed import Answer, Replica, Routed
from stockade.core.policy.exports import Exports
from stockade.core.wire.happenings import Export, Offer
from stockade.errors import Breach, BreachCode, Code, CommandError, again

__all__ = ["Router"]

_TOO_LATE = CommandError(Code.DEADLINE_EXCEEDED, "the call's time is over")
_NOBODY_MAY = CommandError(Code.NOT_FOUND, "no worker may export that")


@attrs.define(eq=False)
class Router:
    """All pools, and the calls that wait or run. Every method is for the loop's thread.

    `deadline` is how many seconds a call of the core's own has that is made outside of any other; None: all it needs.
    """

    _loop: asyncio.AbstractEventLoop
    _exports: Exports
    _families: Mapping[str, str]  # by label, also a replica's: the worker whose replica it is
    _pools: Mapping[str, Pool]
    _deadline: float | None
    _named: dict[str, Pool] = attrs.field(factory=dict, init=False)  # by each command that is exported, or was
    _replicas: dict[str, Replica] = attrs.field(factory=dict, init=False)  # ready, by label
    _calls: dict[Job, Routed] = attrs.field(factory=dict, init=False)
    _jobs: dict[Context, Job] = attrs.field(factory=dict, init=False)  # by what is called within them
    _deadlines: Deadlines[Routed] = attrs.field(init=False)
    _steps: deque[Step] = attrs.field(factory=deque, init=False)
    _stepping: bool = attrs.field(default=False, init=False)

    @classmethod
    def of(
        cls,
        loop: asyncio.AbstractEventLoop,
        workers: Iterable[WorkerSpec],
        expected: Iterable[str],
        deadline: float | None,
    ) -> Router:
        """A router for these workers, of whose replicas the `expected` run or will."""
        specs = tuple(workers)
        families = {label: spec.label for spec in specs for label in (spec.label, *spec.labels)}
        pools = {spec.label: Pool(spec.label, spec.limits.waiting) for spec in specs}
        router = cls(loop, Exports.of(specs), families, pools, deadline)
        for label in expected:
            router.expect(label)
        return router

    def __attrs_post_init__(self) -> None:
        self._deadlines = Deadlines(self._loop, self._overdue)

    # -- replicas -----------------------------------------------------------------------------------------------------

    def expect(self, label: str) -> None:
        """This worker runs, or will, and may yet be ready."""
        if label not in self._replicas:
            self._pool_of(label).expect(label)

    def admit(self, replica: Replica, exports: Mapping[str, Export]) -> None:
        """A worker is ready, and answers these commands; raises Breach where it may not export one of them."""
        family = self._families[replica.label]
        for name in exports:
            if self._exports.family(name) != family:
                reason = f"it exports {name[:60]!r}, which its exports in the configuration do not cover"
                raise Breach(BreachCode.EXPORTS, reason)
        self._named.update(dict.fromkeys(exports, self._pools[family]))
        self._replicas[replica.label] = replica
        self._carry_out(self._pools[family].ready(replica.label, exports))

    def gone(self, replica: Replica) -> None:
        """A worker answers nothing more. Whether it is started again is not known yet; until then its callers wait."""
        if self._replicas.get(replica.label) is replica:
            del self._replicas[replica.label]
            self._carry_out(self._pool_of(replica.label).gone(replica.label, returns=True))

    def over(self, label: str) -> None:
        """This worker is not started again."""
        if label not in self._replicas:
            self._carry_out(self._pool_of(label).gone(label, returns=False))

    def _pool_of(self, label: str) -> Pool:
        return self._pools[self._families[label]]

    # -- calls --------------------------------------------------------------------------------------------------------

    def has_seen(self, command: str) -> bool:
        """Whether any worker has ever exported this command: of such there are no more than workers have said."""
        return command in self._named

    def call(
        self,
        command: str,
        arguments: Mapping[str, Any],
        context: Context,
        answer: Answer,
        *,
        offers: Sequence[Offer] = (),
        idempotent: bool = False,
    ) -> Routed | None:
        """Have `command` answered by a worker, within `context`, which is this call's own; `answer` is called once.

        None is returned where it has been called already. Arguments are values of the wire. `offers` are the channels
        that its caller has opened, whose ends `context` has; a call with any does not run twice.
        """
        pool = self._named.get(command) or self._pool_for(command)
        if pool is None or context.is_over():
            answer(None, again(_NOBODY_MAY if pool is None else _TOO_LATE))
            return None
        job = Job(command, context.worker, _chain(context), self._job_around(context), idempotent, bool(offers))
        routed = Routed(job, pool, context, arguments, offers, answer, self._give_up)
        self._calls[job] = routed
        if context.deadline is not None:
            routed.bucket = self._deadlines.add(routed, context.deadline)
        self._carry_out(pool.submit(job))
        return None if routed.is_over else routed

    def _pool_for(self, command: str) -> Pool | None:
        family = self._exports.family(command)
        return None if family is None else self._pools[family]

    def _job_around(self, context: Context) -> Job | None:
        """The call to a worker's export in whose handling the call of `context` was made."""
        within = context.parent
        while within is not None and within not in self._jobs:
            within = within.parent
        return None if within is None else self._jobs[within]

    def invoke(self, request: Request, answer: Answer) -> Routed | None:
        """A call that a command makes."""
        context = Context(CORE, self._due(request), request.within, request.trace)
        routed = self.call(request.command, request.arguments, context, answer, idempotent=request.idempotent)
        if request.within is not None and routed is not None:
            routed.forget = request.within.when_cancelled(routed.cancel)
        return routed

    def _due(self, request: Request) -> float | None:
        """The deadline of a command's call: its own time-out, and never behind that of the call it is part of."""
        within = request.within
        seconds = self._deadline if within is None and request.timeout is None else request.timeout
        own = None if seconds is None else monotonic() + seconds
        outer = None if within is None else within.deadline
        return min((each for each in (own, outer) if each is not None), default=None)

    def _give_up(self, routed: Routed, error: CommandError) -> None:
        """Answer a call, which is not answered, with this error, and have its replica stop."""
        waited = routed.pool.withdraw(routed.job)
        if waited:
            self._forget(routed)
        elif routed.asked is not None:
            routed.asked.cancel()
        routed.context.cancel()
        routed.say(None, error)

    def _overdue(self, routed: Routed) -> None:
        if not routed.is_over:
            self._give_up(routed, again(_TOO_LATE))

    # -- steps --------------------------------------------------------------------------------------------------------

    def _carry_out(self, steps: Iterable[Step]) -> None:
        """Do what a pool says, in order, whatever is said meanwhile: answering one call may make the next."""
        self._steps.extend(steps)
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._steps:
                step = self._steps.popleft()
                if isinstance(step, Give):
                    self._give(step)
                else:
                    self._refuse(step)
        finally:
            self._stepping = False

    def _give(self, give: Give) -> None:
        if give.is_stale:
            return
        job, routed = give.job, self._calls[give.job]
        if routed.is_over:  # given up since the pool has decided
            self._forget(routed)
            self._steps.extend(routed.pool.finished(job))
            return
        self._jobs[routed.context] = job

        def answered(value: Any, error: CommandError | None) -> None:
            if not give.is_stale:
                self._answered(routed, value, error)

        try:
            routed.ask(self._replicas[give.replica], answered)
        except CommandError as error:
            self._answered(routed, None, error)

    def _answered(self, routed: Routed, value: Any, error: CommandError | None) -> None:
        self._forget(routed)
        routed.say_behind(value, error)
        self._carry_out(routed.pool.finished(routed.job))

    def _refuse(self, refuse: Refuse) -> None:
        routed = self._calls.get(refuse.job)
        if routed is not None:
            self._forget(routed)
            routed.say_behind(None, CommandError(refuse.code, refuse.message, refuse.data))

    def _forget(self, routed: Routed) -> None:
        self._calls.pop(routed.job, None)
        self._jobs.pop(routed.context, None)

    @property
    def in_flight(self) -> int:
        """Calls that wait, run, or were given up and are not answered by their replica yet."""
        return max(len(self._calls), len(self._jobs))

    def close(self) -> None:
        """Watch no deadline any more."""
        self._deadlines.close()

    def statistics(self) -> dict[str, PoolStatistics]:
        """How each pool stands, by the label of its worker; of those that may export something."""
        return {label: self._pools[label].statistics() for label in self._exports.labels}


def _chain(context: Context) -> tuple[str, ...]:
    """The workers that wait for what is called within `context`, the outermost first."""
    labels: list[str] = []
    within: Context | None = context
    while within is not None:
        if within.worker != CORE:
            labels.append(within.worker)
        within = within.parent
    return tuple(reversed(labels))
