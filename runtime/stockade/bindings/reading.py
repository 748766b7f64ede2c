"""From a registry to the model: what the core has compiled from hints, read once more as a description.

Knows no hint's grammar: each `Shape` says what it is at its head and what it is made of. Runs where the application's
modules are imported.
"""

from __future__ import annotations

import enum
import inspect
import types
import typing
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import attrs

from stockade.bindings import model
from stockade.bindings.model import Basic, Type
from stockade.bindings.naming import Collision, pascal
from stockade.core.commands.channels import Channel, ReceiveChannel, SendChannel
from stockade.core.commands.declarations import Exported
from stockade.core.commands.registry import Command, Registry
from stockade.core.commands.signatures import YIELD, ChannelParameter
from stockade.core.types.shapes import Shape

__all__ = ["read"]


def read(registry: Registry) -> model.Model:
    """The model of all that the modules register and declare. Raises Collision where two classes have one name."""
    reader = _Reader()
    for shape, given in _crossing(registry):
        reader.meet(shape, given)
    reader.part()
    commands = [reader.command(each) for each in _commands(registry)]
    events = [
        model.Event(each.name, each.doc, reader.described(each.payload, False)) for each in registry.events.values()
    ]
    return model.Model(
        tuple(sorted(commands, key=lambda each: each.name)),
        tuple(sorted(events, key=lambda each: each.name)),
        *reader.definitions(),
    )


def _crossing(registry: Registry) -> Iterator[tuple[Shape, bool]]:
    """Each shape that crosses the wire, and whether it is given to the core, which puts defaults for what is left out.

    What workers send each other, by events and exported commands, arrives as it was sent: there nothing is left out.
    """
    for command in _commands(registry):
        yield from ((each.shape, isinstance(command, Command)) for each in command.parameters)
        yield from ((each.item, _is_given(command, each)) for each in command.channels)
        yield command.answer, False
    yield from ((event.payload, False) for event in registry.events.values())


def _commands(registry: Registry) -> list[Command | Exported]:
    return [*registry.commands.values(), *registry.exported.values()]


def _is_given(command: Command | Exported, channel: ChannelParameter) -> bool:
    """Of a channel that goes either way the items are given whole, as they come."""
    return isinstance(command, Command) and channel.kind is ReceiveChannel


#: The scalars that are not subclasses of one another's; looked up along the class's own bases.
_BASICS: dict[type, Basic] = {
    int: Basic.INT,
    float: Basic.FLOAT,
    str: Basic.TEXT,
    bytes: Basic.BYTES,
    memoryview: Basic.BYTES,
    bool: Basic.BOOL,
    type(None): Basic.NULL,
    datetime: Basic.DATETIME,
    date: Basic.DATE,
    time: Basic.TIME,
    timedelta: Basic.DURATION,
    UUID: Basic.UUID,
    Decimal: Basic.DECIMAL,
    PurePath: Basic.PATH,
}
#: What the caller does where the command has a channel of this class.
_DIRECTIONS: dict[type, model.Direction] = {
    ReceiveChannel: model.Direction.SEND,
    SendChannel: model.Direction.RECEIVE,
    Channel: model.Direction.EITHER,
}


