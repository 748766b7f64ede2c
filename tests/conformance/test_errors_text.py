"""docs/errors.md: every code has its entry, and every entry its code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stockade.errors import BreachCode, Code

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### (.*)\n\n((?:\|.*\n)+)", TEXT, re.MULTILINE))
ROWS = ("means", "whose doing", "what to do", "example")


def anchor(heading: str) -> str:
    """The anchor that a heading gets where Markdown is shown."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_every_code_has_its_entry_and_no_entry_is_stale() -> None:
    """Headings are the codes: errors as they are, breaches behind a word, since two codes are both."""
    wanted = [str(code) for code in Code] + [f"breach: {code}" for code in BreachCode]
    assert re.findall(r"^### (.*)", TEXT, re.MULTILINE) == wanted


@pytest.mark.parametrize("entry", ENTRIES)
def test_entry_is_whole(entry: str) -> None:
    """What it means, whose doing it is, what to do, and a message."""
    assert re.findall(r"^\| ([a-z ]+) \| .+ \|$", ENTRIES[entry], re.MULTILINE) == list(ROWS)


def test_links_lead_somewhere() -> None:
    """Each link within the page leads to a heading of it."""
    anchors = {anchor(heading) for heading in re.findall(r"^#+ (.*)", TEXT, re.MULTILINE)}
    assert set(re.findall(r"\(#([^)]*)\)", TEXT)) - anchors == set()
