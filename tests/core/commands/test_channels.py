"""Waiting on channels, from the loop's thread: what is given up leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

import attrs
import pytest

from stockade.core.commands.channels import ReceiveChannel, SendChannel
from stockade.core.outbox import Outbox
from stockade.errors import CommandError, Dropped


@attrs.define(eq=False)
class Port:
    """An end on which nothing ever comes, and that never has room."""

    sends: ClassVar[bool] = True
    loop: asyncio.AbstractEventLoop
    largest: int = 100
    closed: CommandError | None = None
    on_closed: Callable[[], None] | None = None
    ended: bool = False
    error: CommandError | None = None
    waiting: list[Callable[[], None]] = attrs.field(factory=list)

    def __len__(self) -> int:
        return 0

    def take(self) -> Any:
        raise AssertionError("there is nothing")

    def offer(self, value: Any) -> bool:
        return False

    def when_room(self, then: Callable[[], None]) -> None:
        self.waiting.append(then)

    when_item = when_room

    def forget(self, then: Callable[[], None]) -> None:
        self.waiting.remove(then)

    def end(self, error: CommandError | None = None) -> None:
        self.closed = CommandError("it has ended")

    def drop(self) -> None:
        self.ended = True

    let_go = drop


@pytest.mark.parametrize("way", ["send", "receive"])
def test_a_wait_that_is_given_up_leaves_nothing(way: str) -> None:
    """A handler may look for an item with a time limit for as long as it lives."""

    async def main() -> None:
        port = Port(asyncio.get_running_loop())
        sender, receiver = SendChannel[int](port), ReceiveChannel[int](port, int)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await (sender.send(1) if way == "send" else anext(receiver))
        assert port.waiting == []

    asyncio.run(main())


def test_nothing_follows_an_end_from_a_thread() -> None:
    """Whoever sends behind it is told, and the item is not lost in silence; to end again is nothing."""

    async def main() -> None:
        sender = SendChannel[int](Port(asyncio.get_running_loop()))

        def work() -> None:
            sender.end_blocking()
            sender.end_blocking()
            with pytest.raises(Dropped):
                sender.send_blocking(1)

        await asyncio.to_thread(work)

    asyncio.run(main())


def test_who_waits_for_room_twice_is_told_once() -> None:
    """And stands there once: a sender that gives up and tries again must not add up."""
    told: list[int] = []

    def tell() -> None:
        told.append(1)

    outbox = Outbox(100, 100)
    outbox.when_it_takes_items(tell)
    outbox.when_it_takes_items(tell)
    outbox.wake()
    assert told == [1]
