"""Records as lines, for people and for machines; nothing in them moves a cursor or forges a line."""

from __future__ import annotations

import json
import signal
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.observe.logs import (
    FORMATS,
    LEVELS,
    Record,
    escape,
    exit_text,
    format_human,
    format_json,
    is_shown,
    parse_json,
)

TIME = 1_700_000_000.25


def record(message: str = "hello", **more: object) -> Record:
    return Record(TIME, "info", "editor@3", message, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e9 \u4e2d \U0001f600 \t text", "plain \u00e9 \u4e2d \U0001f600 \t text"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb\nc", "a\\x0db\\x0ac"),
        ("\x00\x07\x7f", "\\x00\\x07\\x7f"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c\\x85d"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_could_move_cursor_line_or_direction_is_escaped(text: str, shown: str) -> None:
    """Letters of all scripts stay; controls, separators and direction marks do not."""
    assert escape(text) == shown


@given(st.text(), st.sampled_from([None, "stdout", "stderr"]), st.dictionaries(st.text(max_size=5), st.text()))
def test_no_text_makes_a_second_line_or_a_control_character(text: str, stream: str | None, fields: dict) -> None:
    """Whatever a worker writes, a record without lines is one line of what can be printed, in both formats."""
    for format_one in FORMATS.values():
        line = format_one(record(text, stream=stream, fields=fields), False)
        assert len(line.splitlines()) == 1
        assert not any(ord(letter) < 32 and letter != "\t" for letter in line)
        line.encode()


@given(st.text())
def test_json_line_says_exactly_what_was_written(text: str) -> None:
    """Nothing is lost in JSON, and nothing beyond ASCII stands in it."""
    line = format_json(record(text))
    assert line.isascii()
    assert json.loads(line)["message"] == text


@given(st.text(), st.sampled_from([None, "stdout"]), st.lists(st.text()))
def test_json_line_can_be_read_back(text: str, stream: str | None, lines: list[str]) -> None:
    """As the record that it was."""
    said = record(text, stream=stream, event="happened", fields={"a": [1]}, lines=tuple(lines))
    assert parse_json(format_json(said)) == said


@pytest.mark.parametrize("line", ["", "text", "[]", "{}", '{"time": 1}'])
def test_what_is_no_record_is_not_read_as_one(line: str) -> None:
    """It is the log of somebody else."""
    with pytest.raises(ValueError, match="no record"):
        parse_json(line)


def test_counts_are_shown_where_there_is_something_to_count() -> None:
    """People see what is not zero, without braces; programs see all, as it is."""
    said = record(fields={"code": 0}, counts={"calls": 3, "emits": 0, "refusals": {"call busy": 2, "emit": 0}, "a": {}})
    assert format_human(said, False).endswith("hello code=0 calls=3 refusals.call.busy=2")
    assert json.loads(format_json(said))["refusals"] == {"call busy": 2, "emit": 0}
    assert json.loads(format_json(said))["emits"] == 0


def test_json_line_has_its_keys_and_no_field_stands_for_them() -> None:
    """The record's own keys come first; a field of the same name cannot speak for somebody else."""
    said = json.loads(
        format_json(record(event="worker_exited", fields={"pid": 7, "source": "core", "none": None}, lines=("a", "b")))
    )
    assert datetime.fromisoformat(said.pop("time")).timestamp() == TIME
    assert said == {
        "level": "info",
        "source": "editor@3",
        "event": "worker_exited",
        "message": "hello",
        "lines": ["a", "b"],
        "pid": 7,
    }


def test_human_line_tells_output_from_records() -> None:
    """A worker's own words stand behind a bar; a record behind a colon, with fields and lines."""
    output = format_human(record("x=1", stream="stdout"), False)
    errors = format_human(record("x=1", stream="stderr"), False)
    fields = {"n": 1, "t": 0.25, "s": "two words", "no": None}
    said = format_human(record(fields=fields, lines=("last", "words")), False)
    assert output.endswith("editor@3 | x=1")
    assert errors.endswith("editor@3 ! x=1")
    assert said.splitlines()[0].endswith(' info    editor@3: hello n=1 t=0.25 s="two words"')
    assert said.splitlines()[1:] == ["    | last", "    | words"]


def test_color_is_ours_alone() -> None:
    """With color only the level, the clock and the fields are painted."""
    plain, painted = (format_human(record("\x1b[31mred"), color) for color in (False, True))
    assert "\x1b" not in plain
    assert "\\x1b[31mred" in painted
    assert painted.count("\x1b") == 4


@pytest.mark.parametrize(
    ("code", "text"),
    [(0, "exit status 0"), (3, "exit status 3"), (-signal.SIGSEGV, "signal SIGSEGV"), (-40, "signal 40")],
)
def test_ends_in_words(code: int, text: str) -> None:
    """A status, or the name of a signal where it has one."""
    assert exit_text(code) == text


def test_levels_are_ordered() -> None:
    """Each level shows itself and what is above it."""
    names = list(LEVELS)
    assert [[is_shown(level, least) for level in names] for least in names] == [
        [True, True, True, True],
        [False, True, True, True],
        [False, False, True, True],
        [False, False, False, True],
    ]
