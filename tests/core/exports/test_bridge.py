"""A channel carried on from one worker to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.core.exports.bridge import join
from stockade.errors import Code, CommandError, Dropped


@attrs.define(eq=False)
class Source:
    """The core's end of a channel on which a worker sends."""

    waiting: list[Any] = attrs.field(factory=list)
    taken: int = 0
    ended: bool = False
    error: CommandError | None = None
    dropped: bool = False
    _then: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self.waiting)

    def take(self) -> Any:
        self.taken += 1
        return self.waiting.pop(0)

    def when_item(self, then: Callable[[], None]) -> None:
        self._then = then

    def drop(self) -> None:
        self.dropped = self.ended = True
        self.waiting.clear()

    def send(self, *items: Any) -> None:
        self.waiting += items
        self._tell()

    def end(self, error: CommandError | None = None) -> None:
        self.ended, self.error = True, error
        self._tell()

    def _tell(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()


@attrs.define(eq=False)
class Sink:
    """The core's end of a channel on which a worker receives, and grants credit."""

    credit: int = 0
    largest: int = 1000
    heard: list[Any] = attrs.field(factory=list)
    closed: CommandError | None = None
    ended_with: list[CommandError | None] = attrs.field(factory=list)
    on_closed: Callable[[], None] | None = None
    _then: Callable[[], None] | None = None

    def offer(self, value: Any) -> bool:
        if value == "huge":
            raise CommandError(Code.TOO_LARGE)
        if not self.credit:
            return False
        self.credit -= 1
        self.heard.append(value)
        return True

    def when_room(self, then: Callable[[], None]) -> None:
        self._then = then

    def end(self, error: CommandError | None = None) -> None:
        self.ended_with.append(error)
        self.close(Dropped())

    def close(self, error: CommandError) -> None:
        if self.closed is None:
            self.closed = error
            if self.on_closed is not None:
                self.on_closed()

    def grant(self, credit: int) -> None:
        self.credit += credit
        then, self._then = self._then, None
        if then is not None:
            then()


def bridged(credit: int = 0) -> tuple[Source, Sink, list[str]]:
    source, sink, ended = Source(), Sink(credit), list[str]()
    join(source, sink, lambda: ended.append("ended"))
    return source, sink, ended


def test_items_go_through_in_order() -> None:
    """Whether there is credit before they come, or after."""
    source, sink, ended = bridged(2)
    source.send(1, 2, 3)
    sink.grant(2)
    source.send(4)
    assert (sink.heard, ended) == ([1, 2, 3, 4], [])


def test_no_more_is_taken_than_can_be_sent() -> None:
    """One item is held; the next is left where it was, and so no credit is granted for another."""
    source, sink, _ = bridged(1)
    source.send(1, 2, 3, 4)
    assert (sink.heard, source.taken) == ([1], 2)


def test_the_end_comes_behind_all_items() -> None:
    """With its error, if it has one."""
    source, sink, ended = bridged(1)
    source.send(1, 2)
    source.end(CommandError("notes.torn"))
    assert sink.ended_with == []
    sink.grant(1)
    assert (sink.heard, str(sink.ended_with[0]), ended) == ([1, 2], "notes.torn", ["ended"])


@pytest.mark.parametrize("waits_for", ["items", "credit"])
def test_a_receiver_that_wants_no_more_is_passed_on(waits_for: str) -> None:
    """Whatever the bridge was waiting for: the sender is told."""
    source, sink, ended = bridged()
    if waits_for == "credit":
        source.send(1, 2)
    sink.close(Dropped())
    assert (source.dropped, ended) == (True, ["ended"])
    source.send(3)
    sink.grant(5)
    assert sink.heard == []


def test_an_item_that_is_too_large_for_the_receiver_ends_it() -> None:
    """Both ends learn: the receiver the reason, the sender that nobody wants more."""
    source, sink, ended = bridged(5)
    source.send(1, "huge", 2)
    assert sink.heard == [1]
    assert [error and error.code for error in sink.ended_with] == [Code.TOO_LARGE]
    assert (source.dropped, ended) == (True, ["ended"])


def test_what_has_ended_before_is_carried_at_once() -> None:
    """A channel may be full and closed before the call that it belongs to is given to anybody."""
    source, sink, ended = Source([1, 2], ended=True), Sink(5), list[str]()
    join(source, sink, lambda: ended.append("ended"))
    assert (sink.heard, sink.ended_with, ended) == ([1, 2], [None], ["ended"])


def test_a_receiver_that_has_gone_before_is_passed_on() -> None:
    """Who drops a stream while the call still waits is heard, too."""
    source, sink, ended = Source(), Sink(closed=Dropped()), list[str]()
    join(source, sink, lambda: ended.append("ended"))
    assert (source.dropped, ended) == (True, ["ended"])


@given(st.lists(st.one_of(st.just("send"), st.integers(1, 3)), max_size=40))
def test_in_any_order_nothing_is_lost(deeds: list[Any]) -> None:
    """What is heard is a beginning of what was sent, as long as the credit, and never more than one is held."""
    source, sink, _ = bridged()
    sent = granted = 0
    for deed in deeds:
        if deed == "send":
            source.send(sent)
            sent += 1
        else:
            sink.grant(deed)
            granted += deed
        assert sink.heard == list(range(min(sent, granted)))
        assert source.taken <= len(sink.heard) + 1
