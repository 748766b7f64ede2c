"""Whose ears an event reaches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import attrs
import pytest

from stockade import limits
from stockade.core.events.bus import Bus
from stockade.core.events.event import Event
from stockade.core.wire.topics import EventFrame


@attrs.define(eq=False)
class Heard:
    """An ear that remembers."""

    names: list[str] = attrs.field(factory=list)
    listens: set[str] = attrs.field(factory=lambda: {"notes/changed", "a", "b"})

    def hears(self, name: str) -> bool:
        return name in self.listens

    def hear(self, frame: EventFrame) -> None:
        self.names.append(frame.name)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def listened() -> list[Event]:
    return []


@pytest.fixture
def bus(loop: asyncio.AbstractEventLoop, listened: list[Event]) -> Bus:
    """A bus for an editor and for three replicas of thumbs."""
    return Bus(loop, {"editor": ("editor",), "thumbs": ("thumbs.1", "thumbs.2", "thumbs.3")}, listened.append)


@pytest.fixture
def ears(bus: Bus) -> dict[str, Heard]:
    """Who runs; the third replica does not."""
    made = {label: Heard() for label in ("editor", "thumbs.1", "thumbs.2")}
    for label, ear in made.items():
        bus.attach(label, ear)
    return made


@pytest.mark.parametrize(
    ("to", "reached"),
    [
        (None, {"editor", "thumbs.1", "thumbs.2"}),
        ("editor", {"editor"}),
        ("thumbs", {"thumbs.1", "thumbs.2"}),
        ("thumbs.2", {"thumbs.2"}),
        ("thumbs.3", set()),
    ],
)
def test_an_event_reaches_whom_it_is_for(bus: Bus, ears: dict[str, Heard], to: str | None, reached: set[str]) -> None:
    """Everyone; one worker; all replicas of one, each once; or one replica alone."""
    bus.publish("notes/changed", None, to)
    assert {label for label, ear in ears.items() if ear.names == ["notes/changed"]} == reached
    assert sum(len(ear.names) for ear in ears.values()) == len(reached)


def test_the_cores_own_listeners_hear_what_is_for_everyone(
    bus: Bus, ears: dict[str, Heard], listened: list[Event]
) -> None:
    """And nothing that is for one worker."""
    bus.publish("a", None, None)
    bus.publish("b", None, "thumbs")
    assert [event.name for event in listened] == ["a"]


@pytest.mark.parametrize("to", ["thumbs.4", "editor.1", "", "nobody"])
def test_a_label_that_no_worker_has_is_an_error(bus: Bus, to: str) -> None:
    """Its author has made a slip: nobody could ever get it."""
    assert to not in bus.labels
    with pytest.raises(ValueError, match="there is no worker"):
        bus.publish("notes/changed", None, to)


def test_a_replica_that_has_gone_hears_no_more(bus: Bus, ears: dict[str, Heard]) -> None:
    """The others do; and its next generation takes its place."""
    later = Heard()
    bus.attach("thumbs.1", later)
    bus.detach("thumbs.1", ears["thumbs.1"])
    bus.detach("thumbs.2", ears["thumbs.2"])
    bus.publish("notes/changed", None, "thumbs")
    assert (later.names, ears["thumbs.1"].names, ears["thumbs.2"].names) == (["notes/changed"], [], [])


def test_who_begins_or_ends_to_listen_is_asked_anew(bus: Bus, ears: dict[str, Heard]) -> None:
    """Once the bus is told that something has changed; what is known is not asked for each event."""
    ears["editor"].listens = set()
    bus.publish("a", None, None)
    assert ears["editor"].names == []
    ears["editor"].listens = {"a"}
    bus.changed()
    bus.publish("a", None, None)
    ears["thumbs.1"].listens = set()
    bus.changed()
    bus.publish("a", None, None)
    assert [ears[label].names for label in ears] == [["a"] * 2, ["a"] * 2, ["a"] * 3]


def test_names_that_somebody_makes_up_are_not_kept(bus: Bus, ears: dict[str, Heard]) -> None:
    """Neither those that nobody listens to nor, beyond a bound, those that somebody does."""
    for number in range(3 * limits.NAMES):
        ears["editor"].listens.add(f"made/up-{number}")
        bus.publish(f"made/up-{number}", None, None)
        bus.publish(f"unheard/{number}", None, None)
    assert len(ears["editor"].names) == 3 * limits.NAMES
    assert len(bus._listeners) <= limits.NAMES


def test_one_that_does_not_listen_is_not_reached_by_its_name(bus: Bus, ears: dict[str, Heard]) -> None:
    """An event for one worker is for it only if it listens."""
    ears["editor"].listens = set()
    bus.publish("notes/changed", None, "editor")
    assert ears["editor"].names == []
