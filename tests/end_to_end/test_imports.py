"""The tests of whole applications see what a user sees: nothing in them is imported from `stockade`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
FILES = sorted(path for folder in ("end_to_end", "hostile") for path in (TESTS / folder).rglob("*.py"))


def imported(source: str) -> set[str]:
    """The top-level packages that a module imports, wherever in it that is."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_nothing_is_imported_from_stockade(path: Path) -> None:
    """The commands of an application, which are texts here, may: they are what a user writes."""
    assert "stockade" not in imported(path.read_text())


def test_an_import_within_a_function_is_found() -> None:
    """The check above can fail."""
    assert imported("def late():\n    from stockade.core import gate") == {"stockade"}
