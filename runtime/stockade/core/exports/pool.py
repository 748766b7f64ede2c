"""The replicas of one worker, and the calls to what they export: who gets which, and who waits. Values in, values out.

Knows no message, no socket and no time: whoever carries out the steps has the deadlines and the answers.

A job is given to the replica that is ready, has room for its command and has the fewest jobs; of several the one that
was given none for the longest. It waits where there is none, also for a replica that has yet to say that it is ready.
After every step no job waits that could go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import attrs

from stockade import limits
from stockade.core.exports.job import Job
from stockade.core.exports.line import Line
from stockade.core.exports.waits import cycle_of
from stockade.core.wire.happenings import Export
from stockade.errors import Code

__all__ = ["Give", "Pool", "PoolStatistics", "Refuse", "Step"]

#: How often a job is given to a replica at most: an idempotent one whose replica has died, once more.
_TRIES = 2


@attrs.frozen
class Give:
    """Send this job to this replica, which is ready and has room.

    It is stale, and nothing to be done for it, once the job has another replica, or none.
    """

    job: Job
    replica: str
    tries: int

    @property
    def is_stale(self) -> bool:
        """Whether the replica has gone since."""
        return (self.job.replica, self.job.tries) != (self.replica, self.tries)


@attrs.frozen
class Refuse:
    """Answer this job, which is over, with this error."""

    job: Job
    code: Code
    message: str
    data: Any = None


Step = Give | Refuse


@attrs.frozen
class PoolStatistics:
    """How a pool stands; the last three are since the start."""

    ready: int
    running: int
    waiting: int
    given: int
    refused: int
    again: int  # given once more, their replica having died


@attrs.define(eq=False)
class _Replica:
    """One that is ready."""

    label: str
    exports: Mapping[str, Export]
    running: set[Job] = attrs.field(factory=set)
    by_command: Counter[str] = attrs.field(factory=Counter)
    last_given: int = 0

    def has_room(self, command: str) -> bool:
        export = self.exports.get(command)
        return export is not None and self.by_command[command] < export.concurrency and not self.is_full

    @property
    def is_full(self) -> bool:
        """Whether it has all that any replica may have, of whatever command."""
        return len(self.running) >= limits.ASKED

    def is_before(self, other: _Replica | None) -> bool:
        """Whether it is to be given a job rather than the other."""
        if other is None:
            return True
        return (len(self.running), self.last_given) < (len(other.running), other.last_given)


@attrs.define(eq=False)
class Pool:
    """The pool of the worker `label`, of which `waiting` calls may wait."""

    label: str
    _bound: int
    _line: Line = attrs.field(init=False)
    _expected: set[str] = attrs.field(factory=set, init=False)  # replicas that run or will, and are not ready
    _ready: dict[str, _Replica] = attrs.field(factory=dict, init=False)
    _given: int = attrs.field(default=0, init=False)
    _refused: int = attrs.field(default=0, init=False)
    _again: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self._line = Line(self._bound)

    # -- replicas -----------------------------------------------------------------------------------------------------

    def expect(self, replica: str) -> None:
        """This replica runs, or will, and may yet say that it is ready."""
        self._expected.add(replica)

    def ready(self, replica: str, exports: Mapping[str, Export]) -> list[Step]:
        """This replica answers calls from now on."""
        self._expected.discard(replica)
        self._ready[replica] = _Replica(replica, exports)
        return [*self._go_on(exports), *self._refuse_impossible()]

    def gone(self, replica: str, *, returns: bool) -> list[Step]:
        """This replica answers nothing more; `returns` is whether it is started again.

        What it was running is `unavailable`, or given to another if that may be.
        """
        lost = self._ready.pop(replica, None)
        if returns:
            self._expected.add(replica)
        else:
            self._expected.discard(replica)
        running = lost.running if lost is not None else set[Job]()
        again = [job for job in running if job.idempotent and job.tries < _TRIES]
        ended = f"{replica}, which was answering it, has ended"
        steps: list[Step] = [self._refuse(job, Code.UNAVAILABLE, ended) for job in running.difference(again)]
        for job in again:
            job.replica = None
            self._again += 1
            self._line.put(job, first=True)
        return [*steps, *self._go_on({job.command for job in again}), *self._refuse_impossible()]

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def submit(self, job: Job) -> list[Step]:
        """A new job: it is given to a replica, waits, or is refused; or takes the place of one that waited."""
        job.begin()
        replica = self._free(job)
        if replica is not None:
            return [self._give(job, replica)]
        refusal = self._impossible(job)
        if refusal is not None:
            return [refusal]
        job.pool = self
        cycle = cycle_of(job) if job.parent is not None else None
        if cycle is not None:
            return [self._refuse_cycle(job, cycle)]
        room = self._line.make_room(job.owner)
        if room is False:
            return [self._refuse(job, Code.BUSY, f"{self._bound} calls wait for {self.label} already")]
        self._line.put(job)
        if isinstance(room, Job):
            self._line.remove(room)
            return [self._refuse(room, Code.BUSY, f"others wait for {self.label} too, and you have the most calls")]
        return []

    def withdraw(self, job: Job) -> bool:
        """Nobody waits for this job any more. True if it waited, and so is over; False if a replica is to be told.

        That one's room is taken until it has `finished`.
        """
        job.end()
        job.idempotent = False  # should its replica die, it is for nobody to run again
        return self._line.remove(job)

    def finished(self, job: Job) -> list[Step]:
        """The replica that was given this job has answered it."""
        job.end()
        replica = self._ready.get(job.replica) if job.replica is not None else None
        if replica is None or job not in replica.running:
            return []
        replica.running.discard(job)
        replica.by_command[job.command] -= 1
        return self._go_on([job.command])

    def blockers(self, job: Job) -> Collection[Job] | None:
        """The running jobs of which one has to end before this one, which waits, can go; None if none has to."""
        able = self._able(job)
        if self._expected - set(job.chain) or any(replica.has_room(job.command) for replica in able):
            return None
        return [
            other for replica in able for other in replica.running if replica.is_full or other.command == job.command
        ]

    def statistics(self) -> PoolStatistics:
        """How it stands."""
        running = sum(len(replica.running) for replica in self._ready.values())
        return PoolStatistics(len(self._ready), running, len(self._line), self._given, self._refused, self._again)

    # -- who gets which -----------------------------------------------------------------------------------------------

    def _able(self, job: Job) -> list[_Replica]:
        """The replicas that export it and do not wait for it themselves."""
        return [
            replica
            for replica in self._ready.values()
            if job.command in replica.exports and replica.label not in job.chain
        ]

    def _free(self, job: Job) -> _Replica | None:
        best: _Replica | None = None
        for replica in self._ready.values():
            if replica.has_room(job.command) and replica.label not in job.chain and replica.is_before(best):
                best = replica
        return best

    def _give(self, job: Job, replica: _Replica) -> Give:
        self._given += 1
        job.replica, replica.last_given = replica.label, self._given
        job.tries += 1
        replica.running.add(job)
        replica.by_command[job.command] += 1
        if replica.exports[job.command].idempotent and not job.once:
            job.idempotent = True
        return Give(job, replica.label, job.tries)

    def _go_on(self, commands: Iterable[str]) -> list[Step]:
        """Give what waits for these commands and can go now."""
        return [step for command in commands for step in self._go_on_with(command)]

    def _go_on_with(self, command: str) -> Iterator[Step]:
        # Room first: with a long line and none, each job in it would be asked about after every answer.
        while len(self._line) and any(replica.has_room(command) for replica in self._ready.values()):
            job = self._line.take(command, lambda waiting: self._free(waiting) is not None)
            replica = self._free(job) if job is not None else None
            if job is None or replica is None:
                return
            yield self._give(job, replica)

    # -- who gets none ------------------------------------------------------------------------------------------------

    def _refuse_impossible(self) -> list[Step]:
        steps: list[Step] = []
        for job in list(self._line):
            refusal = self._impossible(job)
            if refusal is not None:
                self._line.remove(job)
                steps.append(refusal)
        return steps

    def _impossible(self, job: Job) -> Refuse | None:
        """Why no replica can ever answer it, as far as that is known."""
        if not self._expected and not self._ready:
            return self._refuse(job, Code.UNAVAILABLE, f"no {self.label} is running, and none is being started")
        if self._ready and not any(job.command in replica.exports for replica in self._ready.values()):
            return self._refuse(job, Code.NOT_FOUND, f"{self.label} does not export that")
        others = (self._expected | self._ready.keys()).difference(job.chain)
        if not others:
            target = next(label for label in job.chain if label in self._expected or label in self._ready)
            return self._refuse_cycle(job, (*job.chain[job.chain.index(target) :], target))
        return None

    def _refuse_cycle(self, job: Job, cycle: tuple[str, ...]) -> Refuse:
        words = f"these workers would wait for each other: {' for '.join(cycle)}"
        return self._refuse(job, Code.UNAVAILABLE, words, {"cycle": list(cycle)})

    def _refuse(self, job: Job, code: Code, message: str, data: Any = None) -> Refuse:
        self._refused += 1
        job.end()
        job.replica = None
        return Refuse(job, code, message, data)
