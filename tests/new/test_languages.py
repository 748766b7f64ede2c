"""A new project of every kind: made by the command line, built and run for real, by its own tests.

A language is left out where its tools are missing, and where its stub was not built with `make stubs`: building may ask
the network for libraries, which tests do only where somebody has asked for that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stockade.new.languages import LANGUAGES

STUBS = Path(__file__).parents[2] / "frontend_stub"
BUILT = [name for name, language in LANGUAGES.items() if language.build]


def new(folder: Path, *arguments: str) -> None:
    """Run `stockade new`."""
    command = [sys.executable, "-m", "stockade", "new", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stderr


def run_tests(project: Path, *files: str) -> None:
    """Run the tests that came with a project, as its README says."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        cwd=project,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def missing(language: str) -> str | None:
    """Why a language is left out."""
    needs = tomllib.loads((STUBS / language / "stub.toml").read_text(encoding="utf-8"))["needs"]
    programs = [need for need in needs if ":" not in need and shutil.which(need) is None]
    if programs:
        return f"SKIPPED: a new worker in {LANGUAGES[language].title}: this machine has no {', no '.join(programs)}"
    if not (STUBS / language / ".built").exists():
        return f"SKIPPED: a new worker in {LANGUAGES[language].title}: its stub is not built here: make stubs"
    return None


@pytest.mark.timeout(120)
def test_a_new_application_runs_at_once(tmp_path: Path) -> None:
    """Its own tests say so: those of its commands, and the one that runs all of it."""
    new(tmp_path, "app", "notes")
    run_tests(tmp_path / "notes")


@pytest.mark.timeout(120)
def test_a_new_python_worker_runs_at_once(tmp_path: Path) -> None:
    """As the application's does, with its own label."""
    new(tmp_path, "worker", "thumbs")
    run_tests(tmp_path / "thumbs")


@pytest.mark.timeout(1800)  # Rust builds libzmq along
@pytest.mark.parametrize("language", BUILT)
def test_a_new_worker_runs_when_it_has_been_built(tmp_path: Path, language: str) -> None:
    """With the one line that `stockade new` prints."""
    reason = missing(language)
    if reason:
        pytest.skip(reason)
    new(tmp_path, "worker", "thumbs", "--language", language)
    project, line = tmp_path / "thumbs", LANGUAGES[language].build
    assert line is not None
    built = subprocess.run(
        ["bash", "-c", line], cwd=project, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    run_tests(project, "test_run.py")
