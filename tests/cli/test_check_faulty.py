"""A folder for each way to write a stockade.toml wrongly, with the very lines that `stockade check` must say of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade import limits
from stockade.cli.check import check, lines

CASES = Path(__file__).parents[1] / "config"


def folders(kind: str) -> list[Path]:
    return sorted(folder for folder in (CASES / kind).iterdir() if folder.is_dir())


def said_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    limit = 1.0 if "hangs" in folder.name else limits.IMPORT
    return "\n".join(lines(check("stockade.toml", limit))) + "\n"


def test_there_are_enough_faulty_files() -> None:
    """The cases are found at all: a test over none would pass."""
    assert len(folders("faulty")) >= 45
    assert len(folders("good")) >= 5


@pytest.mark.parametrize("folder", folders("faulty"), ids=lambda folder: folder.name)
def test_every_fault_is_told_with_its_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said of a faulty file is what stands in its expected.txt, to the letter."""
    said = said_of(folder, monkeypatch)
    assert said == (folder / "expected.txt").read_text(encoding="utf-8")
    assert "no faults" not in said


@pytest.mark.parametrize("folder", folders("good"), ids=lambda folder: folder.name)
def test_no_fault_is_found_where_there_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good file gets one line that counts what is in it."""
    said = said_of(folder, monkeypatch)
    assert said == (folder / "expected.txt").read_text(encoding="utf-8")
    assert said.endswith("no faults\n")


@pytest.mark.parametrize("folder", folders("faulty"), ids=lambda folder: folder.name)
def test_each_fault_takes_one_line_and_says_what_to_write(folder: Path) -> None:
    """Every expected line has a place, what is wrong, and what to write instead; none was forgotten."""
    for line in (folder / "expected.txt").read_text(encoding="utf-8").splitlines():
        place, _, rest = line.partition(": ")
        assert place.split(":")[0].endswith((".toml", ".py"))
        wrong, _, instead = rest.rpartition("; ")
        assert wrong
        assert instead
