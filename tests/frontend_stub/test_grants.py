"""Patterns over whole segments, and prefixes that they cover."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_frontend.grants import Grant

MATCHES = [
    ("notes.read", "notes.read", True),
    ("notes.read", "notes.reader", False),
    ("notes.*", "notes.read", True),
    ("notes.*", "notes", False),
    ("notes.*", "notes.read.all", False),
    ("notes.**", "notes", True),
    ("notes.**", "notes.read.all", True),
    ("**", "anything.at.all", True),
    ("**.read", "read", True),
    ("**.read", "a.b.read", True),
    ("**.read", "a.read.b", False),
    ("a.**.z", "a.z", True),
    ("a.**.z", "a.b.c.z", True),
    ("a.**.b.**.c", "a.b.b.c", True),
    ("no*", "notes", False),
    ("*", "notes", True),
]


@pytest.mark.parametrize(("pattern", "name", "expected"), MATCHES)
def test_pattern_matches_whole_segments(pattern: str, name: str, expected: bool) -> None:
    """A star is one segment, two are any number, none included."""
    assert Grant(".", [pattern], []).allows(name) is expected


def test_deny_beats_allow() -> None:
    """What one pattern allows and another denies is not allowed."""
    grant = Grant(".", ["notes.*"], ["notes.purge"])
    assert grant.allows("notes.read")
    assert not grant.allows("notes.purge")


def test_nothing_is_allowed_that_no_pattern_allows() -> None:
    """An empty grant admits nothing."""
    assert not Grant(".", [], []).allows("notes")
    assert not Grant("/", [], []).covers("notes/")


def test_decisions_remembered_are_bounded() -> None:
    """Asking for ever new names does not make the memory grow for ever."""
    grant = Grant(".", ["**"], [])
    for number in range(5000):
        grant.allows(f"made.up.{number}")
    assert len(grant._decided) <= 1024


COVERS = [
    ("notes/**", [], "notes/", True),
    ("notes/*", [], "notes/", False),
    ("**", [], "notes/", True),
    ("*/**", [], "notes/", True),
    ("notes/*/**", [], "notes/", True),
    ("notes/**/*", [], "notes/", True),
    ("notes/**/x", [], "notes/", False),
    ("notes/a/**", [], "notes/", False),
    ("notes/**", [], "notes/a/", True),
    ("notes/**", ["notes/private/**"], "notes/", False),
    ("notes/**", ["notes/private"], "notes/", False),
    ("notes/**", ["notes"], "notes/", True),
    ("notes/**", ["other/**"], "notes/", True),
    ("notes/**", ["**/secret"], "notes/", False),
    ("notes/**", ["*"], "notes/", True),
]


@pytest.mark.parametrize(("allow", "deny", "prefix", "expected"), COVERS)
def test_prefix_is_covered_only_as_a_whole(allow: str, deny: list[str], prefix: str, expected: bool) -> None:
    """One allowed pattern must match everything under the prefix, and no denied one anything."""
    assert Grant("/", [allow], deny).covers(prefix) is expected


PATTERNS = st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=4).map("/".join)
NAMES = [list(name) for length in range(1, 5) for name in product("abz", repeat=length)]


@given(
    st.lists(PATTERNS, min_size=1, max_size=1), st.lists(PATTERNS, max_size=2), st.sampled_from(["a/", "b/", "a/b/"])
)
def test_covering_agrees_with_trying_all_names(allow: list[str], deny: list[str], prefix: str) -> None:
    """`covers` is what one finds by asking for every name under the prefix."""
    grant = Grant("/", allow, deny)
    assert grant.covers(prefix) is all(grant.allows(prefix + "/".join(name)) for name in NAMES)
