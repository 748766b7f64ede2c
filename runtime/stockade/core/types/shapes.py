"""Shapes: compiled hints, and the simple ones of scalars, Enums and Literals.

Knows no containers and no classes; a value is never coerced into a shape.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, get_args

import attrs

from stockade.core.types.fields import Field
from stockade.core.types.scalars import PRIMITIVES, SCALARS, Scalar
from stockade.core.types.values import Mismatch, Wire, Within, shown

__all__ = [
    "ANY",
    "CHOICES",
    "Ambiguous",
    "HintError",
    "Shape",
    "array",
    "at",
    "hint_text",
    "items",
    "of_choices",
    "of_enum",
    "of_scalar",
]

#: Values that a report lists of an Enum or Literal.
LISTED = 8
#: The types that a value of an Enum or Literal may have.
CHOICES: dict[type, Wire] = {
    int: Wire.INT,
    str: Wire.TEXT,
    bytes: Wire.BYTES,
    bool: Wire.BOOL,
    type(None): Wire.NULL,
    float: Wire.FLOAT,
}


class HintError(Exception):
    """A hint that cannot cross the wire: `wrong` says why, `instead` what to write."""

    def __init__(self, wrong: str, instead: str = "take a type of docs/types.md") -> None:
        super().__init__(wrong, instead)
        self.wrong = wrong
        self.instead = instead

    def __str__(self) -> str:
        return f"{self.wrong}; {self.instead}"


class Ambiguous(HintError):
    """A hint that a command may answer by but not take: nothing on the wire tells its members apart."""


@attrs.frozen
class Shape:
    """A compiled hint.

    `structure` takes a decoded value and returns what the hint promises, or raises what `values.misfits` reads. A value
    of type `exact` needs no structuring. `choices` are the values of an Enum or Literal with their wire types, `fields`
    those of a class.

    For whoever describes it: `kind` is what the hint is at its head - Any, a scalar's type, list, tuple (of just its
    `parts`), set, dict, Union, an Enum, a Literal with its values, or the hint of a class - and `parts` what it is of.
    """

    expected: str
    wire: frozenset[Wire]
    structure: Callable[[Any], Any]
    exact: type | None = None
    scalar: Scalar | None = None
    choices: frozenset[tuple[type, Any]] | None = None
    fields: tuple[tuple[Field, Shape], ...] | None = None
    kind: Any = None
    parts: tuple[Shape, ...] = ()


def hint_text(hint: Any) -> str:
    """A hint as people write it."""
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")


ANY = Shape(
    "any value", frozenset(Wire), lambda value: value if type(value) is not memoryview else bytes(value), kind=Any
)


def of_scalar(kind: type) -> Shape:
    scalar = PRIMITIVES.get(kind) or SCALARS[kind]
    # The decoder has refused integers of more than 64 bits, so that of a primitive the type is all there is to check.
    exact = kind if kind in PRIMITIVES else None
    return Shape(scalar.expected, scalar.wire, scalar.structure, exact, scalar, kind=kind)


def of_enum(kind: type[enum.Enum]) -> Shape:
    if issubclass(kind, enum.Flag):
        raise HintError(f"{kind.__name__} is a Flag, whose values can be combined", "take a set of an Enum")
    return of_choices({(type(each.value), each.value): each for each in kind}, kind, kind.__name__)


def of_choices(choices: dict[tuple[type, Any], Any], made_of: Any, name: str = "") -> Shape:
    wires = {_choice_wire(kind, name) for kind, _ in choices}
    values = [repr(value) for _, value in choices]
    listed = ", ".join(values[:LISTED]) + (", ..." if len(values) > LISTED else "")
    expected = f"one of {listed}"

    def structure(value: Any) -> Any:
        kind = type(value)
        # Only values of the wire that can be keys are looked up; and 1 is not True, so the type is part of the key.
        found = choices.get((kind, value), choices) if kind in CHOICES else choices
        if found is choices:
            raise Mismatch(f"expected {expected}, got {shown(value)}")
        return found

    return Shape(expected, frozenset(wires), structure, choices=frozenset(choices), kind=made_of)


def _choice_wire(kind: type, name: str) -> Wire:
    if kind not in CHOICES:
        raise HintError(
            f"{name or 'a Literal'} has values of type {kind.__name__}", "give it values of text or integers"
        )
    return CHOICES[kind]


def array(value: Any) -> list[Any]:
    if type(value) is not list:
        raise Mismatch.of("an array", value)
    return value


def items(shape: Shape, value: list[Any]) -> list[Any]:
    """The items structured; the first that does not fit ends it, since hostile arrays may have millions."""
    structure = shape.structure
    made: list[Any] = []
    try:
        for item in value:
            made.append(structure(item))  # noqa: PERF401 (how many were made says which did not fit)
    except Exception as error:
        raise Within(len(made), error) from error
    return made


def at(step: str | int, shape: Shape, value: Any) -> Any:
    try:
        return shape.structure(value)
    except Exception as error:
        raise Within(step, error) from error
