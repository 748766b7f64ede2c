"""What the core holds of a worker's bytes: told once when it has become less, to who has asked."""

from __future__ import annotations

from stockade.core.burden import Burden


def test_who_has_asked_is_told_once_it_is_lighter() -> None:
    """Not before the bound is reached again, and not a second time."""
    told: list[int] = []
    burden = Burden(100, lambda: told.append(burden.bytes))
    burden.add(150)
    assert burden.is_too_much()
    burden.remove(40)
    assert told == []
    burden.remove(10)
    burden.remove(10)
    assert told == [100]
    assert not burden.is_too_much()


def test_nobody_is_told_who_has_not_asked() -> None:
    """A worker that is read needs no word."""
    told: list[int] = []
    burden = Burden(100, lambda: told.append(1))
    burden.add(150)
    burden.remove(150)
    assert told == []
