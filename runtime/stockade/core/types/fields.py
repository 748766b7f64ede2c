"""The fields of the classes that cross the wire as maps: attrs classes, dataclasses and TypedDicts, seen alike.

Knows no values: only names, hints, and whether a field must be there.
"""

from __future__ import annotations

import dataclasses
import typing
from functools import lru_cache
from typing import Any

import attrs

__all__ = ["Field", "fields_of", "is_class_of_fields"]


@attrs.frozen
class Field:
    """One field: its attribute, its name on the wire, its resolved hint, and whether it must be there."""

    attribute: str
    name: str
    hint: Any
    required: bool


def is_class_of_fields(cls: Any) -> bool:
    """Whether `cls` is a class that crosses the wire as a map of its fields."""
    return isinstance(cls, type) and (attrs.has(cls) or dataclasses.is_dataclass(cls) or typing.is_typeddict(cls))


@lru_cache(maxsize=1024)
def fields_of(cls: Any) -> tuple[Field, ...]:
    """The fields that `cls` is made from, in order; those of ``init=False`` are no part of it.

    Raises NameError for a hint that names what its module does not have, and TypeError for a field without a hint.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    if typing.is_typeddict(cls):
        return tuple(_entry(cls, name, hint) for name, hint in hints.items())
    if attrs.has(cls):
        return tuple(
            Field(field.name, field.alias or field.name, _hint(cls, field, hints), field.default is attrs.NOTHING)
            for field in attrs.fields(cls)
            if field.init
        )
    return tuple(
        Field(field.name, field.name, hints[field.name], _has_no_default(field))
        for field in dataclasses.fields(cls)
        if field.init
    )


def _hint(cls: type, field: attrs.Attribute[Any], hints: dict[str, Any]) -> Any:
    if field.name in hints:
        return hints[field.name]
    if field.type is None:
        raise TypeError(f"field {field.name} of {cls.__name__} has no type hint")
    return field.type


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _entry(cls: Any, name: str, hint: Any) -> Field:
    """An entry of a TypedDict. Whether it is required stands in its own hint, or else in the class's `total`."""
    origin = typing.get_origin(hint)
    if origin in (typing.Required, typing.NotRequired):
        return Field(name, name, typing.get_args(hint)[0], origin is typing.Required)
    return Field(name, name, hint, name in cls.__required_keys__)
