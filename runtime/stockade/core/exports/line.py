"""Who waits for what one worker exports: first come first served for each caller, and by turns between callers.

Knows no replica: who may go now, it is told.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator

import attrs

from stockade.core.exports.job import Job

__all__ = ["Line"]


@attrs.define
class Line:
    """The jobs that wait, at most `bound` of them; for each command there are turns of its own."""

    bound: int
    #: By command, by owner: who was served last stands last.
    _waiting: dict[str, dict[str, deque[Job]]] = attrs.field(factory=dict, init=False)
    _by_owner: Counter[str] = attrs.field(factory=Counter, init=False)

    def __len__(self) -> int:
        """How many wait."""
        return self._by_owner.total()

    def __iter__(self) -> Iterator[Job]:
        """All that wait."""
        return (job for owners in self._waiting.values() for jobs in owners.values() for job in jobs)

    def make_room(self, owner: str) -> Job | bool:
        """Room for one more of `owner`'s: True where there is, False where it has as many as anybody.

        Else the job that loses its place: the last of the owner that has the most, so that no caller's flood keeps
        the others out.
        """
        if len(self) < self.bound:
            return True
        longest = max(self._by_owner, key=self._by_owner.__getitem__, default=owner)
        if self._by_owner[owner] + 1 >= self._by_owner[longest]:
            return False
        # One that has run, and is to run again, could not be told `busy`: that means that it never ran.
        never_ran = (job for job in self if job.owner == longest and not job.tries)
        return max(never_ran, key=self._place, default=False)

    def _place(self, job: Job) -> int:
        return self._waiting[job.command][job.owner].index(job)

    def put(self, job: Job, *, first: bool = False) -> None:
        """Let it wait for its owner's turn, behind its owner's others or before them."""
        jobs = self._waiting.setdefault(job.command, {}).setdefault(job.owner, deque())
        if first:
            jobs.appendleft(job)
        else:
            jobs.append(job)
        self._by_owner[job.owner] += 1

    def take(self, command: str, may_go: Callable[[Job], bool]) -> Job | None:
        """The next that waits for `command` and may go, taken out; None where there is none."""
        owners = self._waiting.get(command, {})
        job = next((job for jobs in owners.values() for job in jobs if may_go(job)), None)
        if job is not None:
            self.remove(job)
            if job.owner in owners:
                owners[job.owner] = owners.pop(job.owner)
        return job

    def remove(self, job: Job) -> bool:
        """Take it out; False where it waits no more."""
        owners = self._waiting.get(job.command, {})
        jobs = owners.get(job.owner)
        if jobs is None or job not in jobs:
            return False
        jobs.remove(job)
        if not jobs:
            del owners[job.owner]
            if not owners:
                del self._waiting[job.command]
        self._by_owner[job.owner] -= 1
        self._by_owner += Counter()  # forgets owners with nothing waiting
        return True
