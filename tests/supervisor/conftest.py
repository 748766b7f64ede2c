"""Fixtures for a real supervisor; `supervised` beside this file has what tests of this folder import."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stockade.control import Plan

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path (importlib), and so are no package

from supervised import System


@pytest.fixture
def start() -> Iterator[Callable[..., System]]:
    """Start supervisors that end with the test."""
    systems: list[System] = []

    def begin(plan: Plan, **how: Any) -> System:
        systems.append(System(Path(plan.folder), plan, **how))
        return systems[-1]

    yield begin
    for system in systems:
        if system.process.poll() is None:
            system.process.kill()
            system.process.wait()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: a socket's path has to fit below it."""
    path = Path(tempfile.mkdtemp(prefix="s-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)
