"""What was measured, as a page and as drawings."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from benchmarks import report as page
from benchmarks.figures import Figure, Table

TABLES = (
    Table("Rates", "", ("calls/s", "from"), (("stockade", (20.0, 19.0)), ("pyzmq", (500.0, None))), "bars"),
    Table("Sizes", "size", ("stockade", "c"), (("1 KiB", (1.0, 2.0)), ("1 MiB", (100.0, None))), "lines"),
    Table("Memory", "calls", ("MB",), tuple((str(1000 * number), (40.0,)) for number in range(1, 40)), "lines"),
    Table("Not drawn", "", ("a",), (("x", (1.0,)),)),
)
REPORT: dict[str, Any] = {
    "machine": {"processor": "some", "processors": 2},
    "quick": False,
    "results": {
        "speed": {
            "question": "How fast?",
            "figures": [Figure.of("a ratio", [1.0, 2.0, 3.0], at_most=1.5).to_json(), Figure("plain", 7.0).to_json()],
            "tables": [attrs.asdict(table) for table in TABLES],
            "circumstances": {"rounds": 3, "load before": 2.5},
            "skipped": ["grpcio: it is not installed"],
        }
    },
}


def test_the_page_gets_figures_tables_and_drawings(tmp_path: Path) -> None:
    """What stands between the marks is replaced, all else stays; a long table is only drawn."""
    target, source = tmp_path / "page.md", tmp_path / "report.json"
    target.write_text(f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n")
    source.write_text(json.dumps(REPORT))
    done = CliRunner().invoke(page.main, [str(source), "--page", str(target)])
    assert done.exit_code == 0, done.output
    text = target.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| a ratio | **2** | 1.5 … 2.5 | ≤ 1.5 | **not reached** |" in text
    assert "| pyzmq | 500 |  |" in text
    assert "![Sizes](plots/speed-2.svg)" in text
    assert "| 1000 |" not in text
    assert "had other work" in text
    assert "**Skipped:** grpcio: it is not installed" in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    """It is an error, and nothing is written."""
    target, source = tmp_path / "page.md", tmp_path / "report.json"
    target.write_text("nothing here\n")
    source.write_text(json.dumps(REPORT))
    done = CliRunner().invoke(page.main, [str(source), "--page", str(target)])
    assert done.exit_code == 1
    assert target.read_text() == "nothing here\n"


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is of the extra `bench`")
def test_charts_are_drawn_where_the_page_shows_them(tmp_path: Path) -> None:
    """Each chart is an SVG that parses, without a script, and the same bytes for the same figures."""
    from benchmarks.plots import draw

    first = {path.name: path.read_bytes() for path in draw(REPORT, tmp_path / "one")}
    again = {path.name: path.read_bytes() for path in draw(REPORT, tmp_path / "other")}
    assert sorted(first) == ["speed-1.svg", "speed-2.svg", "speed-3.svg"]
    assert first == again
    for drawing in first.values():
        assert ET.fromstring(drawing).tag.endswith("svg")
        assert b"<script" not in drawing
