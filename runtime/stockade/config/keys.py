"""The keys of each table, read off the classes of `specs`: their names in the file, types, defaults and rules.

Knows no file: `structure` reads by these keys, `reference` prints them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, get_type_hints

import attrs

from stockade.config.grammar import Kind

__all__ = ["Key", "keys_of"]


@attrs.frozen
class Key:
    """One key of a table. `attribute` is the field it fills; the rest is as `specs.key` has it."""

    name: str
    attribute: str
    hint: Any
    default: Any  # attrs.NOTHING where the key is required
    about: str
    grammar: Kind | None
    range: tuple[float, float] | None
    example: Any
    some: bool
    words: Mapping[str, float]  # texts that may stand for a number

    @property
    def required(self) -> bool:
        """Whether a table without this key is a fault."""
        return self.default is attrs.NOTHING

    def word(self, value: Any) -> Any:
        """How `value` is written: as a word if there is one that is it always, and not on this machine by chance."""
        return next((word for word, number in self.words.items() if number == value == math.inf), value)


def keys_of(kind: Any) -> dict[str, Key]:
    """The keys of the table that `kind`, an attrs class, stands for, by their names in the file."""
    return _keys_of(kind)


@cache
def _keys_of(kind: Any) -> dict[str, Key]:
    hints = get_type_hints(kind)
    keys = (_key(field, hints[field.name]) for field in attrs.fields(kind) if "about" in field.metadata)
    return {key.name: key for key in keys}


def _key(field: attrs.Attribute[Any], hint: Any) -> Key:
    said = field.metadata
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # attrs types its class as a function
        default = default.factory()
    return Key(
        name=said.get("table", field.name),
        attribute=field.name,
        hint=hint,
        default=default,
        about=said["about"],
        grammar=said["grammar"],
        range=said.get("range"),
        example=said.get("example"),
        some=said.get("some", False),
        words=said.get("words", {}),
    )
