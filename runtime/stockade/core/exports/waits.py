"""Whether a job could ever go, or waits for itself by way of others. Knows jobs, and asks the pools that they wait in.

A job that runs ends when all the jobs that it waits for have ended; one that waits goes when any of those ends that
have the room it needs. What cannot be reasoned to end by these two rules never will: workers wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection

import attrs

from stockade.core.exports.job import Job

__all__ = ["cycle_of"]


@attrs.frozen
class _Needs:
    """What a job waits for: all of these others, or any of them."""

    all: bool
    others: Collection[Job]

    def are_met(self, ending: set[Job]) -> bool:
        met = (other in ending for other in self.others)
        return all(met) if self.all else any(met)


def cycle_of(job: Job) -> tuple[str, ...] | None:
    """The labels of workers that would wait for each other if this new job waited, the first again as the last.

    None where it would go some day, as far as is known: what a handler does besides calling, nobody knows.
    """
    needs = _reachable(job)
    ending: set[Job] = set()
    found: set[Job] | None = None
    while found is None or found:
        found = {each for each in needs.keys() - ending if needs[each].are_met(ending)}
        ending |= found
    return None if job in ending else _ring(job, needs, ending)


def _reachable(job: Job) -> dict[Job, _Needs]:
    needs: dict[Job, _Needs] = {}
    waiting = [job]
    while waiting:
        each = waiting.pop()
        if each not in needs:
            needs[each] = _needs(each)
            waiting += needs[each].others
    return needs


def _needs(job: Job) -> _Needs:
    if job.replica is not None:
        return _Needs(True, tuple(job.children))
    blockers = job.pool.blockers(job) if job.pool is not None else None
    return _Needs(True, ()) if blockers is None else _Needs(False, blockers)


def _ring(job: Job, needs: dict[Job, _Needs], ending: set[Job]) -> tuple[str, ...]:
    """Follow what does not end from `job` on until it comes round: the replicas on the way."""
    way: list[Job] = []
    while job not in way:
        way.append(job)
        job = next(other for other in needs[job].others if other not in ending)
    labels = [each.replica for each in way[way.index(job) :] if each.replica is not None]
    return (*labels, labels[0])
