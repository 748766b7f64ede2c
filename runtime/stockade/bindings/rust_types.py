"""The types of the model in Rust, owned and lent; and the enums that stand for unions and choices, as they are met.

Knows no function.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import attrs

from stockade.bindings.model import (
    Anything,
    Array,
    Basic,
    Choice,
    Distinct,
    Field,
    Map,
    Model,
    Named,
    Nullable,
    OneOf,
    Plain,
    Record,
    Tuple,
    Type,
    types_within,
)
from stockade.bindings.naming import Names, pascal

__all__ = ["ALIASES", "Types", "quoted"]

_PLAIN = {
    Basic.INT: "i64",
    Basic.FLOAT: "f64",
    Basic.TEXT: "String",
    Basic.BYTES: "Bytes",
    Basic.BOOL: "bool",
    Basic.NULL: "()",
    Basic.DATETIME: "DateTime",
    Basic.DATE: "Day",
    Basic.TIME: "Time",
    Basic.DURATION: "Seconds",
    Basic.UUID: "Uuid",
    Basic.DECIMAL: "Decimal",
    Basic.PATH: "Path",
}
#: What stands for a type that the standard library has not.
ALIASES = {
    "DateTime": ("String", "A date and time as ISO 8601 text, with or without an offset."),
    "Day": ("String", "A date as ISO 8601 text."),
    "Time": ("String", "A time as ISO 8601 text."),
    "Seconds": ("f64", "A duration in seconds."),
    "Uuid": ("String", "A UUID in its canonical form."),
    "Decimal": ("String", "A decimal number as text."),
    "Path": ("String", "A path as text."),
}
_COPIED = frozenset({Basic.INT, Basic.FLOAT, Basic.BOOL, Basic.NULL, Basic.DURATION})


def quoted(text: str) -> str:
    """A string literal."""
    return json.dumps(text, ensure_ascii=False)


@attrs.define
class Types:
    """Renders types. `names` are those of the classes in the module, by their names in the model."""

    names: dict[str, str]
    _taken: Names
    _model: Model
    _enums: dict[Type, str] = attrs.field(factory=dict)  # of unions and choices, by name

    def of(self, kind: Type) -> str:
        """The type, owned."""
        match kind:
            case Plain(basic):
                return _PLAIN[basic]
            case Anything() | Nullable(Anything()):
                return "Value"
            case Nullable(item):
                return f"Option<{self.of(item)}>"
            case Array(item) | Distinct(item):
                return f"Vec<{self.of(item)}>"
            case Tuple(items):
                return f"({', '.join(map(self.of, items))}{',' if len(items) == 1 else ''})"
            case Map(item):
                return f"BTreeMap<String, {self.of(item)}>"
            case Choice(values):
                return self._named(kind) if _is_text(values) else _number(values)
            case OneOf():
                return self._named(kind)
            case Named(name):
                return self.names[name]

    def of_field(self, field: Field, record: Record) -> str:
        """The type of a field; boxed where the record would hold itself."""
        kind = field.type.item if isinstance(field.type, Nullable) else field.type
        if not self._holds(kind, record.name, set()):
            return self.of(field.type)
        boxed = f"std::boxed::Box<{self.of(kind)}>"
        return f"Option<{boxed}>" if isinstance(field.type, Nullable) else boxed

    def _holds(self, kind: Type, name: str, seen: set[str]) -> bool:
        """Whether a value of it has a record of this name within itself, and not at the end of a pointer."""
        match kind:
            case Named(held) if held == name:
                return True
            case Named(held) if held not in seen:
                fields = next((each.fields for each in self._model.records if each.name == held), ())
                return any(self._holds(field.type, name, {*seen, held}) for field in fields)
            case Nullable(item):
                return self._holds(item, name, seen)
            case Tuple(parts) | OneOf(parts):
                return any(self._holds(part, name, seen) for part in parts)
        return False

    def given(self, kind: Type) -> str:
        """The type of a parameter: lent, but for what is copied as cheaply."""
        match kind:
            case Plain(basic):
                return _PLAIN[basic] if basic in _COPIED else "&Bytes" if basic is Basic.BYTES else "&str"
            case Nullable(item) if kind != Nullable(Anything()):
                return f"Option<{self.given(item)}>"
            case Array(item) | Distinct(item):
                return f"&[{self.of(item)}]"
            case Choice(values) if _is_text(values) or _number(values) != "Value":
                return self.of(kind)
            case Named(name) if not any(each.name == name for each in self._model.records):
                return self.names[name] if self._is_copied(name) else f"&{self.names[name]}"
        return f"&{self.of(kind)}"

    def _is_copied(self, name: str) -> bool:
        values = [each.value for found in self._model.enumerations if found.name == name for each in found.members]
        return _is_text(tuple(values)) or all(type(value) is int for value in values)

    # -- what stands for unions ---------------------------------------------------------------------------------------

    def _named(self, kind: Type) -> str:
        if kind not in self._enums:
            self._enums[kind] = self._taken.take(_label(kind), f"the type {_label(kind)}")
            for inner in types_within(kind):
                self.of(inner)  # those within have names before they are written
        return self._enums[kind]

    def unions(self) -> Iterator[str]:
        """The enums of all unions and choices met so far, by name."""
        for kind, name in sorted(self._enums.items(), key=lambda each: each[1]):
            lines = self._union(name, kind.members) if isinstance(kind, OneOf) else self._choice(name, kind)
            yield "\n".join(lines)

    def _union(self, name: str, members: tuple[Type, ...]) -> Iterator[str]:
        variants = Names(f"the enum {name}", pascal, {"Self"})
        yield "/// One of these, told apart by what it is."
        yield "#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]"
        yield f"#[serde(untagged)]\npub enum {name} {{"
        for member in members:
            label = variants.take(_label(member))
            yield f"    /// `{self.of(member)}`.\n    {label}({self.of(member)}),"
        yield "}"

    def _choice(self, name: str, kind: Type) -> Iterator[str]:
        variants = Names(f"the enum {name}", pascal, {"Self"})
        values = [str(value) for value in kind.values] if isinstance(kind, Choice) else []
        yield "/// One of these values."
        yield from self.text_enum(name, [(variants.take(value), value) for value in values])

    def text_enum(self, name: str, members: list[tuple[str, str]]) -> Iterator[str]:
        """An enum whose variants are texts."""
        yield "#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]"
        yield f"pub enum {name} {{"
        for variant, value in members:
            yield f"    /// `{value}`.\n    #[serde(rename = {quoted(value)})]\n    {variant},"
        yield "}"

    def is_in_union(self, name: str) -> bool:
        """Whether a record is told from others by its fields."""
        return any(
            isinstance(kind, OneOf) and Named(name) in kind.members
            for record in self._all()
            for kind in types_within(record)
        )

    def _all(self) -> Iterator[Type]:
        yield from (field.type for record in self._model.records for field in record.fields)
        for command in self._model.commands:
            yield from (each.type for each in command.parameters)
            yield from (each.item for each in command.channels)
            yield command.answer
        yield from (event.payload for event in self._model.events)

    # -- from whole records -------------------------------------------------------------------------------------------

    def into(self, kind: Type, value: str) -> str:
        """The expression that makes what is given of what was answered, where the two differ."""
        match kind:
            case Nullable(item) if self._differs(item):
                return f"{value}.map(|item| {self.into(item, 'item')})"
            case Array(item) | Distinct(item) if self._differs(item):
                return f"{value}.into_iter().map(|item| {self.into(item, 'item')}).collect()"
            case Map(item) if self._differs(item):
                return f"{value}.into_iter().map(|(key, item)| (key, {self.into(item, 'item')})).collect()"
            case Tuple(items) if self._differs(kind):
                made = [self.into(item, f"{value}.{at}") for at, item in enumerate(items)]
                return f"({', '.join(made)}{',' if len(made) == 1 else ''})"
            case Named() if self._differs(kind):
                return f"{value}.into()"
        return value

    def _differs(self, kind: Type) -> bool:
        parted = {record.name for record in self._model.records if record.whole in self.names}
        return any(isinstance(inner, Named) and inner.name in parted for inner in types_within(kind))


def _is_text(values: tuple[object, ...]) -> bool:
    return all(isinstance(value, str) for value in values)


def _number(values: tuple[object, ...]) -> str:
    kinds = frozenset(type(value) for value in values)
    return {frozenset({int}): "i64", frozenset({bool}): "bool", frozenset({float}): "f64"}.get(kinds, "Value")


def _label(kind: Type) -> str:
    """What a union calls one of its members, or is called itself."""
    match kind:
        case Plain(basic):
            return pascal(basic)
        case Nullable(item):
            return f"Nullable{_label(item)}"
        case Array(item) | Distinct(item):
            return f"{_label(item)}Array"
        case Map(item):
            return f"{_label(item)}Map"
        case Tuple(items):
            return "And".join(map(_label, items))
        case Choice(values):
            return "Or".join(pascal(str(value)) for value in values) + "Choice"
        case OneOf(members):
            return "Or".join(map(_label, members))
        case Named(name):
            return name
    return "Anything"
