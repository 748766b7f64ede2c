"""What a benchmark says: figures with their targets, and the statistics they are made of. Knows no benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import attrs

__all__ = ["Figure", "Quartiles", "Result", "quartiles"]


@attrs.frozen
class Quartiles:
    """The three cuts of a sample into quarters, and its size."""

    first: float
    median: float
    third: float
    count: int


def quartiles(sample: Sequence[float]) -> Quartiles:
    """The quartiles of at least one number."""
    if len(sample) == 1:
        return Quartiles(sample[0], sample[0], sample[0], 1)
    first, median, third = statistics.quantiles(sample, n=4, method="inclusive")
    return Quartiles(first, median, third, len(sample))


@attrs.frozen
class Figure:
    """One number. With `at_most` or `at_least` it has a target; without either it is there to explain another."""

    name: str
    value: float
    unit: str = ""
    quartiles: Quartiles | None = None
    at_most: float | None = None
    at_least: float | None = None

    @classmethod
    def of(cls, name: str, sample: Sequence[float], unit: str = "", **target: float) -> Figure:
        """The median of a sample, with its quartiles."""
        found = quartiles(sample)
        return cls(name, found.median, unit, found, **target)

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None

    @property
    def target(self) -> str:
        """The target, short."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values, `reached` included."""
        return {**attrs.asdict(self), "reached": self.reached}


@attrs.frozen
class Result:
    """What one benchmark found: its figures, and in what circumstances (anything of JSON)."""

    figures: tuple[Figure, ...]
    circumstances: dict[str, Any] = attrs.field(factory=dict)
