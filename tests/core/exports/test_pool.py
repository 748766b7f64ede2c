"""Which replica gets a call, which calls wait, and how each of them ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from stockade import limits
from stockade.core.exports.job import Job
from stockade.core.exports.pool import Give, Pool, Refuse, Step
from stockade.core.wire.happenings import Export
from stockade.errors import Code

ONE = {"make": Export()}
THREE = {"make": Export(concurrency=3)}


def a_pool(replicas: Iterable[str] = "12", exports: Any = ONE, waiting: int = 10) -> Pool:
    """A pool whose replicas are ready."""
    pool = Pool("thumbs", waiting)
    for replica in replicas:
        pool.expect(replica)
        assert pool.ready(replica, exports) == []
    return pool


def submitted(pool: Pool, count: int, owner: str = "ui") -> list[Job]:
    """So many jobs of `owner`; none is refused."""
    jobs = [Job("make", owner) for _ in range(count)]
    for job in jobs:
        assert not any(isinstance(step, Refuse) for step in pool.submit(job))
    return jobs


def given_(steps: list[Step]) -> list[Job]:
    assert all(isinstance(step, Give) for step in steps), steps
    return [step.job for step in steps]


def refused(steps: list[Step]) -> Refuse:
    (step,) = steps
    assert isinstance(step, Refuse)
    return step


# -- who gets which ---------------------------------------------------------------------------------------------------


def test_calls_spread_over_the_replicas() -> None:
    """The one with the fewest in flight is next, and of equals the one that was idle for the longest."""
    pool = a_pool("123", THREE)
    assert [job.replica for job in submitted(pool, 6)] == ["1", "2", "3", "1", "2", "3"]
    first = submitted(a_pool("12", THREE), 3)
    assert [job.replica for job in first] == ["1", "2", "1"]


def test_the_least_busy_is_next() -> None:
    """Whoever has answered gets the next call, not whose turn it would be."""
    pool = a_pool("123", THREE)
    jobs = submitted(pool, 6)
    pool.finished(jobs[1])
    (job,) = submitted(pool, 1)
    assert job.replica == "2"


def test_of_idle_replicas_the_one_that_rested_longest_is_next() -> None:
    """So that a slow trickle of calls finds them all, and shows one that is broken."""
    pool = a_pool("123")
    served = []
    for _ in range(4):
        (job,) = submitted(pool, 1)
        served.append(job.replica)
        pool.finished(job)
    assert served == ["1", "2", "3", "1"]


def test_no_replica_has_more_than_its_concurrency() -> None:
    """What is beyond waits, and goes when one has ended, to the replica that has room."""
    pool = a_pool("12", ONE)
    jobs = submitted(pool, 4)
    assert [job.replica for job in jobs] == ["1", "2", None, None]
    assert given_(pool.finished(jobs[1])) == [jobs[2]]
    assert jobs[2].replica == "2"
    assert (pool.statistics().running, pool.statistics().waiting) == (2, 1)


def test_commands_do_not_take_each_others_room() -> None:
    """Each export has a concurrency of its own; what a replica has in flight counts together."""
    pool = a_pool("12", {"make": Export(), "turn": Export()})
    assert [job.replica for job in submitted(pool, 3)] == ["1", "2", None]
    turn = Job("turn", "ui")
    pool.submit(turn)
    assert turn.replica == "1"


def test_callers_take_turns() -> None:
    """A caller with one call waits for one call of the other's, not for all of them."""
    pool = a_pool("1")
    flood = submitted(pool, 5, "flood")
    (one,) = submitted(pool, 1, "ui")
    assert given_(pool.finished(flood[0])) == [flood[1]]
    assert given_(pool.finished(flood[1])) == [one]


# -- who gets none ----------------------------------------------------------------------------------------------------


