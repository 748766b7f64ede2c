"""How docs/vectors.json writes values, what is the same value, and what matches what a script expects.

The standard library alone, for the worker that plays scripts imports this. Knows neither codec.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

__all__ = ["matches", "same", "written_by"]

_SPELLED: dict[str, Callable[[Any], Any]] = {
    "$int": int,
    "$float": float,
    "$bytes": bytes.fromhex,
    "$map": lambda pairs: {key: written_by(value) for key, value in pairs},
}


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


def matches(wanted: Any, said: Any) -> bool:
    """A map matches one that has at least its keys, an array one of its length, anything else itself alone.

    ``{"$either": [...]}`` matches what one of these does.
    """
    if isinstance(wanted, dict) and wanted.keys() == {"$either"}:
        return any(matches(each, said) for each in wanted["$either"])
    if isinstance(wanted, dict) and isinstance(said, dict):
        return all(key in said and matches(value, said[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(said, list):
        return len(wanted) == len(said) and all(map(matches, wanted, said))
    return same(wanted, said)
