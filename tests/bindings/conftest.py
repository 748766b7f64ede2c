"""The shop, an application with every kind of type, and what its workers are started by."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stockade.bindings.carrying import received
from stockade.bindings.model import Model
from stockade.cli.importing import import_modules

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path (importlib), and so are no package

#: Generous: the machine may be busy.
PATIENCE = 50.0
HERE = Path(__file__).parent

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder of the shop, a copy; its workers' programs are the test's to write."""
    return Path(shutil.copytree(HERE / "shop", tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture(scope="session")
def shop_model() -> Model:
    """What the shop offers."""
    imported = import_modules(["shop"], str(HERE / "shop"), PATIENCE, describe=True)
    assert (imported.faults, imported.unimported) == ([], {})
    assert imported.model is not None
    return received(imported.model)


@pytest.fixture
def stockade(shop: Path) -> Run:
    """Run `stockade` with these arguments, in the shop, to its end."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stockade", *arguments],
            cwd=shop,
            env={**os.environ, "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run
