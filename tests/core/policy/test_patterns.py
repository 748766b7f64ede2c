"""Patterns against a naive model that enumerates names."""

from __future__ import annotations

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.core.policy.patterns import Pattern

#: `z` stands for every segment that no pattern names.
NAMED, FRESH = ("a", "b"), "z"
PATTERNS = st.lists(st.sampled_from([*NAMED, "*", "**"]), min_size=1, max_size=4).map("/".join)
NAMES = st.lists(st.sampled_from([*NAMED, FRESH]), min_size=1, max_size=5).map("/".join)
#: Longer than any pattern above: a pattern that fits all of these lengths fits every length.
TAILS = ["/".join(tail) for size in range(1, 6) for tail in itertools.product((*NAMED, FRESH), repeat=size)]


def fits(pattern: list[str], name: list[str]) -> bool:
    """The definition, word for word."""
    match pattern:
        case []:
            return not name
        case ["**", *rest]:
            return any(fits(rest, name[skipped:]) for skipped in range(len(name) + 1))
        case [first, *rest]:
            return bool(name) and first in ("*", name[0]) and fits(rest, name[1:])
    raise AssertionError


def model(pattern: str, name: str) -> bool:
    return fits(pattern.split("/"), name.split("/"))


@given(PATTERNS, NAMES)
def test_matches_as_the_definition_says(pattern: str, name: str) -> None:
    """A name fits when the definition, tried in every way, says so."""
    assert Pattern.compile(pattern, "/").matches(name) == model(pattern, name)


@given(PATTERNS, NAMES.map(lambda name: name + "/"))
def test_covers_a_prefix_when_every_name_under_it_matches(pattern: str, prefix: str) -> None:
    """Covering is matching all names under the prefix, tried on all that differ."""
    assert Pattern.compile(pattern, "/").covers(prefix) == all(model(pattern, prefix + tail) for tail in TAILS)


@given(PATTERNS, NAMES.map(lambda name: name + "/"))
def test_meets_a_prefix_when_some_name_under_it_matches(pattern: str, prefix: str) -> None:
    """Meeting is matching one name under the prefix."""
    assert Pattern.compile(pattern, "/").meets(prefix) == any(model(pattern, prefix + tail) for tail in TAILS)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("notes.*", "notes.read", True),
        ("notes.*", "notes", False),
        ("notes.*", "notes.old.read", False),
        ("notes.**", "notes", True),
        ("notes.**", "notes.old.read", True),
        ("notes.**", "notesx.read", False),
        ("**", "anything.at.all", True),
        ("**.read", "read", True),
        ("a.**.b.**.c", "a.b.b.c", True),
        ("a.**.b.**.c", "a.c.b", False),
        ("notes.read", "notes.read", True),
        ("notes.read", "notes.readx", False),
        ("Notes.read", "notes.read", False),
    ],
)
def test_whole_segments_of_commands(pattern: str, name: str, expected: bool) -> None:
    """One star is one segment, two are any number, and all else stands for itself."""
    assert Pattern.compile(pattern, ".").matches(name) is expected


@pytest.mark.parametrize(
    ("pattern", "prefix", "covers", "meets"),
    [
        ("notes/**", "notes/", True, True),
        ("**", "notes/", True, True),
        ("notes/*", "notes/", False, True),
        ("notes/*/**", "notes/", True, True),
        ("notes/**/*", "notes/", True, True),
        ("notes/**/*/*", "notes/", False, True),
        ("notes/changed", "notes/", False, True),
        ("notes", "notes/", False, False),
        ("other/**", "notes/", False, False),
        ("*/private/**", "notes/", False, True),
        ("notes/*", "notes/a/", False, False),
        ("notes/**", "notes/a//b/", True, True),
        ("**", "/", True, True),
    ],
)
def test_prefixes_of_events(pattern: str, prefix: str, covers: bool, meets: bool) -> None:
    """A prefix is all names that begin so, one segment more at least, and as deep as they like."""
    compiled = Pattern.compile(pattern, "/")
    assert (compiled.covers(prefix), compiled.meets(prefix)) == (covers, meets)


@pytest.mark.parametrize("text", ["", "a//b", "/a", "a/", "a*", "*a/b", "a/***", "a/*.txt"])
def test_what_could_never_match_is_refused(text: str) -> None:
    """A deny rule that is quietly dead would protect nothing, so it is no pattern."""
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        Pattern.compile(text, "/")


def test_what_is_no_prefix_is_refused() -> None:
    """A prefix without its separator would mean half a segment."""
    with pytest.raises(ValueError, match="no prefix"):
        Pattern.compile("**", "/").covers("notes")
    with pytest.raises(ValueError, match="no prefix"):
        Pattern.compile("**", "/").meets("")


def test_nothing_backtracks() -> None:
    """A pattern made to explode costs a step per segment: far under a second, where backtracking takes ages."""
    pattern = Pattern.compile("/".join(["**", "a"] * 30 + ["b"]), "/")
    started = time.monotonic()
    assert not pattern.matches("/".join(["a"] * 2000))
    assert pattern.matches("/".join(["a"] * 2000 + ["b"]))
    assert not pattern.covers("a/" * 2000)
    assert pattern.meets("a/" * 2000)
    assert time.monotonic() - started < 5
