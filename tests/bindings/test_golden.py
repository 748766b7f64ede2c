"""The text of bindings, whole: of a model of a few commands, one file for each language.

Where a change of it is meant, ``STOCKADE_WRITE_GOLDEN=1`` writes the files anew; read what has changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stockade.bindings import cddl, json_schema
from stockade.bindings.comments import Origin
from stockade.bindings.languages import LANGUAGES, Wanted
from stockade.bindings.model import (
    Array,
    Basic,
    Channel,
    Choice,
    Command,
    Direction,
    Enumeration,
    Event,
    Field,
    Member,
    Model,
    Named,
    Nullable,
    OneOf,
    Parameter,
    Plain,
    Record,
)

GOLDEN = Path(__file__).parent / "golden"
TEXT, INT = Plain(Basic.TEXT), Plain(Basic.INT)
NOTE = Named("Note")

MODEL = Model(
    commands=(
        Command("notes.all", "All notes.", (Parameter("after", Plain(Basic.DATE), True),), answer=NOTE, streams=True),
        Command(
            "notes.load",
            parameters=(Parameter("mode", Choice(("new", "all")), False),),
            channels=(Channel("data", Direction.SEND, Plain(Basic.BYTES), False),),
            answer=INT,
        ),
        Command(
            "notes.save",
            "Save a note.\n\nReplaces one of that name.",
            (Parameter("note", Named("NoteInput"), False), Parameter("id", OneOf((INT, TEXT)), True)),
            answer=Nullable(NOTE),
        ),
        Command("thumbs.make", exported=True, typed=False),
    ),
    events=(Event("notes/changed", "A note has another text.", NOTE), Event("notes/closed", "", Plain(Basic.NULL))),
    records=(
        Record("Note", "", (Field("name", TEXT, False), Field("tags", Array(Named("Tag")), False))),
        Record("NoteInput", "", (Field("name", TEXT, False), Field("tags", Array(Named("Tag")), True)), "Note"),
    ),
    enumerations=(Enumeration("Tag", "What it is about.", (Member("HOME", "home"), Member("WORK", "work"))),),
)

_Render = Callable[[], str]


def _language(name: str) -> _Render:
    origin = Origin("notes", f"stockade bindings --language {name} -o FILE")
    return lambda: LANGUAGES[name].render(MODEL, origin, Wanted(stem="Api"))


RENDERED: dict[str, _Render] = {
    **{name: _language(name) for name in LANGUAGES},
    "cddl": lambda: cddl.render(MODEL, Origin("notes", "stockade schema cddl")),
    "json": lambda: json_schema.render(MODEL, Origin("notes", "stockade schema json")),
}


@pytest.mark.parametrize("name", RENDERED)
def test_the_text_is_as_it_was(name: str) -> None:
    """To the letter: who has bindings in a repository sees each change of it."""
    file = GOLDEN / f"{name}.txt"
    text = RENDERED[name]()
    if os.environ.get("STOCKADE_WRITE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
