"""The source distribution has all that is needed to read, test and measure the project, and makes the same wheel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Files = Callable[[Path], set[str]]


@pytest.mark.parametrize("folder", [".ci", "benchmarks", "docs", "frontend_stub", "runtime", "tests"])
def test_the_sdist_has_the_whole_folder(root: Path, unpacked_sdist: Path, sources: Files, folder: str) -> None:
    """No file of the folder is missing from the source distribution, and none is in it that the tree has not."""
    assert sources(unpacked_sdist / folder) == sources(root / folder)


@pytest.mark.parametrize("name", ["CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md"])
def test_the_sdist_has_the_file(unpacked_sdist: Path, name: str) -> None:
    """What a reader looks for at the top is there."""
    assert (unpacked_sdist / name).is_file()


def test_the_wheel_made_from_the_sdist_is_that_of_the_tree(
    unpacked_sdist: Path, wheel: Path, build_wheel: Callable[[Path], Path], packed: Files
) -> None:
    """Distributors who build from the source distribution get what everyone else gets."""
    assert packed(build_wheel(unpacked_sdist)) == packed(wheel)
