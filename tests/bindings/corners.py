"""A model of what is odd but possible: what is empty, deep or mixed, and names that languages have for themselves."""

from __future__ import annotations

from stockade.bindings.model import (
    Anything,
    Array,
    Basic,
    Channel,
    Choice,
    Command,
    Direction,
    Distinct,
    Enumeration,
    Event,
    Field,
    Map,
    Member,
    Model,
    Named,
    Nullable,
    OneOf,
    Parameter,
    Plain,
    Record,
    Tuple,
)

__all__ = ["CORNERS"]

INT, TEXT, BYTES, NULL = (Plain(each) for each in (Basic.INT, Basic.TEXT, Basic.BYTES, Basic.NULL))
TREE, TAG = Named("Tree"), Named("Tag")
DOC = 'Ends "no" """docstring""", no */ comment, <b>, & no \\ escape @param {@code x} ${x} ` //'

_TYPES = {
    "nothing": NULL,
    "anything": Anything(),
    "maybe_anything": Nullable(Anything()),
    "deep": Map(Array(Nullable(Distinct(Tuple((INT, Array(TREE))))))),
    "unit": Tuple(()),
    "single": Tuple((Plain(Basic.DATE),)),
    "bools": Choice((True,)),
    "floats": Choice((1.5, 2.5)),
    "mixed": Choice(("a", 1)),
    "texts": Choice(('quo"te', "back\\slash", "1st")),
    "many": OneOf((INT, Plain(Basic.FLOAT), TEXT, BYTES, Plain(Basic.BOOL), Array(INT), Map(TEXT))),
    "records": OneOf((Named("Left"), Named("Right"), Array(TREE))),
    "dates": OneOf((Plain(Basic.DATE), INT)),
    "tags": Distinct(TAG),
    "mixed_tags": Array(Named("Mixed")),
    "nested": Distinct(Array(BYTES)),
    "durations": Array(Plain(Basic.DURATION)),
    "nulls": Array(NULL),
    "raws": Array(Nullable(BYTES)),
    "empty": Named("Empty"),
    "tree": Nullable(TREE),
}


def _parameters(optional: bool) -> tuple[Parameter, ...]:
    return tuple(Parameter(name, kind, optional) for name, kind in _TYPES.items())


_WORDS = ("class", "type", "self", "async", "function", "interface", "func", "fn", "final", "wait", "core", "options")

CORNERS = Model(
    commands=(
        Command("a.all", DOC, _parameters(False), answer=Named("Everything")),
        Command("a.some", DOC, _parameters(True), answer=Nullable(Named("Everything"))),
        Command("a.stream", answer=_TYPES["records"], streams=True),
        Command(
            "a.through",
            channels=(
                Channel("there", Direction.SEND, _TYPES["many"], True),
                Channel("back", Direction.RECEIVE, _TYPES["deep"], True),
                Channel("any", Direction.EITHER, TREE, False),
            ),
            answer=_TYPES["unit"],
        ),
        Command("a.streamed", channels=(Channel("data", Direction.SEND, INT, False),), answer=INT, streams=True),
        Command("a.words", "", tuple(Parameter(word, TEXT, False) for word in _WORDS), answer=NULL),
        *(Command(f"give.{name}", answer=kind) for name, kind in _TYPES.items()),
        Command("import"),
        Command("new.2nd", exported=True, typed=False),
    ),
    events=(
        Event("a/tree", DOC, TREE),
        Event("a/many", "", _TYPES["many"]),
        Event("a/nothing", "", NULL),
        Event("a/any", "", Anything()),
        Event("a/deep", "", _TYPES["deep"]),
    ),
    records=(
        Record("Empty", DOC, ()),
        Record("Everything", DOC, tuple(Field(name, kind, False) for name, kind in _TYPES.items())),
        Record("EverythingInput", "", tuple(Field(name, kind, True) for name, kind in _TYPES.items()), "Everything"),
        Record("Left", "", (Field("side", Choice(("left",)), False), Field("content-type", TEXT, True))),
        Record("Right", "", (Field("side", Choice(("right",)), False), Field("content-type", TEXT, True))),
        Record("String", "", (Field("String", TEXT, False), *(Field(word, TEXT, True) for word in _WORDS))),
        Record("Tree", "", (Field("left", Nullable(TREE), False), Field("right", Nullable(TREE), True))),
    ),
    enumerations=(
        Enumeration("Mixed", "", (Member("ONE", 1), Member("two", "two"))),
        Enumeration("Object", DOC, (Member("class", "class"), Member("SELF", "self"))),
        Enumeration("Tag", DOC, (Member("ODD_ONE", 'o"d\\d'), Member("_2nd", "2"))),
    ),
)
