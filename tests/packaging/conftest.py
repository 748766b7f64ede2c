"""The distributions, built once for all tests here from a copy of the tree: nothing is written into the tree itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCES = (
    ".git",
    ".venv*",
    "__pycache__",
    "*.pyc",
    "*.egg-info",
    "build",
    "build-*",
    "dist",
    ".*_cache",
    ".hypothesis",
    "node_modules",
    "report.md",
    "target",
    ".built",
)


def _is_made(name: str) -> bool:
    """Whether a file or folder of this name is no source."""
    return any(fnmatch(name, pattern) for pattern in NOT_SOURCES)


def copy_of(tree: Path, target: Path) -> Path:
    """The sources of `tree` at `target`, without what was made from them."""
    return Path(shutil.copytree(tree, target, ignore=shutil.ignore_patterns(*NOT_SOURCES)))


def build(kind: str, tree: Path, into: Path) -> Path:
    """Build the ``wheel`` or ``sdist`` of `tree` as an installer would, without its network."""
    code = f"import sys; from setuptools import build_meta; build_meta.build_{kind}(sys.argv[1])"
    command = [sys.executable, "-c", code, str(into)]
    into.mkdir()
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [made] = into.iterdir()
    return made


@pytest.fixture(scope="session")
def root() -> Path:
    """The tree under test."""
    return ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tree, to change and to break."""
    return copy_of(ROOT, tmp_path / "stockade")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tree."""
    scratch = tmp_path_factory.mktemp("wheel")
    return build("wheel", copy_of(ROOT, scratch / "tree"), scratch / "dist")


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of the tree."""
    scratch = tmp_path_factory.mktemp("sdist")
    return build("sdist", copy_of(ROOT, scratch / "tree"), scratch / "dist")


@pytest.fixture(scope="session")
def unpacked_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one has after unpacking the source distribution."""
    target = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(target, filter="data")
    [top] = target.iterdir()
    return top


@pytest.fixture(scope="session")
def stub_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the Python stub alone."""
    scratch = tmp_path_factory.mktemp("stub")
    return build("wheel", copy_of(ROOT / "frontend_stub" / "python", scratch / "tree"), scratch / "dist")


@pytest.fixture(scope="session")
def build_wheel() -> Callable[[Path], Path]:
    """Build the wheel of a changed copy: ``build_wheel(tree)`` is its path, beside the tree."""
    return lambda tree: build("wheel", tree, tree.parent / "dist")


@pytest.fixture(scope="session")
def packed() -> Callable[[Path], set[str]]:
    """The files of a wheel but its metadata: ``packed(wheel)`` is a set of paths such as ``stockade/names.py``."""

    def files(wheel: Path) -> set[str]:
        with zipfile.ZipFile(wheel) as archive:
            return {name for name in archive.namelist() if ".dist-info/" not in name}

    return files


@pytest.fixture(scope="session")
def sources() -> Callable[[Path], set[str]]:
    """The files under a folder, relative to it, without what was made from them."""

    def files(folder: Path) -> set[str]:
        found = []
        for home, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if not _is_made(name)]
            found += [Path(home, name) for name in names if not _is_made(name)]
        return {path.relative_to(folder).as_posix() for path in found}

    return files
