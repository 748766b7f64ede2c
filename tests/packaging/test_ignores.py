"""Whoever silences a checker says which rule, and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

IGNORE = re.compile(r"#\s*(type:\s*ignore|noqa)")
RULE = r"(?:type: ignore\[[a-z-]+(?:, ?[a-z-]+)*\]|noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)*)"
WITH_REASON = re.compile(rf"# {RULE}\s+(?:# |- |\()\S.{{5,}}")


def unexplained(text: str) -> list[int]:
    """The lines of a module, from 1, that silence a checker without the rule's code and a reason."""
    lines = enumerate(text.splitlines(), start=1)
    return [number for number, line in lines if IGNORE.search(line) and not WITH_REASON.search(line)]


@pytest.mark.parametrize("home", ["runtime", "frontend_stub", "benchmarks"])
def test_every_ignore_has_its_code_and_reason(root: Path, sources: Callable[[Path], set[str]], home: str) -> None:
    """``# type: ignore[code]  # why`` or ``# noqa: CODE (why)``: what is silenced without both may hide a fault."""
    modules = sorted(name for name in sources(root / home) if name.endswith(".py"))
    found = {name: unexplained((root / home / name).read_text()) for name in modules}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("x = y  # type: ignore[arg-type]  # the stub of y is wrong about None", []),
        ("x = y  # noqa: B018, RUF100  # reading it is the test", []),
        ("x = y  # noqa: B018 - reading it is the test", []),
        ("x = y  # noqa: B018 (reading it is the test)", []),
        ("x = y  # type: ignore[arg-type]", [1]),
        ("x = y  # type: ignore", [1]),
        ("x = y  # noqa", [1]),
        ("x = y  # noqa: B018", [1]),
        ("x = y  # type: ignore  # because", [1]),
    ],
)
def test_an_ignore_without_code_or_reason_is_noticed(line: str, lines: list[int]) -> None:
    """The look at the lines tells the one form from all others."""
    assert unexplained(line) == lines
