"""The queue before the threads: fair between owners, in order within one."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.core.commands.fairness import FairQueue


def filled(share: int, items: str, common: int = 99) -> FairQueue[str]:
    """Items like ``a1 a2 b1``, whose first character is their owner."""
    queue: FairQueue[str] = FairQueue(share, common)
    for item in items.split():
        queue.put(item[0], item)
    return queue


def taken(queue: FairQueue[str], count: int) -> str:
    return " ".join(str(queue.take()) for _ in range(count))


def test_owners_take_turns() -> None:
    """An owner with much to do does not keep the others waiting."""
    assert taken(filled(9, "a1 a2 a3 b1 c1 c2"), 7) == "a1 b1 c1 a2 c2 a3 None"


def test_owner_over_its_share_waits_for_itself() -> None:
    """With its share out, an owner gets nothing until one of its items has come back."""
    queue = filled(1, "a1 a2 b1")
    assert taken(queue, 3) == "a1 b1 None"
    queue.ended("b")
    assert queue.take() is None
    queue.ended("a")
    assert taken(queue, 2) == "a2 None"


def test_first_item_of_each_owner_never_waits_for_another_owner() -> None:
    """What goes beyond is out of the common places; there are only so many."""
    queue = filled(3, "a1 a2 a3 b1 b2 b3 c1 c2", common=2)
    assert taken(queue, 6) == "a1 b1 c1 a2 b2 None"
    queue.put("d", "d1")
    assert taken(queue, 2) == "d1 None"
    queue.ended("b")
    assert taken(queue, 2) == "c2 None"


def test_owner_is_stuck_when_only_abandoned_items_stand_in_its_way() -> None:
    """In its own share, or in the places that all have together; one item that somebody waits for is hope enough."""
    queue = filled(2, "a1 a2 b1 b2 c1", common=2)
    assert taken(queue, 5) == "a1 b1 c1 a2 b2"
    queue.abandon("c")
    assert [owner for owner in "abcd" if queue.is_stuck(owner)] == []  # the common places come back, as far as known
    for owner in "aabb":
        queue.abandon(owner)
    assert [owner for owner in "abcd" if queue.is_stuck(owner)] == ["a", "b", "c"]
    queue.ended("a", abandoned=True)
    assert [owner for owner in "abcd" if queue.is_stuck(owner)] == ["b"]  # it has its whole share out


def test_what_waits_for_abandoned_items_alone_is_taken_back() -> None:
    """An owner with hope keeps what waits; one without gets it back, all of it and once."""
    queue = filled(2, "a1 a2 a3 a4 b1 b2 b3", common=9)
    assert taken(queue, 4) == "a1 b1 a2 b2"
    queue.abandon("a")
    assert queue.take_stuck() == []
    queue.abandon("a")
    queue.abandon("b")
    assert queue.take_stuck() == ["a3", "a4"]
    assert queue.take_stuck() == []
    assert len(queue) == 1


def test_removed_item_is_never_taken() -> None:
    """An item can be taken back while it waits, and only then."""
    queue = filled(1, "a1 a2")
    assert queue.take() == "a1"
    assert not queue.remove("a", "a1")
    assert queue.remove("a", "a2")
    assert not queue.remove("a", "a2")
    queue.ended("a")
    assert queue.take() is None
    assert len(queue) == 0


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc")), st.integers(1, 4), st.integers(1, 4), st.randoms())
def test_every_item_comes_once_in_its_owners_order(owners: list[str], share: int, common: int, random: Random) -> None:
    """Whatever comes back when: nothing is lost, doubled or overtaken, and neither bound is exceeded."""
    queue: FairQueue[tuple[str, int]] = FairQueue(share, common)
    for number, owner in enumerate(owners):
        queue.put(owner, (owner, number))
    out: list[str] = []
    seen: list[tuple[str, int]] = []
    while len(seen) < len(owners):
        item = queue.take()
        if item is not None:
            seen.append(item)
            out.append(item[0])
            assert out.count(item[0]) <= share
            assert len(out) - len(set(out)) <= common
        if item is None or random.random() < 0.5:
            queue.ended(out.pop(random.randrange(len(out))))
    for owner in set(owners):
        assert [number for who, number in seen if who == owner] == [i for i, who in enumerate(owners) if who == owner]
