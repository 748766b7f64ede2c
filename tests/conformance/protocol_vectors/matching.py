"""Whether what a core says is what a script expects. Knows neither codec."""

from __future__ import annotations

from typing import Any

from protocol_vectors.reader import same

__all__ = ["matches"]


def matches(wanted: Any, said: Any) -> bool:
    """A map matches one that has at least its keys, an array one of its length, anything else itself alone."""
    if isinstance(wanted, dict) and isinstance(said, dict):
        return all(key in said and matches(value, said[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(said, list):
        return len(wanted) == len(said) and all(map(matches, wanted, said))
    return same(wanted, said)
