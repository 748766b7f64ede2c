"""A shop with every kind of type that crosses the wire, in commands that give back what they got."""

# mypy: disable-error-code=empty-body
from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar
from uuid import UUID

import attrs

from stockade import (
    Channel,
    CommandError,
    Event,
    Events,
    ReceiveChannel,
    SendChannel,
    Workers,
    command,
    event,
    exported,
    listener,
)

T = TypeVar("T")


class Color(enum.Enum):
    """What it is painted with."""

    RED = "red"
    LIGHT_BLUE = "light blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@attrs.frozen
class Item:
    """Something to buy. */ and \""" end no comment."""

    name: str
    price: Decimal
    color: Color = Color.RED
    tags: list[str] = attrs.field(factory=list)


@dataclass
class Box:
    """A box of items, and maybe of boxes."""

    items: list[Item]
    boxes: list[Box] = field(default_factory=list)


class Person(TypedDict):
    name: str
    age: NotRequired[int | None]


@attrs.frozen
class Circle:
    kind: Literal["circle"]
    radius: float


@attrs.frozen
class Square:
    kind: Literal["square"]
    side: float


@attrs.frozen
class Page(Generic[T]):
    rows: list[T]
    next: int | None


@attrs.frozen
class Everything:
    """One field of each type."""

    number: int
    real: float
    text: str
    raw: bytes
    flag: bool
    nothing: None
    when: datetime
    day: date
    hour: time
    wait: timedelta
    id: UUID
    amount: Decimal
    path: Path
    color: Color
    level: Level
    mode: Literal["fast", "slow"]
    digit: Literal[1, 2]
    names: set[str]
    pair: tuple[int, str]
    days: list[date]
    table: dict[str, list[Level]]
    maybe: timedelta | None
    either: int | str | None
    shape: Circle | Square
    shapes: list[Circle | Square | int]
    anything: Any
    type: str


changed = event("shop/changed", Item, "An item is another now.")
closed = event("shop/closed", None, "Nobody buys any more.")


@command("shop.buy")
def buy(events: Events, name: str, count: int = 1, note: str | None = None) -> Item:
    """Buy something.

    The price is that of today.
    """
    if count < 1:
        raise CommandError("shop.count", "buy one at least", {"count": count})
    bought = Item(name, Decimal("1.50") * count, tags=[note or "plain"])
    events.emit(changed, bought)
    return bought


@command("shop.same")
def same(everything: Everything) -> Everything:
    """Give back what came."""
    return everything


@command("shop.box")
def box(box: Box, person: Person) -> Box:
    return Box([*box.items, Item(person["name"], Decimal(1))], box.boxes)


@command("shop.person")
def person(person: Person) -> Person:
    return person


@command("shop.rows")
def rows(after: int = 0, limit: int = 3) -> Iterator[Item]:
    """All items."""
    for number in range(after, after + limit):
        yield Item(f"item {number}", Decimal(number))


@command("shop.page")
def page(class_: str, max_rows: int) -> Page[Item]:
    return Page([Item(class_, Decimal(number)) for number in range(max_rows)], None)


@command("shop.when")
def when() -> date | datetime:
    return date(2024, 5, 1)


@command("shop.load")
def load(
    data: ReceiveChannel[Item], back: SendChannel[Item | None], both: Channel[int] | None = None, factor: int = 1
) -> int:
    """Send back each item that comes, then null; how many there were, times the factor."""
    count = 0
    for item in data:
        back.send_blocking(item)
        count += 1
    back.send_blocking(None)
    back.end_blocking()
    return count * factor


@command("shop.clear")
def clear() -> None:
    """Clear it all."""


@command("shop.close")
def close(events: Events) -> None:
    events.emit(closed, None)


@command("shop.opened")
def opened_by() -> list[str]:
    return _opened


@command("shop.thumb")
async def thumb(workers: Workers, name: str) -> Item:
    return await workers.invoke(make, name=name)


@exported("thumbs.make")
async def make(name: str, size: int = 8) -> Item:
    """Make a picture smaller."""


@exported("thumbs.all")
def every(first: str) -> AsyncIterator[bytes]: ...


_opened: list[str] = []


@listener("editor/opened")
def opened(event: Event[Person]) -> None:
    _opened.append(event.payload["name"])
