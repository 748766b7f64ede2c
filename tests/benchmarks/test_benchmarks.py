"""The benchmarks run and say what they found. What they find is nobody's business here: that is the machine's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import native
from benchmarks.__main__ import LONG, NAMES

ROOT = Path(__file__).parents[2]


def run(*arguments: str, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    return done


def measure(name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(run(name, "--quick", "--json", "-", BENCHMARK_STUBS="python").stdout)
    assert report["machine"]["processors"] >= 1
    result: dict[str, Any] = report["results"][name]
    return result


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NAMES + LONG)
def test_each_benchmark_measures_in_its_smallest_form(name: str) -> None:
    """Each says figures, or why it was skipped; a figure with a target says whether it is reached."""
    result = measure(name)
    if not result["figures"]:
        assert native.missing()
        assert result["skipped"]
    for figure in result["figures"]:
        assert isinstance(figure["value"], float | int)
        assert type(figure["reached"]) is (bool if figure["target"] else type(None))
    for table in result["tables"]:
        assert {len(values) for _, values in table["rows"]} == {len(table["columns"])}


def test_what_there_is_is_listed() -> None:
    """Each benchmark stands in the list with its question, and nothing is measured."""
    lines = run("--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [*NAMES, *LONG]
    assert all("?" in line for line in lines)


def test_what_cannot_be_measured_is_skipped_aloud() -> None:
    """Without a C compiler there are no workers in C: it says so, and that is no failure."""
    said = run("refused", "--quick", PATH="/nonexistent", CC="").stdout
    assert "SKIPPED" in said
    assert "there is no C compiler" in said


def test_a_name_that_there_is_not_is_refused() -> None:
    """A benchmark that does not exist is an error of the user, who is told those that do."""
    assert "latency" in run("speed", status=2).stderr
