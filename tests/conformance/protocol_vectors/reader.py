"""Reads docs/vectors.json: vectors by section, and their values as Python's. Knows neither codec."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

__all__ = ["FILE", "of", "same", "sections", "vectors", "written_by"]

FILE = Path(__file__).resolve().parents[3] / "docs" / "vectors.json"

Vector = dict[str, Any]

_SPELLED: dict[str, Callable[[Any], Any]] = {
    "$int": int,
    "$float": float,
    "$bytes": bytes.fromhex,
    "$map": lambda pairs: {key: written_by(value) for key, value in pairs},
}


@cache
def vectors() -> dict[str, Any]:
    """The whole file."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="ascii"))
    return content


def sections() -> dict[str, list[Vector]]:
    """The vectors, by section."""
    return {name: section for name, section in vectors().items() if isinstance(section, list)}


def of(section: str, **wanted: Any) -> pytest.MarkDecorator:
    """A parametrization over the vectors of a section that have all the `wanted` keys, each with its name as id."""
    chosen = [
        vector for vector in sections()[section] if all(vector.get(key) == value for key, value in wanted.items())
    ]
    if not chosen:
        raise ValueError(f"no vector of {section} has {wanted}")
    return pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in chosen])


def written_by(value: Any) -> Any:
    """The value that the notation of vectors.json writes."""
    if isinstance(value, list):
        return [written_by(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and (spelled := _SPELLED.get(next(iter(value)))):
            return spelled(next(iter(value.values())))
        return {key: written_by(item) for key, item in value.items()}
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same on the wire: 1 is not 1.0 nor true, 0.0 is not -0.0, NaN is NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, float):
        return struct.pack(">d", one) == struct.pack(">d", other) or (math.isnan(one) and math.isnan(other))
    return bool(one == other)
