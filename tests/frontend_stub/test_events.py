"""Names and topics, who listens to what, and the count of what was missed."""

from __future__ import annotations

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_frontend.errors import CoreBroken
from stockade_frontend.events import Event, Inbox, Listeners, Subscription, read_event, topic_of
from stockade_frontend.pending import Pending


def event(seq: int) -> Event:
    return Event("notes/changed", None, "core", seq)


@pytest.mark.parametrize(
    ("name", "topic"),
    [("notes/changed", "notes/changed|"), ("notes/", "notes/"), ("a", "a|"), ("core:worker/", "core:worker/")],
)
def test_name_or_prefix_has_its_topic(name: str, topic: str) -> None:
    """A bar closes a whole name; a prefix ends in its slash."""
    assert topic_of(name) == topic


@pytest.mark.parametrize("name", ["", "/", "a//", "notes|", "two words", "n" * 129, "ü", "a\n"])
def test_what_is_no_name_has_no_topic(name: str) -> None:
    """It would be a breach, so it is refused before it is sent."""
    with pytest.raises(ValueError, match="no event's name"):
        topic_of(name)


def test_event_is_read() -> None:
    """The topic, then the number, the source and the payload; further elements are ignored."""
    read = read_event(b"notes/changed|" + cbor2.dumps([7.0, "editor", {"name": "x|y"}, "later"]))
    assert (read.name, read.seq, read.source, read.payload) == ("notes/changed", 7, "editor", {"name": "x|y"})


BODIES = [7, [], [1, "core"], [0, "core", 0], ["1", "core", 0], [1, None, 0], [1.5, "core", 0]]
GOOD = cbor2.dumps([1, "core", 0])
NO_EVENTS = [
    b"",
    b"|",
    b"notes",
    b"notes|",
    b"|" + GOOD,
    b"n\xff|" + GOOD,
    b"notes/|" + GOOD,
    b"a b|" + GOOD,
    b"a|\xff",
]
NO_EVENTS += [b"a|" + cbor2.dumps(body) for body in BODIES]


@pytest.mark.parametrize("frame", NO_EVENTS)
def test_frame_that_is_no_event_breaks_the_core(frame: bytes) -> None:
    """The core owes the worker the same care."""
    with pytest.raises(CoreBroken):
        read_event(frame)


def test_gap_in_the_numbers_is_what_was_missed() -> None:
    """Numbers 2 and 3 never came."""
    inbox = Inbox(10)
    for seq in (1, 4, 5):
        inbox.put(event(seq))
    assert (inbox.missed, inbox.received, len(inbox)) == (2, 3, 3)


def test_dropped_events_before_a_silence_are_missed() -> None:
    """`missed` tells of drops that no later event shows."""
    inbox = Inbox(10)
    inbox.put(event(1))
    inbox.dropped(4)
    assert inbox.missed == 3
    inbox.put(event(5))
    assert inbox.missed == 3


def test_news_of_drops_that_overtakes_events_is_corrected_by_them() -> None:
    """Between sockets there is no order: what then still arrives is not missed."""
    inbox = Inbox(10)
    inbox.dropped(3)
    assert inbox.missed == 3
    inbox.put(event(1))
    inbox.put(event(2))
    assert inbox.missed == 1


def test_event_above_the_bound_is_missed() -> None:
    """The queue keeps the oldest and counts the others."""
    inbox = Inbox(2)
    for seq in (1, 2, 3, 4):
        inbox.put(event(seq))
    assert (len(inbox), inbox.missed, inbox.overflowed) == (2, 2, 2)
    assert [inbox.take().seq, inbox.take().seq, inbox.take()] == [1, 2, None]  # type: ignore[union-attr]


@pytest.mark.parametrize("seq", [1, 2])
def test_number_that_does_not_rise_breaks_the_core(seq: int) -> None:
    """The same event twice, or an older one."""
    inbox = Inbox(10)
    inbox.put(event(2))
    with pytest.raises(CoreBroken):
        inbox.put(event(seq))


@given(st.sets(st.integers(1, 60)), st.integers(0, 20), st.integers(0, 80))
def test_handled_and_missed_are_all_there_were(sent: set[int], bound: int, dropped_to: int) -> None:
    """Whatever was dropped, and wherever: each event up to the last one known is handled or counted, once."""
    inbox = Inbox(bound)
    for seq in sorted(sent):
        inbox.put(event(seq))
    inbox.dropped(dropped_to)
    assert len(inbox) + inbox.missed == max([dropped_to, *sent])


def listener(name: str) -> Subscription:
    return Subscription(name, print, False, lambda _: None)


def test_event_reaches_its_name_and_its_prefixes() -> None:
    """Whole segments alone: `notes/changed` is not for `notes/changed-again`, nor for `note`."""
    listeners = Listeners()
    for name in ("notes/changed", "notes/", "notes/changed/", "note", "note/", "notes/changed-again"):
        listeners.add(listener(name), Pending(name))
    assert [one.name for one in listeners.of("notes/changed")] == ["notes/changed", "notes/"]
    assert [one.name for one in listeners.of("notes/changed/now")] == ["notes/", "notes/changed/"]
    assert [one.name for one in listeners.of("note")] == ["note"]


def test_last_of_a_topic_is_told() -> None:
    """Only then is it to be unsubscribed; removing again is nothing."""
    listeners = Listeners()
    first, second = listener("notes/"), listener("notes/")
    listeners.add(first, Pending("notes/"))
    listeners.add(second, Pending("notes/"))
    assert [listeners.remove(one) for one in (first, first, second, second)] == [False, False, True, False]
    assert len(listeners) == 0
    assert listeners.awaited("notes/") is None