def test_a_full_line_is_busy() -> None:
    """At once, and the line does not grow."""
    pool = a_pool("1", waiting=2)
    submitted(pool, 3)
    assert refused(pool.submit(Job("make", "ui"))).code is Code.BUSY
    assert pool.statistics().waiting == 2


def test_a_flood_gives_way_in_a_full_line() -> None:
    """Another caller's call is let in, and the last of the flood is told."""
    pool = a_pool("1", waiting=2)
    flood = submitted(pool, 3, "flood")
    step = refused(pool.submit(Job("make", "ui")))
    assert (step.job, step.code) == (flood[2], Code.BUSY)


def test_nobody_there_is_unavailable() -> None:
    """At once: nobody is running, and nobody will."""
    assert refused(Pool("thumbs", 10).submit(Job("make", "ui"))).code is Code.UNAVAILABLE


def test_one_that_starts_is_waited_for() -> None:
    """It goes when the replica is ready, and is refused when that is given up."""
    pool = Pool("thumbs", 10)
    pool.expect("1")
    (job,) = submitted(pool, 1)
    assert given_(pool.ready("1", ONE)) == [job]
    pool = Pool("thumbs", 10)
    pool.expect("1")
    (job,) = submitted(pool, 1)
    assert pool.gone("1", returns=True) == []
    assert refused(pool.gone("1", returns=False)).code is Code.UNAVAILABLE


def test_what_they_do_not_export_is_not_found() -> None:
    """The configuration would let them; also where a call has waited for them to be ready."""
    assert refused(a_pool().submit(Job("turn", "ui"))).code is Code.NOT_FOUND
    pool = Pool("thumbs", 10)
    pool.expect("1")
    pool.submit(Job("turn", "ui"))
    assert refused(pool.ready("1", ONE)).code is Code.NOT_FOUND


# -- deaths -----------------------------------------------------------------------------------------------------------


def test_the_death_of_a_replica_ends_its_calls() -> None:
    """They are `unavailable`: whether they did their work, nobody knows; those that wait go elsewhere."""
    pool = a_pool("12")
    first, second, third = submitted(pool, 3)
    step = refused(pool.gone("1", returns=True))
    assert (step.job, step.code) == (first, Code.UNAVAILABLE)
    assert given_(pool.finished(second)) == [third]


def test_an_idempotent_call_is_given_to_another_once() -> None:
    """At most once more: what kills two replicas would kill them all."""
    pool = a_pool("123")
    job = Job("make", "ui", idempotent=True)
    pool.submit(job)
    assert job.replica == "1"
    assert given_(pool.gone("1", returns=True)) == [job]
    assert job.replica == "2"
    assert refused(pool.gone("2", returns=True)).job is job
    assert (pool.statistics().again, pool.statistics().running) == (1, 0)


def test_an_idempotent_call_goes_before_those_that_wait() -> None:
    """Where no other replica has room, it waits as the first."""
    pool = a_pool("12")
    job = Job("make", "ui", idempotent=True)
    pool.submit(job)
    second, third = submitted(pool, 2)
    assert pool.gone("1", returns=True) == []
    assert given_(pool.finished(second)) == [job]
    assert given_(pool.ready("1", ONE)) == [third]


def test_an_idempotent_call_without_any_other_replica_is_unavailable() -> None:
    """Where the last one has gone for good."""
    pool = a_pool("1")
    pool.submit(Job("make", "ui", idempotent=True))
    assert refused(pool.gone("1", returns=False)).code is Code.UNAVAILABLE


def test_the_answer_of_one_that_has_died_is_for_nobody() -> None:
    """Its call has been answered; the next generation's room is its own."""
    pool = a_pool("1")
    (job,) = submitted(pool, 1)
    pool.gone("1", returns=True)
    pool.ready("1", ONE)
    assert pool.finished(job) == []
    submitted(pool, 1)
    assert pool.statistics().running == 1


# -- taken back -------------------------------------------------------------------------------------------------------


