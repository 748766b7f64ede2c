"""Deadlines: each comes, never early and never much too late, and one that is taken out never."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import attrs

from stockade.core.commands.deadlines import Deadlines


@attrs.define
class Watch:
    """Deadlines, and when each item was over."""

    over: dict[str, float] = attrs.field(factory=dict)
    deadlines: Deadlines[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.deadlines = Deadlines(asyncio.get_running_loop(), self.note)

    def note(self, item: str) -> None:
        self.over[item] = monotonic()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.over) < count:  # noqa: ASYNC110 (nobody tells)
                await asyncio.sleep(0.001)


def run(test: Callable[[Watch], Awaitable[None]]) -> None:
    async def main() -> None:
        await test(Watch())

    asyncio.run(main())


def test_none_comes_early_and_all_come_in_order() -> None:
    """Items are over in the order of their deadlines, whatever the order in which they were added."""

    async def test(watch: Watch) -> None:
        now = monotonic()
        for name, seconds in (("third", 0.2), ("first", 0.01), ("second", 0.1)):
            watch.deadlines.add(name, now + seconds)
        await watch.wait(3)
        assert list(watch.over) == ["first", "second", "third"]
        assert watch.over["first"] >= now + 0.01
        assert watch.over["third"] >= now + 0.2

    run(test)


def test_one_that_has_passed_comes_in_the_next_round() -> None:
    """A deadline of the past is over at once, but not within `add`."""

    async def test(watch: Watch) -> None:
        watch.deadlines.add("late", monotonic() - 1)
        assert not watch.over
        await watch.wait(1)

    run(test)


def test_what_is_taken_out_never_comes() -> None:
    """Taking an item out of its bucket is all that ending in time needs."""

    async def test(watch: Watch) -> None:
        now = monotonic()
        bucket = watch.deadlines.add("done", now + 0.02)
        watch.deadlines.add("late", now + 0.04)
        del bucket["done"]
        await watch.wait(1)
        assert list(watch.over) == ["late"]

    run(test)


def test_buckets_are_few_however_far_the_deadlines() -> None:
    """A caller that asks for a hundred thousand different deadlines makes the wheel remember some thousand times."""

    async def test(watch: Watch) -> None:
        now = monotonic()
        for number in range(100_000):
            del watch.deadlines.add("x", now + 1.001 ** (number % 40_000))["x"]
        assert len(watch.deadlines._order) < 5000

    run(test)


def test_how_late_an_item_may_be_grows_with_its_time_alone() -> None:
    """The bucket of a deadline stands at most a sixteenth of what is left, or 4 ms, behind it."""

    async def test(watch: Watch) -> None:
        for left in (0.003, 0.5, 0.99, 1.0, 3.9, 4.0, 15.0, 17.0, 60.0, 64.0, 3000.0):
            now = monotonic()
            watch.deadlines.add("x", now + left)
            latest = max(watch.deadlines._order) / 256
            assert now + left <= latest <= now + left + max(0.005, left / 16 + 0.005), left
            watch.deadlines.close()

    run(test)


def test_the_sooner_one_is_not_kept_waiting_by_the_later() -> None:
    """One that is added behind a later one moves the timer forward."""

    async def test(watch: Watch) -> None:
        now = monotonic()
        watch.deadlines.add("later", now + 30)
        await asyncio.sleep(0)
        watch.deadlines.add("sooner", now + 0.01)
        await watch.wait(1)
        assert list(watch.over) == ["sooner"]

    run(test)


def test_one_that_is_added_when_its_bucket_has_rung_comes_too() -> None:
    """Also where the last one added stood in that bucket."""

    async def test(watch: Watch) -> None:
        deadline = monotonic() + 0.01
        watch.deadlines.add("first", deadline)
        await watch.wait(1)
        watch.deadlines.add("second", deadline)
        await watch.wait(2)
        assert list(watch.over) == ["first", "second"]

    run(test)


def test_one_whose_handling_raises_holds_up_no_other() -> None:
    """Neither those of its own bucket nor the later ones; the loop's exception handler hears of it."""

    async def test(watch: Watch) -> None:
        loop, raised = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda _, context: raised.append(type(context["exception"])))

        def over(item: str) -> None:
            watch.note(item)
            if item == "bad":
                raise ZeroDivisionError

        deadlines, now = Deadlines(loop, over), monotonic()
        for name, deadline in (("same", now), ("bad", now), ("later", now + 0.02)):
            deadlines.add(name, deadline)
        await watch.wait(3)
        assert list(watch.over) == ["bad", "same", "later"]
        assert raised == [ZeroDivisionError]

    run(test)
