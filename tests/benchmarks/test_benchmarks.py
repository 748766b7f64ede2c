"""The benchmarks run and say what they found. What they find is nobody's business here: that is the machine's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", "-", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=55,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("name", ["latency", "pipelined", "idle", "spawn", "start"])
def test_each_benchmark_prints_its_figures_as_json(name: str) -> None:
    """Each has a figure with a target, all are positive, and the machine is described."""
    report = run(name)
    figures = report["results"][name]["figures"]
    assert all(figure["value"] > 0 for figure in figures)
    assert any(figure["at_most"] or figure["at_least"] for figure in figures)
    assert {type(figure["reached"]) for figure in figures} == {bool, type(None)}
    assert report["machine"]["processors"] >= 1


def test_a_name_that_there_is_not_is_refused() -> None:
    """A benchmark that does not exist is an error of the user, who is told those that do."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "speed"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "latency" in done.stderr
