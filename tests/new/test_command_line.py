"""`stockade new` as it is typed: what it prints, what programs read, what it refuses, what shells complete."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stockade.new.languages import LANGUAGES


def stockade(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder."""
    command = [sys.executable, "-m", "stockade", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


def test_it_says_what_to_do_next(tmp_path: Path) -> None:
    """The lines to type, what building takes, and what it gets from the network."""
    done = stockade(tmp_path, "new", "worker", "thumbs", "--language", "go")
    assert (done.returncode, done.stderr) == (0, "")
    assert "  cd thumbs\n  go build -o build/worker .\n  stockade run\n" in done.stdout
    assert "Building takes Go" in done.stdout
    assert "It fetches" in done.stdout


def test_programs_read_json(tmp_path: Path) -> None:
    """One object: the folder, the lines to type, and every file, which are there."""
    done = stockade(tmp_path, "new", "app", "notes", "--json")
    said = json.loads(done.stdout)
    assert (said["kind"], said["folder"], said["language"]) == ("app", str(tmp_path / "notes"), "python")
    assert said["next"] == ["cd notes", "stockade run"]
    there = sorted(path.relative_to(tmp_path / "notes").as_posix() for path in (tmp_path / "notes").rglob("*"))
    assert said["files"] == there


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("app", "Notes"), '"Notes" is no name; write 1 to 32 of a-z, 0-9 and -'),
        (("app", "../notes"), "is no name"),
        (("app", "-"), "is no name"),
        (("worker", "core"), "core is a name of Stockade's own"),
        (("worker", "taken"), "taken is there already; choose another name"),
        (("worker", "thumbs", "--language", "cobol"), "--language"),
        (("app", "notes", "--language", "go"), "there is no option --language"),
        (("worker",), "NAME is missing"),
    ],
)
def test_wrong_use_is_one_line_and_makes_nothing(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit code 2, and the folder is as it was."""
    (tmp_path / "taken").mkdir()
    done = stockade(tmp_path, "new", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(tmp_path) == ["taken"]
    assert os.listdir(tmp_path / "taken") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """With the system's own words."""
    tmp_path.chmod(0o500)
    done = stockade(tmp_path, "new", "app", "notes")
    assert done.returncode == 2
    assert "notes cannot be made: Permission denied" in done.stderr


def test_shells_complete_the_languages(tmp_path: Path) -> None:
    """All of them, where --language is being typed."""
    words = "stockade new worker thumbs --language "
    done = stockade(tmp_path, _STOCKADE_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split())))
    assert {line.partition(",")[2] for line in done.stdout.splitlines()} == set(LANGUAGES)
