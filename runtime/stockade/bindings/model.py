"""What an application offers to its workers: commands, events and their types. Knows no language and no hint.

The types are a small closed set; who renders them handles each. A class with defaults is two records where it goes both
ways: what is given may leave fields out (`NoteInput`), what is answered has them all (`Note`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import attrs

__all__ = [
    "Anything",
    "Array",
    "Basic",
    "Channel",
    "Choice",
    "Command",
    "Direction",
    "Distinct",
    "Enumeration",
    "Event",
    "Field",
    "Map",
    "Member",
    "Model",
    "Named",
    "Nullable",
    "OneOf",
    "Parameter",
    "Plain",
    "Record",
    "Tuple",
    "Type",
    "Value",
    "pruned",
    "types_within",
]

#: A value of an enumeration or choice.
Value = bool | int | float | str


class Basic(StrEnum):
    """The types without parts. From `datetime` on they cross the wire as text, but `duration`: seconds."""

    INT = "int"
    FLOAT = "float"
    TEXT = "text"
    BYTES = "bytes"
    BOOL = "bool"
    NULL = "null"
    DATETIME = "datetime"
    DATE = "date"
    TIME = "time"
    DURATION = "duration"
    UUID = "uuid"
    DECIMAL = "decimal"
    PATH = "path"


@attrs.frozen
class Plain:
    """A type without parts."""

    basic: Basic


@attrs.frozen
class Anything:
    """Any value of the wire."""


@attrs.frozen
class Nullable:
    """`item`, or null."""

    item: Type


@attrs.frozen
class Array:
    """Any number of `item`."""

    item: Type


@attrs.frozen
class Distinct:
    """Any number of `item`, none twice and in no order."""

    item: Type


@attrs.frozen
class Tuple:
    """An array of just these."""

    items: tuple[Type, ...]


@attrs.frozen
class Map:
    """Any keys, which are text, each with an `item`."""

    item: Type


@attrs.frozen
class Choice:
    """One of these values, in the order in which they are written."""

    values: tuple[Value, ...]


@attrs.frozen
class OneOf:
    """One of these types, which are told apart by the value."""

    members: tuple[Type, ...]


@attrs.frozen
class Named:
    """The record or enumeration of this name."""

    name: str


Type = Plain | Anything | Nullable | Array | Distinct | Tuple | Map | Choice | OneOf | Named


@attrs.frozen
class Field:
    """A field of a record; an `optional` one may be missing, which is not null."""

    name: str
    type: Type
    optional: bool


@attrs.frozen
class Record:
    """A map of just these fields. `doc` is its class's docstring.

    `whole` is the record of the same class as it is answered, which may be given in place of this one.
    """

    name: str
    doc: str
    fields: tuple[Field, ...]
    whole: str = ""


@attrs.frozen
class Member:
    """A member of an enumeration."""

    name: str
    value: Value


@attrs.frozen
class Enumeration:
    """One of the values of its members, in the order in which they are written."""

    name: str
    doc: str
    members: tuple[Member, ...]


@attrs.frozen
class Parameter:
    """An argument, by name; for an `optional` one that is missing the command has a default."""

    name: str
    type: Type
    optional: bool


class Direction(StrEnum):
    """What the caller does with a channel."""

    SEND = "send"
    RECEIVE = "receive"
    EITHER = "either"


@attrs.frozen
class Channel:
    """A channel that the caller opens, by the name of an argument."""

    name: str
    direction: Direction
    item: Type
    optional: bool


@attrs.frozen
class Command:
    """A command of the core's, or one that a worker exports.

    `answer` is of the result, or of each item where it `streams`. One that is not `typed` takes any arguments: nobody
    has said which.
    """

    name: str
    doc: str = ""
    parameters: tuple[Parameter, ...] = ()
    channels: tuple[Channel, ...] = ()
    answer: Type = Anything()
    streams: bool = False
    exported: bool = False
    typed: bool = True


@attrs.frozen
class Event:
    """An event with the type of its payload, which is as its emitter gives it: nobody adds what is left out."""

    name: str
    doc: str
    payload: Type
    may_hear: bool = True
    may_emit: bool = True


@attrs.frozen
class Model:
    """All of it, each kind sorted by name; every `Named` within is one of `records` or `enumerations`."""

    commands: tuple[Command, ...] = ()
    events: tuple[Event, ...] = ()
    records: tuple[Record, ...] = ()
    enumerations: tuple[Enumeration, ...] = ()


def types_within(kind: Type) -> Iterator[Type]:
    """`kind`, and all types that it is made of; a `Named` is not followed."""
    yield kind
    match kind:
        case Nullable(item) | Array(item) | Distinct(item) | Map(item):
            yield from types_within(item)
        case Tuple(parts) | OneOf(parts):
            for part in parts:
                yield from types_within(part)


def pruned(model: Model) -> Model:
    """The same without definitions that nothing needs."""
    by_name = {each.name: each for each in model.records}
    needed: set[str] = set()
    waiting = [name for kind in _roots(model) for name in _names(kind)]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            fields = by_name[name].fields if name in by_name else ()
            waiting += [inner for field in fields for inner in _names(field.type)]
    return attrs.evolve(
        model,
        records=tuple(each for each in model.records if each.name in needed),
        enumerations=tuple(each for each in model.enumerations if each.name in needed),
    )


def _roots(model: Model) -> Iterable[Type]:
    for command in model.commands:
        yield from (parameter.type for parameter in command.parameters)
        yield from (channel.item for channel in command.channels)
        yield command.answer
    for event in model.events:
        yield event.payload


def _names(kind: Type) -> Iterator[str]:
    return (each.name for each in types_within(kind) if isinstance(each, Named))
