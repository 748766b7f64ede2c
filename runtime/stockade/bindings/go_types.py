"""The types of the model in Go, and names and columns as Go has them. Knows no function."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import attrs

from stockade.bindings.model import (
    Anything,
    Array,
    Basic,
    Choice,
    Distinct,
    Map,
    Named,
    Nullable,
    OneOf,
    Plain,
    Tuple,
    Type,
)
from stockade.bindings.naming import Names, snake
from stockade.bindings.naming import pascal as plain_pascal

__all__ = ["ALIASES", "Types", "aligned", "pascal", "quoted"]

_PLAIN = {
    Basic.INT: "int64",
    Basic.FLOAT: "float64",
    Basic.TEXT: "string",
    Basic.BYTES: "[]byte",
    Basic.BOOL: "bool",
    Basic.NULL: "any",
    Basic.DATETIME: "DateTime",
    Basic.DATE: "Day",
    Basic.TIME: "Time",
    Basic.DURATION: "Seconds",
    Basic.UUID: "UUID",
    Basic.DECIMAL: "Decimal",
    Basic.PATH: "Path",
}
#: What stands for a type that is text, or seconds.
ALIASES = {
    "DateTime": ("string", "is a date and time as ISO 8601 text, with or without an offset."),
    "Day": ("string", "is a date as ISO 8601 text."),
    "Time": ("string", "is a time as ISO 8601 text."),
    "Seconds": ("float64", "is a duration in seconds."),
    "UUID": ("string", "is a UUID in its canonical form."),
    "Decimal": ("string", "is a decimal number as text."),
    "Path": ("string", "is a path as text."),
}
_INITIALISED = "api cpu dns html http https id io ip json ram rpc sql tcp tls udp ui uri url uuid xml"
#: Words that Go writes in capitals throughout.
_INITIALISMS = frozenset(_INITIALISED.split())


def pascal(name: str) -> str:
    """``notes.user_id`` as ``NotesUserID``."""
    words = snake(name).strip("_").split("_")
    return plain_pascal(name) if words[0][:1].isdigit() else "".join(map(_word, words))


def _word(word: str) -> str:
    return word.upper() if word in _INITIALISMS else word.capitalize()


def quoted(value: object) -> str:
    """A literal."""
    return json.dumps(value, ensure_ascii=False)


@attrs.define
class Types:
    """Renders types. `names` are those of the classes in the package, by their names in the model."""

    names: dict[str, str]
    _taken: Names
    _tuples: dict[Type, str] = attrs.field(factory=dict)

    def of(self, kind: Type) -> str:
        """The type. Null is a nil pointer."""
        match kind:
            case Plain(basic):
                return _PLAIN[basic]
            case Anything() | OneOf():
                return "any"
            case Nullable(item):
                inner = self.of(item)
                return inner if inner == "any" else f"*{inner}"
            case Array(item) | Distinct(item):
                return f"[]{self.of(item)}"
            case Tuple():
                return self._tuple(kind)
            case Map(item):
                return f"map[string]{self.of(item)}"
            case Choice(values):
                kinds = frozenset(type(value) for value in values)
                base = {frozenset({str}): "string", frozenset({int}): "int64", frozenset({bool}): "bool"}
                return base.get(kinds, "any")
            case Named(name):
                return self.names[name]

    def maybe(self, kind: Type, optional: bool) -> str:
        """The type of what may be left out: then it is nil."""
        inner = self.of(kind)
        return f"*{inner}" if optional and inner != "any" else inner

    def _tuple(self, kind: Tuple) -> str:
        if kind not in self._tuples:
            name = "And".join(pascal(_label(self.of(item))) for item in kind.items) or "Empty"
            self._tuples[kind] = self._taken.take(f"{name} Tuple", f"the type {name}Tuple")
        return self._tuples[kind]

    def tuples(self) -> Iterator[str]:
        """The structs of all tuples met so far."""
        for kind, name in sorted(self._tuples.items(), key=lambda each: each[1]):
            items = kind.items if isinstance(kind, Tuple) else ()
            fields = [("_", "struct{}", '`cbor:",toarray"`')]
            fields += [(f"Item{at}", self.of(item), "") for at, item in enumerate(items)]
            said = f"// {name} is an array of {len(items)}."
            yield "\n".join([said, f"type {name} struct {{", *aligned(fields), "}"])


def _label(kind: str) -> str:
    return kind.replace("[]", "array ").replace("*", "nullable ").replace("map[string]", "map ").replace("int64", "int")


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns as gofmt has them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width] for row in rows]
    return ["\t" + " ".join(row).rstrip() for row in padded]