def test_one_that_waits_is_taken_back() -> None:
    """It is never given to anybody."""
    pool = a_pool("1")
    first, second = submitted(pool, 2)
    assert pool.withdraw(second)
    assert pool.finished(first) == []


def test_one_that_runs_holds_its_place_till_it_is_answered() -> None:
    """The replica is to be told, and works on it until it says otherwise."""
    pool = a_pool("1")
    first, second = submitted(pool, 2)
    assert not pool.withdraw(first)
    assert second.replica is None
    assert given_(pool.finished(first)) == [second]


def test_one_that_was_taken_back_is_not_run_again() -> None:
    """Nobody waits for it, idempotent or not."""
    pool = a_pool("12")
    job = Job("make", "ui", idempotent=True)
    pool.submit(job)
    pool.withdraw(job)
    assert refused(pool.gone("1", returns=True)).job is job
    assert pool.statistics().again == 0


def test_one_with_channels_runs_once() -> None:
    """Whatever its export says: what has been sent cannot be sent again."""
    pool = a_pool("12", {"make": Export(idempotent=True)})
    job = Job("make", "ui", once=True)
    pool.submit(job)
    assert refused(pool.gone("1", returns=True)).code is Code.UNAVAILABLE


# -- who waits for whom -----------------------------------------------------------------------------------------------


def test_a_worker_that_waits_for_a_call_does_not_get_it() -> None:
    """Another replica does, at once or as soon as it can."""
    pool = a_pool("12")
    first, second = Job("make", "1", chain=("1",)), Job("make", "1", chain=("1",))
    pool.submit(first)
    assert (first.replica, pool.submit(second)) == ("2", [])
    assert given_(pool.finished(first)) == [second]


def test_a_chain_that_comes_round_is_refused() -> None:
    """At once, with the labels of those that would wait for each other."""
    pool = a_pool("1")
    step = refused(pool.submit(Job("make", "b", chain=("ui", "1", "b"))))
    assert (step.code, step.data) == (Code.UNAVAILABLE, {"cycle": ["1", "b", "1"]})


def test_a_chain_that_comes_round_when_others_have_gone_is_refused() -> None:
    """While there was another replica, it waited for that."""
    pool = a_pool("12")
    pool.submit(Job("make", "ui"))
    pool.submit(Job("make", "ui"))
    job = Job("make", "b", chain=("1", "b"))
    assert pool.submit(job) == []
    steps = pool.gone("2", returns=False)
    assert {step.code for step in steps if isinstance(step, Refuse)} == {Code.UNAVAILABLE}
    assert [step.data for step in steps if isinstance(step, Refuse) and step.job is job] == [{"cycle": ["1", "b", "1"]}]


def test_two_pools_that_wait_for_each_other() -> None:
    """Each has one place, taken by a call that wants the other's: the second of them is refused, the first goes on."""
    ours, theirs = a_pool("a"), Pool("b", 10)
    theirs.expect("b")
    theirs.ready("b", ONE)
    in_a, in_b = Job("make", "ui"), Job("make", "tool")
    ours.submit(in_a)
    theirs.submit(in_b)
    first = Job("make", "b", chain=("tool", "b"), parent=in_b)
    assert ours.submit(first) == []
    step = refused(theirs.submit(Job("make", "a", chain=("ui", "a"), parent=in_a)))
    assert (step.code, step.data) == (Code.UNAVAILABLE, {"cycle": ["b", "a", "b"]})
    assert given_(ours.finished(in_a)) == [first]


# -- anything, in any order -------------------------------------------------------------------------------------------


@attrs.define
class Fate:
    """What has become of one job."""

    given: int = 0
    ended: str = ""


