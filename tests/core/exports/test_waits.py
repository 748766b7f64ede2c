"""Workers that wait for each other: which waits could never end."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from stockade.core.exports.job import Job
from stockade.core.exports.waits import cycle_of


@attrs.define
class Room:
    """A pool in which every job waits for the same others."""

    others: Collection[Job] | None = ()

    def blockers(self, job: Job) -> Collection[Job] | None:
        return self.others


def running(replica: str, parent: Job | None = None) -> Job:
    """A job that this replica runs, within `parent`."""
    job = Job("x", "core", parent=parent, replica=replica)
    job.begin()
    return job


def waiting(parent: Job | None, *others: Job) -> Job:
    """A job that waits for any of these to end."""
    job = Job("x", "core", parent=parent, pool=Room(others))
    job.begin()
    return job


def test_one_that_waits_for_busy_workers_will_go() -> None:
    """They run, and wait for nobody."""
    assert cycle_of(waiting(running("a"), running("b"), running("b"))) is None


def test_one_that_need_not_wait_for_a_job_will_go() -> None:
    """A replica is starting."""
    job = Job("x", "core", parent=running("a"), pool=Room(None))
    assert cycle_of(job) is None


def test_two_that_wait_for_each_other() -> None:
    """a handles a call and wants b, whose one place is taken by a call that wants a."""
    in_a, in_b = running("a"), running("b")
    assert cycle_of(waiting(in_b, in_a)) is None  # the first of the two closes nothing
    assert cycle_of(waiting(in_a, in_b)) == ("b", "a", "b")


def test_one_place_that_will_be_free_is_enough() -> None:
    """Of several replicas, one runs something that ends."""
    in_a, stuck, free = running("a"), running("b.1"), running("b.2")
    waiting(stuck, in_a)
    assert cycle_of(waiting(in_a, stuck, free)) is None


def test_every_place_has_to_be_stuck() -> None:
    """All replicas of b wait for a."""
    in_a, first, second = running("a"), running("b.1"), running("b.2")
    waiting(first, in_a)
    waiting(second, in_a)
    cycle = cycle_of(waiting(in_a, first, second))
    assert cycle is not None
    assert cycle[0] == cycle[-1]
    assert {"a"} < set(cycle) <= {"a", "b.1", "b.2"}


def test_all_that_a_handler_has_called_must_end() -> None:
    """One of its calls comes back at once, the other never: it hangs all the same."""
    in_a, in_b = running("a"), running("b")
    running("c", parent=in_b)
    waiting(in_b, in_a)
    assert cycle_of(waiting(in_a, in_b)) == ("b", "a", "b")


def test_a_ring_of_three() -> None:
    """Through a worker that runs a nested call, not only through those that wait."""
    in_a, in_b = running("a"), running("b")
    in_c = running("c", parent=in_b)
    waiting(in_c, in_a)
    assert cycle_of(waiting(in_a, in_b)) == ("b", "c", "a", "b")


def test_what_has_ended_is_waited_for_no_more() -> None:
    """An answer that has come frees the one that waited for it."""
    in_a, in_b = running("a"), running("b")
    waiting(in_b, in_a).end()
    assert cycle_of(waiting(in_a, in_b)) is None
