"""How values and frames are shown, and what fits what is wanted."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cbor2
import pytest

from stockade.certify.matching import ANYTHING, Error, error, fits
from stockade.certify.notation import diagnostic, digits, printable, topical, written
from stockade.certify.steps.strict import FRAMES, VALUES

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "vectors.json").read_text(encoding="ascii"))


@pytest.mark.parametrize(
    "text",
    ["[1, -1, 1.5, NaN, -Infinity]", '{"a": [null, true]}', '"ü\\""', "h'00ff'", "6(1)", "undefined", "simple(99)"],
)
def test_what_is_read_is_shown_in_diagnostic_notation(text: str) -> None:
    """As RFC 8949 writes it."""
    values: dict[str, Any] = {
        "[1, -1, 1.5, NaN, -Infinity]": [1, -1, 1.5, math.nan, -math.inf],
        '{"a": [null, true]}': {"a": [None, True]},
        '"ü\\""': 'ü"',
        "h'00ff'": b"\x00\xff",
        "6(1)": cbor2.CBORTag(6, 1),
        "undefined": cbor2.undefined,
        "simple(99)": cbor2.CBORSimpleValue(99),
    }
    assert diagnostic(cbor2.dumps(values[text])) == text


def test_what_is_long_is_cut_and_its_length_said() -> None:
    """Text, bytes, arrays, and the digits of a frame."""
    assert written("x" * 1000).endswith("... (1000 characters)")
    assert written(bytes(1000)).endswith("... (1000 bytes)'")
    assert written(list(range(1000))).endswith("... (1000 in all)]")
    assert digits(bytes(1000)).endswith("... (1000 bytes)")


def test_no_control_character_reaches_a_terminal() -> None:
    """Neither from a frame nor from what the program writes; lines stay lines."""
    assert written("\x1b[2J\x9b") == '"\\u001b[2J\\x9b"'
    assert printable("a\n\tb\x1b[2J\x9b") == "a\n\tb\\x1b[2J\\x9b"


def test_what_cannot_be_read_says_why() -> None:
    """The digits stand below in any case."""
    assert diagnostic(b"\x81").startswith("(not CBOR: ")
    assert digits(b"") == "(empty)"


def test_an_event_is_shown_with_its_topic() -> None:
    """What has no bar is shown as it is."""
    assert topical(b"a/b|" + cbor2.dumps([1, "core", None])) == 'a/b| [1, "core", null]'
    assert topical(b"a/b") == "b'a/b'"


@pytest.mark.parametrize(
    ("wanted", "came"),
    [
        (1, 1), (math.nan, math.nan), ({"a": 1}, {"a": 1, "more": 2}), ([1, {"a": ANYTHING}], [1, {"a": None}]),
        (Error("failed"), {"code": "failed", "message": "whatever"}),
        (Error("failed", "so", [1]), {"code": "failed", "message": "so", "data": [1]}),
        (error("busy", "failed"), {"code": "failed", "message": "", "data": 5}),
    ],
)  # fmt: skip
def test_what_fits(wanted: Any, came: Any) -> None:
    """A map with at least its keys, an array of its length, anything else itself."""
    assert fits(wanted, came)


@pytest.mark.parametrize(
    ("wanted", "came"),
    [
        (1, True), (1, 1.0), (0.0, -0.0), ({"a": 1}, {}), ([1], [1, 1]), (None, ""), ({}, []),
        (Error("failed"), {"code": "failed"}),
        (Error("failed"), {"code": "failed", "message": "", "data": 1}),
        (Error("failed", "so"), {"code": "failed", "message": "other"}),
        (error("busy"), {"code": "failed", "message": ""}),
    ],
)  # fmt: skip
def test_what_does_not_fit(wanted: Any, came: Any) -> None:
    """1 is not true, and not 1.0."""
    assert not fits(wanted, came)


def test_a_worker_that_cannot_tell_floats_need_not() -> None:
    """But true is no number with it either."""
    assert fits([1.0, 2], [1, 2.0], floats=False)
    assert not fits(1, True, floats=False)


def test_each_class_of_what_is_to_be_refused_has_its_step() -> None:
    """The bytes are those of the vectors; deeper nesting is built where it stands."""
    refused = {vector["name"]: vector["hex"] for vector in VECTORS["refuse"]}
    taken = [*VALUES.values(), *FRAMES.values()]
    assert all(refused[name] == hexadecimal for name, _, hexadecimal in taken)
    classes = (
        "tag", "indefinite", "break", "undefined", "simple", "reserved", "duplicate-key", "key", "int", "utf-8",
        "length", "empty", "trailing", "cut",
    )  # fmt: skip
    found = {name: next(each for each in classes if name.startswith(f"refuse-{each}")) for name, _, _ in taken}
    assert set(found.values()) == set(classes)
    assert all(name.startswith(tuple(f"refuse-{each}" for each in (*classes, "depth"))) for name in refused)