class AnyOrder(RuleBasedStateMachine):
    """Jobs, answers, deaths, starts and withdrawals: each job ends once, and no replica has more than it can do."""

    jobs = Bundle("jobs")

    @initialize()
    def begin(self) -> None:
        self.pool = Pool("p", 3)
        self.fates: dict[Job, Fate] = {}
        self.up: dict[str, int] = {}
        self.down = {"1", "2", "3"}
        self.withdrawn: set[Job] = set()
        for replica in self.down:
            self.pool.expect(replica)

    def take(self, steps: list[Step]) -> None:
        for step in steps:
            fate = self.fates[step.job]
            assert not fate.ended, "it was given or refused after its end"
            if isinstance(step, Give):
                assert step.job.replica in self.up
                assert step.job.replica not in step.job.chain
                fate.given += 1
            else:
                assert step.code is not Code.BUSY or not fate.given, "one that has run was told that it never did"
                fate.ended = str(step.code)

    @rule(
        target=jobs, owner=st.sampled_from("xyz"), chain=st.sampled_from([(), ("1",), ("2", "3")]), again=st.booleans()
    )
    def submit(self, owner: str, chain: tuple[str, ...], again: bool) -> Job:
        job = Job("make", owner, chain, idempotent=again)
        self.fates[job] = Fate()
        self.take(self.pool.submit(job))
        return job

    @rule(job=consumes(jobs))
    def answer(self, job: Job) -> None:
        if job.replica is not None and (not self.fates[job].ended or job in self.withdrawn):
            self.fates[job].ended = "answered"
            self.withdrawn.discard(job)
            self.take(self.pool.finished(job))

    @rule(job=jobs)
    def withdraw(self, job: Job) -> None:
        if not self.fates[job].ended and self.pool.withdraw(job):
            self.fates[job].ended = "withdrawn"

    @rule(replica=st.sampled_from("123"), concurrency=st.integers(1, 2))
    def rise(self, replica: str, concurrency: int) -> None:
        if replica not in self.up:
            self.up[replica] = concurrency
            self.take(self.pool.ready(replica, {"make": Export(concurrency)}))

    @rule(replica=st.sampled_from("123"), returns=st.booleans())
    def fall(self, replica: str, returns: bool) -> None:
        self.up.pop(replica, None)
        self.take(self.pool.gone(replica, returns=returns))

    @invariant()
    def nobody_is_forgotten(self) -> None:
        waiting = running = 0
        for job, fate in self.fates.items():
            assert fate.given <= 2
            if not fate.ended:
                waiting += job.replica is None
                running += job.replica is not None
        stood = self.pool.statistics()
        assert (stood.waiting, stood.running) == (waiting, running)
        assert stood.ready == len(self.up)

    @invariant()
    def nobody_has_too_much(self) -> None:
        for replica, concurrency in self.up.items():
            mine = [job for job, fate in self.fates.items() if job.replica == replica and not fate.ended]
            assert len(mine) <= concurrency

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        for job, fate in self.fates.items():
            if job.replica is None and not fate.ended:
                busy = dict.fromkeys(self.up, 0)
                for other, its in self.fates.items():
                    if other.replica in busy and not its.ended:
                        busy[other.replica] += 1
                assert all(busy[r] >= self.up[r] for r in self.up if r not in job.chain)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(deadline=None, max_examples=150, stateful_step_count=40)


@pytest.mark.parametrize("exports", [ONE, THREE])
def test_statistics_tell_how_it_stands(exports: Any) -> None:
    """Now, and since the start."""
    pool = a_pool("12", exports, waiting=0)
    submitted(pool, 2)
    stood = pool.statistics()
    assert (stood.ready, stood.running, stood.waiting, stood.given, stood.refused) == (2, 2, 0, 2, 0)


def test_a_replica_has_no_more_than_the_core_keeps() -> None:
    """Whatever it says of its concurrency: what it never answers is kept, also where nobody waits for it any more."""
    pool = a_pool("1", {"make": Export(concurrency=10**9)})
    for job in submitted(pool, limits.ASKED):
        assert not pool.withdraw(job)
    (job,) = submitted(pool, 1)
    assert job.replica is None
