"""Who waits, in which order, and who loses a place."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stockade.core.exports.job import Job
from stockade.core.exports.line import Line


def anyone(_: Job) -> bool:
    return True


def filled(owners: str, bound: int = 100) -> tuple[Line, list[Job]]:
    """A line with a job of each of these one-letter owners, in this order."""
    line, jobs = Line(bound), [Job("make", owner) for owner in owners]
    for job in jobs:
        line.put(job)
    return line, jobs


def served(line: Line) -> str:
    """The owners of all that wait, in the order in which they go."""
    order = ""
    while (job := line.take("make", anyone)) is not None:
        order += job.owner
    return order


def test_callers_take_turns() -> None:
    """Who has queued ten calls does not keep one of another waiting behind them."""
    line, _ = filled("aaaabbc")
    assert served(line) == "abcabaa"


def test_one_that_may_not_go_holds_up_nobody() -> None:
    """Neither another caller's nor its own caller's next."""
    line, jobs = filled("aab")
    assert line.take("make", lambda job: job is not jobs[0]) is jobs[1]
    assert line.take("make", lambda job: job is not jobs[0]) is jobs[2]
    assert line.take("make", lambda job: job is not jobs[0]) is None
    assert len(line) == 1


def test_commands_have_lines_of_their_own() -> None:
    """What waits for one command is not taken for another."""
    line, _ = filled("a")
    assert line.take("turn", anyone) is None


def test_what_is_put_first_goes_first() -> None:
    """A job that has lost its replica has waited its time already."""
    line, _ = filled("ab")
    again = Job("make", "a")
    line.put(again, first=True)
    assert line.take("make", anyone) is again


def test_a_flood_loses_its_last_place_to_who_has_less() -> None:
    """In a full line the newest of the caller that has the most gives way; it was never run."""
    line, jobs = filled("aaab", bound=4)
    assert line.make_room("b") is jobs[2]
    assert line.make_room("c") is jobs[2]
    assert line.make_room("a") is False


def test_nobody_gives_way_to_an_equal() -> None:
    """Else two callers would push each other out for ever."""
    line, _ = filled("aabb", bound=4)
    assert line.make_room("a") is False
    line, _ = filled("aab", bound=3)
    assert line.make_room("b") is False


def test_one_that_has_run_never_gives_way() -> None:
    """It could not be told that it never ran."""
    line, jobs = filled("aaa", bound=3)
    for job in jobs:
        job.tries = 1
    assert line.make_room("b") is False


def test_a_line_without_room_lets_nobody_in() -> None:
    """A bound of 0 is that nobody waits."""
    assert Line(0).make_room("a") is False


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.sets(st.integers(0, 29)))
def test_each_goes_once_in_its_callers_order(owners: list[str], removed: set[int]) -> None:
    """Whatever is taken back meanwhile, the rest goes; no caller is served twice while another waits all the time."""
    line, jobs = filled("".join(owners))
    gone = {jobs[at] for at in removed if at < len(jobs)}
    assert all(line.remove(job) for job in gone)
    assert not any(line.remove(job) for job in gone)
    order = []
    while (job := line.take("make", anyone)) is not None:
        order.append(job)
    assert sorted(map(id, order)) == sorted(id(job) for job in jobs if job not in gone)
    for owner in set(owners):
        mine = [job for job in order if job.owner == owner]
        assert mine == [job for job in jobs if job.owner == owner and job not in gone]
    for first, second in pairwise(order):
        if first.owner == second.owner:  # then nobody else was left
            assert {job.owner for job in order[order.index(second) :]} == {first.owner}
    assert len(line) == 0
