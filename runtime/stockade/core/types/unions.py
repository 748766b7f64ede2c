"""Unions: which member a value belongs to, decided by its wire type, and for maps by their fields.

Knows no order of members and tries none: what cannot be told apart is refused when a command is registered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stockade.core.types.fields import Field
from stockade.core.types.scalars import PRIMITIVES
from stockade.core.types.shapes import CHOICES, Ambiguous, Shape
from stockade.core.types.values import Mismatch, Wire

__all__ = ["one_of"]


def one_of(wire: Wire, members: Sequence[Shape]) -> Shape:
    """The member that values of this wire type belong to; raises Ambiguous where nothing tells the members apart."""
    takers = [member for member in members if wire in member.wire]
    if wire is Wire.INT and len(takers) > 1:
        # A float takes integers too, but leaves them to a member that means them.
        takers = [taker for taker in takers if taker.scalar is not PRIMITIVES[float]]
    if len(takers) == 1:
        return takers[0]
    names = " and ".join(taker.expected for taker in takers)
    if any(taker.fields is None for taker in takers):
        raise Ambiguous(f"{names} cannot be told apart: each may be {wire}", "take one of them")
    _check_told_apart(takers)
    return Shape(names, frozenset({wire}), lambda value: _matching(takers, value).structure(value))


def _check_told_apart(classes: Sequence[Shape]) -> None:
    for index, first in enumerate(classes):
        for second in classes[index + 1 :]:
            if not (_excludes(first, second) or _excludes(second, first) or _tagged_apart(first, second)):
                raise Ambiguous(
                    f"{first.expected} and {second.expected} cannot be told apart by their fields",
                    "give each a required field that the other does not have, or a Literal",
                )


def _excludes(first: Shape, second: Shape) -> bool:
    """Whether the first class requires a field that the second does not have."""
    names = {field.name for field, _ in second.fields or ()}
    return any(field.required and field.name not in names for field, _ in first.fields or ())


def _tagged_apart(first: Shape, second: Shape) -> bool:
    """Whether both require a field of one name whose literal values differ."""
    tags = {field.name: shape.choices for field, shape in second.fields or () if field.required and shape.choices}
    return any(
        field.required and shape.choices and field.name in tags and not shape.choices & tags[field.name]
        for field, shape in first.fields or ()
    )


def _matching(classes: Sequence[Shape], value: dict[str, Any]) -> Shape:
    for shape in classes:
        if all(_agrees(field, member, value) for field, member in shape.fields or ()) and value.keys() <= {
            field.name for field, _ in shape.fields or ()
        }:
            return shape
    raise Mismatch(f"expected the fields of {' or '.join(shape.expected for shape in classes)}, got others")


def _agrees(field: Field, shape: Shape, value: dict[str, Any]) -> bool:
    if field.name not in value:
        return not field.required
    tag = value[field.name]
    return shape.choices is None or (type(tag) in CHOICES and (type(tag), tag) in shape.choices)
