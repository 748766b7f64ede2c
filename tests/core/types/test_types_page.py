"""docs/types.md: its examples run, and its table is whole."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from stockade.core.types.encoding import DEPTH
from stockade.core.types.hints import LARGEST_SET
from stockade.core.types.scalars import LONGEST, PRIMITIVES, SCALARS

PAGE = Path(__file__).parents[3] / "docs" / "types.md"


def test_examples_of_the_page_run() -> None:
    """Each example shows what really comes out."""
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tried > 40
    assert failed == 0


@pytest.mark.parametrize("kind", [*PRIMITIVES, *SCALARS])
def test_every_scalar_is_in_the_pages_table(kind: type) -> None:
    """A type that the code takes is one that the page names."""
    name = "None" if kind is type(None) else kind.__name__
    table = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert any(f"`{name}`" in hints for hints in table)


@pytest.mark.parametrize("sentence", [f"at most {LARGEST_SET} items", f"at most {LONGEST} ch", f"deeper than {DEPTH}"])
def test_limits_of_the_page_are_those_of_the_code(sentence: str) -> None:
    """A limit that changes must change in both."""
    assert sentence in PAGE.read_text()
