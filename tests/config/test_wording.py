"""How faults speak."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.config.wording import listed, nearest, quoted, shown


@settings(deadline=None)
@given(st.text())
def test_quoted_text_breaks_no_line(text: str) -> None:
    """Whatever the user wrote, in a fault it is one printable line in quotes."""
    line = quoted(text)
    assert line.isprintable()
    assert line[0] == line[-1] == '"'


@pytest.mark.parametrize(
    ("text", "line"),
    [("a", '"a"'), ('a"b\\', r'"a\"b\\"'), ("\x1b\n", r'"\u001B\u000A"'), ("\U000e0001", r'"\U000E0001"')],
)
def test_quoted(text: str, line: str) -> None:
    """Quotes and control characters are escaped as TOML does it."""
    assert quoted(text) == line


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "true"),
        ("5", 'the text "5"'),
        (5, "the number 5"),
        (1.5, "the number 1.5"),
        (date(2020, 1, 2), "the time 2020-01-02"),
        ({}, "a table"),
        ([], "a list"),
    ],
)
def test_shown(value: object, name: str) -> None:
    """A value is named with its type."""
    assert shown(value) == name


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("restrat", "restart"),
        ("Restart", "restart"),
        ("env", "environment"),
        ("re", None),
        ("zzz", None),
    ],
)
def test_nearest(word: str, near: str | None) -> None:
    """A slip finds its word, a beginning its only word, and nothing is guessed from afar."""
    assert nearest(word, ["restart", "restart_limit", "environment", "run"]) == near


def test_listed() -> None:
    """Words are joined as people join them."""
    assert listed("abc") == "a, b or c"
    assert listed(["a"]) == "a"
