"""The line of everything in a TOML text."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.config.positions import Mark, header_of, marks

TEXT = """\
a.b = 1
"qu\\u00e9" = [1,
  2,  # a comment is no element
  { c.d = 1 },
  [
    "x"]]

[table]
key = '''
[no.header]
'''

[[worker]]
label = "one"
[worker.grace]
stop = 1
[[worker]]
label = "two"
grace . "stop" = 2

[table.below]
z = 1
"""


@pytest.mark.parametrize(
    ("way", "line"),
    [
        (("a",), 1),
        (("a", "b"), 1),
        (("qué",), 2),
        (("qué", 0), 2),
        (("qué", 1), 3),
        (("qué", 2, "c", "d"), 4),
        (("qué", 3), 5),
        (("qué", 3, 0), 6),
        (("table",), 8),
        (("table", "key"), 9),
        (("worker", 0), 13),
        (("worker", 0, "label"), 14),
        (("worker", 0, "grace"), 15),
        (("worker", 0, "grace", "stop"), 16),
        (("worker", 1), 17),
        (("worker", 1, "grace", "stop"), 19),
        (("table", "below"), 21),
        (("table", "below", "z"), 22),
    ],
)
def test_line_of(way: tuple[str | int, ...], line: int) -> None:
    """Each key and element has the line it begins on, however it is written."""
    mark = marks(TEXT)
    for step in way:
        assert step in mark.members
        mark = mark.at(step)
    assert mark.line == line


def test_a_header_names_its_table_better_than_one_below_it() -> None:
    """The line of a table is its own header's, also if a table in it comes first."""
    mark = marks("[a.b]\n[a]\nc = 1\n").at("a")
    assert mark.line == 2
    assert mark.at("b").line == 1


def test_what_is_not_known_has_the_line_around_it() -> None:
    """A place that was not found is told as the nearest that was, never as none."""
    assert marks(TEXT).at("worker").at(7).at("nothing").line == 13


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ()), ("a.b = 1\n", ("a", "b")), ("[x]\na = 1\n'b c' = 2\n", ("x", "b c")), ("[[x.y]]\n", ("x", "y"))],
)
def test_header_of_the_last_statement(text: str, path: tuple[str, ...]) -> None:
    """The path that a text's last statement writes to starts at the top."""
    assert header_of(text) == path


def test_broken_text_is_no_error() -> None:
    """Text that is no TOML gets what marks can be found."""
    assert isinstance(marks("a = = [\n}]\n[[[\x00"), Mark)


_KEYS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=4)
_VALUES = st.recursive(
    st.integers(-5, 5) | st.booleans() | _KEYS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(_KEYS, values, max_size=3),
    max_leaves=8,
)


def _quoted(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08X}" for character in text) + '"'


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)} = {_inline(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + "".join(f"\n{_inline(element)}," for element in value) + "]"
    return _quoted(value) if isinstance(value, str) else str(value).lower()


@settings(deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_every_value_of_the_standard_parser_has_a_mark(table: dict[str, Any]) -> None:
    """Whatever tomllib reads, the marks have the same keys and elements: the two parsers agree on the shape."""
    text = "".join(f"{_quoted(key)} = {_inline(value)}\n" for key, value in table.items())
    _agree(tomllib.loads(text), marks(text))


def _agree(value: Any, mark: Mark) -> None:
    members: dict[Any, Any] = (
        value if isinstance(value, dict) else dict(enumerate(value)) if type(value) is list else {}
    )
    assert set(mark.members) == set(members)
    for key, member in members.items():
        _agree(member, mark.members[key])
