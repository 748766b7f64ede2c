"""Which program a worker's `run` means."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from stockade.config.grammar import Problem
from stockade.config.programs import missing, program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("worker.py", "notes/__init__.py", "notes/editor.py", "bin/tool", "plain"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
    (tmp_path / "bin/tool").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("word", ["python", "python3"])
def test_python_is_our_own_interpreter(folder: Path, word: str) -> None:
    """Whatever PATH says, a worker has the interpreter and the packages that Stockade has."""
    assert program(word, str(folder), "") == sys.executable


def test_a_slash_means_a_path_from_the_folder(folder: Path) -> None:
    """A word with a slash is never looked up on PATH."""
    assert program("bin/tool", str(folder), "/bin") == str(folder / "bin/tool")
    assert program("./bin/tool", str(folder), "/bin") == str(folder / "bin/tool")
    assert program("/bin/sh", str(folder), "") == "/bin/sh"


def test_a_plain_word_is_looked_up_on_the_path_given(folder: Path) -> None:
    """A word without a slash is found on that PATH alone, also if a file beside has its name."""
    assert program("tool", str(folder), str(folder / "bin")) == str(folder / "bin/tool")
    assert isinstance(program("plain", str(folder), "/nowhere"), Problem)


@pytest.mark.parametrize("word", ["./none", "./plain", "./notes", "none", ""])
def test_a_program_that_cannot_be_started_is_a_problem(folder: Path, word: str) -> None:
    """A file that is missing, a folder or not executable is no program."""
    assert isinstance(program(word, str(folder), "/bin"), Problem)


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (["python", "none.py"], 1),
        (["python", "-u", "none.py", "worker.py"], 2),
        (["python", "-X", "dev", "-W", "error", "none.py"], 5),
        (["python", "-m", "notes.none"], 2),
        (["python", "-um", "none"], 2),
        (["python", "-mnone"], 1),
        (["python", "-m", "notes"], 2),
        (["/usr/bin/env/none"], 0),
    ],
)
def test_missing(folder: Path, run: list[str], word: int) -> None:
    """The word that names what is not there is the one that is told."""
    (lost,) = missing(run, str(folder), "/bin", modules=True)
    assert lost.word == word


@pytest.mark.parametrize(
    "run",
    [
        [],
        ["python"],
        ["python", "worker.py", "none.py"],
        ["python", "-m", "notes.editor"],
        ["python", "-m", "json.tool"],
        ["python", "-m", "site"],
        ["python", "-c", "none.py"],
        ["python", "-uc", "none.py"],
        ["python", "--version"],
        ["sh", "none.py"],
    ],
)
def test_nothing_missing(folder: Path, run: list[str]) -> None:
    """What is there, or cannot be judged from outside, is no fault."""
    assert missing(run, str(folder), "/bin", modules=True) == []


def test_modules_are_not_judged_where_python_looks_elsewhere_too(folder: Path) -> None:
    """With a PYTHONPATH of its own a worker may find modules that we do not."""
    assert missing(["python", "-m", "none"], str(folder), "/bin", modules=False) == []