@attrs.define
class _Reader:
    """Reads shapes in two walks: the first meets the classes, and finds those that are two records."""

    _classes: dict[tuple[Any, bool], Shape] = attrs.field(factory=dict)  # by hint, and whether they are given
    _enums: dict[str, type[enum.Enum]] = attrs.field(factory=dict)
    _names: dict[str, Any] = attrs.field(factory=dict)  # what has which name
    _parted: set[Any] = attrs.field(factory=set)  # hints of the classes that are two records

    # -- the first walk -----------------------------------------------------------------------------------------------

    def meet(self, shape: Shape, given: bool) -> None:
        """Remember the classes in `shape`."""
        if _is_enum(shape.kind):
            self._enums[self._named(shape.kind)] = shape.kind
        elif shape.fields is not None and (shape.kind, given) not in self._classes:
            self._named(shape.kind)
            self._classes[shape.kind, given] = shape
            for _, part in shape.fields:
                self.meet(part, given)
        for part in shape.parts:
            self.meet(part, given)

    def part(self) -> None:
        """Find the classes that are another record when they are given: a field may be left out, here or within."""
        both = [hint for hint, given in self._classes if given and (hint, False) in self._classes]
        self._parted = {hint for hint in both if self._fields(hint, True) != self._fields(hint, False)}
        grown = True
        while grown:
            held = {hint for hint in both if self._holds_parted(hint)}
            grown = not held <= self._parted
            self._parted |= held
        for hint in self._parted:
            self._claim(f"{_class_name(hint)}Input", hint)

    def _fields(self, hint: Any, given: bool) -> list[tuple[str, bool]]:
        return [
            (field.name, _optional(hint, field.required, given)) for field, _ in self._classes[hint, given].fields or ()
        ]

    def _holds_parted(self, hint: Any) -> bool:
        return any(
            each.kind in self._parted for _, part in self._classes[hint, True].fields or () for each in _within(part)
        )

    def _named(self, hint: Any) -> str:
        return self._claim(_class_name(hint), hint)

    def _claim(self, name: str, hint: Any) -> str:
        first = self._names.setdefault(name, hint)
        if first != hint:
            ours, theirs = _place(hint), _place(first)
            raise Collision(f"{ours} and {theirs} would both be {name} in bindings", "rename one of the two classes")
        return name

    # -- the second ---------------------------------------------------------------------------------------------------

    def described(self, shape: Shape, given: bool) -> Type:
        """The type of `shape`, as it is given or as it is answered."""
        kind, parts = shape.kind, shape.parts
        if _is_enum(kind):
            return self._enumerated(kind)
        if get_origin(kind) is Literal:
            return _choice([each.value if isinstance(each, enum.Enum) else each for each in get_args(kind)])
        if (kind, True) in self._classes or (kind, False) in self._classes:
            return model.Named(_class_name(kind) + ("Input" if given and kind in self._parted else ""))
        if kind is list:
            return model.Array(self.described(parts[0], given))
        if kind is set:
            return model.Distinct(self.described(parts[0], given))
        if kind is dict:
            return model.Map(self.described(parts[0], given))
        if kind is tuple:
            return model.Tuple(tuple(self.described(part, given) for part in parts))
        if kind is typing.Union:
            return _one_of(self.described(part, given) for part in parts)
        if kind is Any:
            return model.Anything()
        return model.Plain(next(_BASICS[base] for base in kind.__mro__ if base in _BASICS))

    def _enumerated(self, kind: type[enum.Enum]) -> Type:
        if all(isinstance(each.value, model.Value) for each in kind):
            return model.Named(_class_name(kind))
        return _choice([each.value for each in kind])

    def command(self, command: Command | Exported) -> model.Command:
        """A command with all its types."""
        return model.Command(
            command.name,
            inspect.getdoc(command.function) or "",
            tuple(
                model.Parameter(each.name, self.described(each.shape, isinstance(command, Command)), not each.required)
                for each in command.parameters
            ),
            tuple(self._channel(command, each) for each in command.channels if each.name != YIELD),
            self.described(command.answer, False),
            command.yields,
            isinstance(command, Exported),
        )

    def _channel(self, command: Command | Exported, channel: ChannelParameter) -> model.Channel:
        item = self.described(channel.item, _is_given(command, channel))
        return model.Channel(channel.name, _DIRECTIONS[channel.kind], item, not channel.required)

    def definitions(self) -> tuple[tuple[model.Record, ...], tuple[model.Enumeration, ...]]:
        """All records and enumerations that the types name."""
        records = {record.name: record for record in map(self._record, self._classes)}
        enumerations = [_enumeration(name, kind) for name, kind in sorted(self._enums.items())]
        return tuple(records[name] for name in sorted(records)), tuple(filter(None, enumerations))

    def _record(self, key: tuple[Any, bool]) -> model.Record:
        hint, given = key
        name = _class_name(hint)
        whole = name if given and hint in self._parted else ""
        fields = [
            model.Field(field.name, self.described(shape, given), _optional(hint, field.required, given))
            for field, shape in self._classes[key].fields or ()
        ]
        return model.Record(f"{name}Input" if whole else name, _doc(get_origin(hint) or hint), tuple(fields), whole)


def _optional(hint: Any, required: bool, given: bool) -> bool:
    """Whether a field may be missing; in an answer only that of a TypedDict is."""
    return not required and (given or typing.is_typeddict(get_origin(hint) or hint))


def _within(shape: Shape) -> Iterator[Shape]:
    yield shape
    for part in shape.parts:
        yield from _within(part)


def _is_enum(kind: Any) -> typing.TypeGuard[type[enum.Enum]]:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def _one_of(members: Iterable[Type]) -> Type:
    """A union, without unions within it, with null outside of it."""
    found: dict[Type, None] = {}
    null = False
    for member in members:
        null = null or isinstance(member, model.Nullable)
        inner = member.item if isinstance(member, model.Nullable) else member
        found |= dict.fromkeys(inner.members if isinstance(inner, model.OneOf) else (inner,))
    nothing = model.Plain(Basic.NULL)
    null = found.pop(nothing, nothing) is None or null
    plain: Type = model.OneOf(tuple(found)) if len(found) > 1 else next(iter(found), nothing)
    return model.Nullable(plain) if null and plain != nothing else plain


def _choice(values: list[Any]) -> Type:
    """One of `values`; bytes among them are any bytes, for few languages can write them as a type."""
    said = tuple(value for value in values if isinstance(value, model.Value))
    others = {type(value) for value in values if not isinstance(value, model.Value)}
    members = [model.Choice(said)] if said else []
    return _one_of([*members, *(model.Plain(_BASICS[kind]) for kind in sorted(others, key=str))])


def _enumeration(name: str, kind: type[enum.Enum]) -> model.Enumeration | None:
    members = [model.Member(each.name, each.value) for each in kind]
    if not all(isinstance(each.value, model.Value) for each in members):
        return None
    return model.Enumeration(name, _doc(kind), tuple(members))


def _class_name(hint: Any) -> str:
    """The name of a class; of a generic one with what it is of: ``PageOfNote``."""
    of = "And".join(_argument_name(each) for each in get_args(hint))
    name: str = (get_origin(hint) or hint).__name__.lstrip("_")
    return f"{name}Of{of}" if of else name


def _argument_name(hint: Any) -> str:
    if get_origin(hint) in (typing.Union, types.UnionType):
        return "Or".join(map(_argument_name, get_args(hint)))
    if hint is None or hint is types.NoneType:
        return "None"
    return pascal(_class_name(hint) if hasattr(get_origin(hint) or hint, "__name__") else str(hint))


def _place(hint: Any) -> str:
    cls = get_origin(hint) or hint
    return f"{cls.__module__}.{cls.__qualname__}"


def _doc(cls: type) -> str:
    """The docstring that somebody wrote, not the signature that dataclasses put there, nor that of a base."""
    doc = cls.__dict__.get("__doc__") or ""
    return "" if doc.startswith(f"{cls.__name__}(") or cls.__module__ == "builtins" else inspect.cleandoc(doc)
