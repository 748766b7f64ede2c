"""What each kind of text looks like, and what is said of one that does not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.config.grammar import GRAMMARS, Kind, problem
from stockade.core.policy.patterns import Pattern

GOOD = {
    Kind.TITLE: ["notes", "My notes, 2nd edition", "ü"],
    Kind.LABEL: ["a", "editor", "a-1", "a" * 32, "core-2", "cores", "supervisors"],
    Kind.CAPABILITY: ["a", "notes-all", "a" * 64],
    Kind.MODULE: ["notes", "notes.commands", "_private.x1", "ünï.code"],
    Kind.ARGUMENT: ["", "-m", "any thing\n"],
    Kind.VARIABLE: ["A", "_a1", "path"],
    Kind.COMMAND: ["notes", "notes.read", "a-b.c_d.1"],
    Kind.COMMANDS: ["*", "**", "notes.read", "*.read", "notes.**.read"],
    Kind.LISTEN: ["**", "notes/changed", "core:worker/*", "a.b/c-d"],
    Kind.EMIT: ["**", "editor/opened", "encore:x"],
    Kind.PATHS: ["**", "notes/*", ".hidden/**", "..a/b", "with space/ü", "a\\b"],
    Kind.FOLDER: [".", "/srv/notes", "../notes", "with space"],
}
BAD = {
    Kind.TITLE: ["", "a\nb", "\x7f", "a" * 129],
    Kind.LABEL: ["", "A", "1a", "-a", "a_b", "a.1", "a@1", "a" * 33, "a\n", "core", "supervisor"],
    Kind.CAPABILITY: ["", "A", "a" * 65],
    Kind.MODULE: ["", ".a", "a.", "a..b", "a/b", "a.py", "a-b", "a b"],
    Kind.ARGUMENT: ["\x00", "a" * 131073],
    Kind.VARIABLE: ["", "1A", "A-B", "A=B", "STOCKADE_X", "TMPDIR", "A\n"],
    Kind.COMMAND: ["", "a..b", ".a", "a.", "a/b", "a*", "*", "a" * 129, "a\n"],
    Kind.COMMANDS: ["", "a*", "*a", "***", "a..b", ".a", "a.", "a/b", "*.*b", "é"],
    Kind.LISTEN: ["", "a*", "***", "a//b", "/a", "a/", "a|b", "a b"],
    Kind.EMIT: ["core:worker/ready", "core:**", "", "a/"],
    Kind.PATHS: [
        "",
        "/a",
        "~/a",
        "~",
        ".",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/.",
        "./a",
        "a//b",
        "a/",
        "*.txt",
        "a\x00",
    ],
    Kind.FOLDER: ["", "a\x00", "a" * 4097],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in GOOD.items() for text in texts])
def test_good(kind: Kind, text: str) -> None:
    """A text of the kind has no problem."""
    assert problem(kind, text) is None


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in BAD.items() for text in texts])
def test_bad(kind: Kind, text: str) -> None:
    """A text that is not of the kind has a problem, which says what to write, on one line."""
    found = problem(kind, text)
    assert found is not None
    assert found.instead
    assert found.wrong.isprintable()


def test_every_kind_is_tested() -> None:
    """No grammar is without examples."""
    assert set(GOOD) == set(BAD) == set(Kind) == set(GRAMMARS)


@pytest.mark.parametrize("kind", list(Kind))
def test_patterns_are_in_the_dialect_that_editors_share(kind: Kind) -> None:
    r"""JSON Schema reads ECMA 262: none of Python's own \A, \Z, (?P<...>), (?#...), inline flags or look-behind."""
    assert not re.search(r"\\[AZ]|\(\?[^:=!]", GRAMMARS[kind].pattern)


@pytest.mark.parametrize(
    ("kind", "separator"), [(Kind.COMMANDS, "."), (Kind.LISTEN, "/"), (Kind.EMIT, "/"), (Kind.PATHS, "/")]
)
@settings(deadline=None)
@given(text=st.text(st.sampled_from("a*./~b"), max_size=8))
def test_what_fits_can_be_compiled(kind: Kind, separator: str, text: str) -> None:
    """The policy refuses no pattern that the configuration has let by."""
    if problem(kind, text) is None:
        assert Pattern.compile(text, separator).text == text
