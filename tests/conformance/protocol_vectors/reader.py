"""Reads docs/vectors.json: its vectors, by section. Knows neither codec."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

__all__ = ["FILE", "of", "sections", "vectors"]

FILE = Path(__file__).resolve().parents[3] / "docs" / "vectors.json"

Vector = dict[str, Any]


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
