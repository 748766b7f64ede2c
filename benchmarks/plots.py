"""Draws the tables of a report as SVG. Knows no benchmark.

matplotlib, of all that draw: it is the one that everybody keeps in repair, its SVG keeps text as text, needs no script,
and is the same bytes for the same figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.figures import text
from benchmarks.report import charts

__all__ = ["draw"]

mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "stockade", "font.size": 9})

#: Ours, what lies under it, and everybody else.
OURS, FLOOR, PEER = "#1f5f8b", "#9a9a9a", "#d9a441"
FLOORS = {"pyzmq": "--", "c": ":", "socketpair": "-.", "shared": "-."}
#: Beyond so many times the smallest, a linear axis would show the largest alone.
_WIDE = 20
#: More rows than these are no names under an axis.
_NAMES = 12


def draw(report: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw every chart into `folder`, which is made; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, result in report["results"].items():
        for file, table in zip(charts(name, result["tables"]), result["tables"], strict=True):
            if file is not None:
                figure = Figure(layout="constrained")
                _KINDS[table["chart"]](figure, table)
                figure.savefig(folder / file, metadata={"Date": None})
                made.append(folder / file)
    return made


def _bars(figure: Figure, table: Mapping[str, Any]) -> None:
    rows = sorted(table["rows"], key=lambda row: -(row[1][0] or 0))
    figure.set_size_inches(7, 0.9 + 0.26 * len(rows))
    axes = figure.subplots()
    names, lengths = [row[0] for row in rows], [row[1][0] or 0 for row in rows]
    bars = axes.barh(names, lengths, color=[_colour(name) for name in names])
    axes.bar_label(bars, [text(length) for length in lengths], padding=3, fontsize=8)
    if max(lengths) > _WIDE * min(lengths) > 0:
        axes.set_xscale("log")
    axes.margins(x=0.15)
    _finish(axes, table)
    axes.set_xlabel(table["columns"][0])


def _lines(figure: Figure, table: Mapping[str, Any]) -> None:
    figure.set_size_inches(7, 3.6)
    axes = figure.subplots()
    names = [row[0] for row in table["rows"]]
    places = list(map(float, names)) if len(names) > _NAMES else list(range(len(names)))
    for index, column in enumerate(table["columns"]):
        points = [(place, row[1][index]) for place, row in zip(places, table["rows"], strict=True)]
        axes.plot(
            *zip(*[point for point in points if point[1] is not None], strict=True),
            marker="o" if len(names) <= _NAMES else "",
            label=column,
            **_line(column),
        )
    if len(names) <= _NAMES:
        axes.set_xticks(places, names)
    values = [value for row in table["rows"] for value in row[1] if value]
    if max(values) > _WIDE * min(values):
        axes.set_yscale("log")
    elif len(names) > _NAMES:
        axes.set_ylim(0, 1.2 * max(values))
    _finish(axes, table)
    axes.set_xlabel(table["head"])
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))


def _finish(axes: Axes, table: Mapping[str, Any]) -> None:
    axes.set_title(table["title"], fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, axis="x" if table["chart"] == "bars" else "y", alpha=0.25)
    axes.set_axisbelow(True)


def _colour(name: str) -> str:
    if _kind(name) in FLOORS:
        return FLOOR
    return OURS if name.startswith("stockade") else PEER


def _kind(name: str) -> str:
    """Of what kind a contestant is: `c` of `c, credit 64`, `pyzmq` of `pyzmq-10`."""
    return re.split(r"[,-]", name, maxsplit=1)[0]


def _line(name: str) -> dict[str, Any]:
    """Ours is thick, floors are grey and dashed, and of the others each has a colour of its own."""
    if name.startswith("stockade"):
        return {"color": OURS, "linewidth": 2.5, "linestyle": "-" if "-" not in name else (0, (4, 1))}
    return {"color": FLOOR, "linestyle": FLOORS[_kind(name)]} if _kind(name) in FLOORS else {"linewidth": 1.2}


_KINDS = {"bars": _bars, "lines": _lines}
