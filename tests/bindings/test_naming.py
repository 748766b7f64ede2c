"""Names: their words in each case, and what cannot be one name."""

from __future__ import annotations

import pytest

from stockade.bindings.naming import Collision, Names, camel, kebab, pascal, screaming, snake


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("notes.read_all", ("notes_read_all", "notesReadAll", "NotesReadAll", "notes-read-all", "NOTES_READ_ALL")),
        (
            "notes.readHTTPText",
            (
                "notes_read_http_text",
                "notesReadHttpText",
                "NotesReadHttpText",
                "notes-read-http-text",
                "NOTES_READ_HTTP_TEXT",
            ),
        ),
        (
            "core:worker/ready",
            ("core_worker_ready", "coreWorkerReady", "CoreWorkerReady", "core-worker-ready", "CORE_WORKER_READY"),
        ),
        ("2d.make", ("_2_d_make", "_2DMake", "X2DMake", "x2-d-make", "_2_D_MAKE")),
        ("---", ("x", "x", "X", "x", "X")),
    ],
)
def test_a_name_in_each_case(name: str, cases: tuple[str, ...]) -> None:
    """Words are what capitals, digits and separators part."""
    assert tuple(case(name) for case in (snake, camel, pascal, kebab, screaming)) == cases


def test_words_of_the_language_are_escaped() -> None:
    """By what the language does about it."""
    assert Names("here", snake, {"class"}).take("class") == "class_"
    assert Names("here", snake, {"type"}, "r#{}".format).take("type") == "r#type"


def test_two_names_that_become_one_are_refused() -> None:
    """The same name twice is fine: it is the same thing."""
    names = Names("TypeScript", camel)
    assert names.take("notes.read") == names.take("notes.read") == "notesRead"
    with pytest.raises(Collision, match=r"^notes\.read and notes_read would both be notesRead in TypeScript; rename"):
        names.take("notes_read")
