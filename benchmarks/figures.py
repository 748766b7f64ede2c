"""What a benchmark says: figures with their targets, and the statistics they are made of. Knows no benchmark."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import attrs

#: A table of more rows is drawn, and not printed.
MOST = 20

__all__ = ["MOST", "Figure", "Quartiles", "Result", "Table", "quartiles", "text"]


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
    def of(
        cls,
        name: str,
        sample: Sequence[float],
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> Figure:
        """The median of a sample, with its quartiles."""
        found = quartiles(sample)
        return cls(name, found.median, unit, found, at_most, at_least)

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
        """All of it as JSON values, `reached` and `target` included."""
        return {**attrs.asdict(self), "reached": self.reached, "target": self.target}


@attrs.frozen
class Table:
    """Measured side by side: a row for each contestant, size or count; a column names its unit.

    `chart` says how to draw it: `bars` has the rows as bars, as long as the first column; `lines` has the rows, which
    are then numbers, on the horizontal axis and a line for each column; without either it is not drawn.
    """

    title: str
    head: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    chart: str = ""


@attrs.frozen
class Result:
    """What one benchmark found: figures, tables, in what circumstances (anything of JSON), what it had to leave out."""

    figures: tuple[Figure, ...]
    tables: tuple[Table, ...] = ()
    circumstances: dict[str, Any] = attrs.field(factory=dict)
    skipped: tuple[str, ...] = ()


def text(value: float | None) -> str:
    """Three digits that count, and never an exponent; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 1e-4 else "0"
