"""Values with their lines, and going on after what is no TOML."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade import limits
from stockade.config.document import parse

GOOD = """\
[app]
name = "notes"
[[worker]]
label = "editor"
run = [
  "python",
  "editor.py",
]
"""


def test_values_are_those_of_the_standard_parser() -> None:
    """A document without lines is what tomllib reads."""
    assert parse(GOOD, "f").root.plain() == tomllib.loads(GOOD)


def test_nodes_know_their_lines() -> None:
    """Every value carries its line, elements of lists too."""
    worker = parse(GOOD, "f").root.members["worker"].elements[0]
    assert worker.line == 3
    assert [word.line for word in worker.members["run"].elements] == [6, 7]


@pytest.mark.parametrize("text", ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD.rstrip("\n")])
def test_marks_of_editors_change_nothing(text: str) -> None:
    """A byte order mark, carriage returns or a missing last newline are no faults."""
    document = parse(text, "f")
    assert document.whole
    assert document.root == parse(GOOD, "f").root


def test_the_rest_is_read_after_a_fault() -> None:
    """A statement that does not parse costs itself alone, and lines stay what they were."""
    document = parse(GOOD.replace('"notes"', "notes"), "f")
    assert [fault.line for fault in document.faults] == [2]
    assert document.root.members["app"].members == {}
    assert document.root.members["worker"].elements[0].members["label"].line == 4
    assert not document.whole


def test_a_broken_header_takes_its_table_along() -> None:
    """Keys under a header that cannot be read are not given to the table above it."""
    document = parse(GOOD + "[broken\nkey = 1\n[core]\nthreads = 1\n", "f")
    assert len(document.faults) == 1
    assert "key" not in document.root.members["worker"].elements[0].members
    assert document.root.members["core"].plain() == {"threads": 1}


@pytest.mark.parametrize("depth", [1, limits.DEPTH + 1, 100, 5_000, 100_000])
def test_depth_is_bounded(depth: int) -> None:
    """Deep nesting is a fault with a line, whatever the parsers do about it."""
    for value in ("[" * depth + "]" * depth, "{a=" * depth + "1" + "}" * depth):
        document = parse(f"a = 1\nb = {value}\n", "f")
        assert [fault.line for fault in document.faults] == ([] if depth == 1 else [2])


def test_dotted_keys_are_bounded_like_nested_tables() -> None:
    """A key of a thousand dots is nesting too."""
    assert parse("a = 1\n" + ".".join("b" * 1000) + " = 1\n", "f").faults[0].line == 2


@settings(deadline=None)
@given(st.text(st.sampled_from("ab=.[]{}\"'\n\r #,1\\\ufeff\x00é"), max_size=60))
def test_any_text_is_read_or_has_faults(text: str) -> None:
    """No text raises; what tomllib refuses has at least one fault, on a line that exists, and what it reads none."""
    document = parse(text, "f")
    try:
        values = tomllib.loads(text.removeprefix("\ufeff") + "\n")  # a last line is whole
    except tomllib.TOMLDecodeError:
        assert document.faults
    else:
        assert document.root.plain() == values
        assert document.whole
    assert all(1 <= fault.line <= text.count("\n") + 1 for fault in document.faults)


@settings(deadline=None)
@given(st.integers(0, len(GOOD)), st.text(st.sampled_from("ab=.[]{}\"'\n ,1"), min_size=1, max_size=3))
def test_a_slip_never_hides_the_good_lines_before_it(at: int, slip: str) -> None:
    """What stands in whole lines before the slip is read as if nothing had happened."""
    before = GOOD[:at].count("\n")
    document = parse(GOOD[:at] + slip + GOOD[at:], "f")
    if before > 2 and document.faults:
        assert document.root.members["app"].plain()["name"] == "notes"
