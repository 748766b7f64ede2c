"""Hints: what each takes from the wire, and what it refuses; nothing is ever coerced."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar, Union
from uuid import UUID

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockade.core.types.encoding import encode
from stockade.core.types.hints import HintError, Hints
from stockade.core.types.values import misfits


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Name(str, enum.Enum):  # noqa: UP042 (the older spelling, which cattrs itself would take for a plain str)
    ADA = "ada"


class Bits(enum.Flag):
    ONE = 1
    TWO = 2


class Odd(enum.Enum):
    PAIR = (1, 2)


@attrs.frozen
class Note:
    name: str
    size: int = 0


@dataclasses.dataclass
class Point:
    x: float
    y: float


class Entry(TypedDict):
    key: str
    value: NotRequired[int]


@attrs.frozen
class Tree:
    _label: str
    children: list[Tree] = attrs.field(factory=list)
    parent: Tree | None = None


@attrs.frozen
class Circle:
    kind: Literal["circle"]
    size: int


@attrs.frozen
class Square:
    kind: Literal["square"]
    size: int


Item = TypeVar("Item")


@attrs.frozen
class Page(Generic[Item]):
    items: list[Item]


@attrs.frozen
class Even:
    number: int = attrs.field()

    @number.validator
    def _check(self, _attribute: Any, value: int) -> None:
        if value % 2:
            raise ValueError("an even number is wanted")


@attrs.frozen
class Broken:
    number: int

    def __attrs_post_init__(self) -> None:
        raise KeyError("number")  # as cattrs says that a field is missing


class Untyped:
    pass


@attrs.frozen
class NoHint:
    field = attrs.field()  # type: ignore[var-annotated]  # the fault that is tried


class Pair(NamedTuple):
    first: int
    second: int


NoteId = NewType("NoteId", int)

#: One value of each wire type. What a hint takes of them is in the table, all else it must refuse.
WIRE: dict[str, Any] = {
    "int": 7,
    "float": 1.5,
    "text": "word",
    "bytes": b"raw",
    "true": True,
    "false": False,
    "null": None,
    "array": [],
    "map": {},
}

TABLE: list[tuple[Any, dict[str, Any]]] = [
    (int, {"int": 7}),
    (float, {"int": 7.0, "float": 1.5}),
    (str, {"text": "word"}),
    (bytes, {"bytes": b"raw"}),
    (bool, {"true": True, "false": False}),
    (None, {"null": None}),
    (Any, WIRE),
    (object, WIRE),
    (list, {"array": []}),
    (list[int], {"array": []}),
    (collections.abc.Sequence[int], {"array": []}),
    (tuple, {"array": ()}),
    (tuple[int, ...], {"array": ()}),
    (tuple[()], {"array": ()}),
    (tuple[int, str], {}),
    (set[int], {"array": set()}),
    (frozenset[str], {"array": frozenset()}),
    (collections.abc.Set[str], {"array": frozenset()}),
    (dict, {"map": {}}),
    (dict[str, int], {"map": {}}),
    (collections.abc.Mapping[str, int], {"map": {}}),
    (Literal["word", 7], {"text": "word", "int": 7}),
    (Literal[1], {}),
    (Literal[True], {"true": True}),
    (Literal[None], {"null": None}),
    (Color, {}),
    (Level, {}),
    (Name, {}),
    (int | None, {"int": 7, "null": None}),
    (int | float, {"int": 7, "float": 1.5}),
    (str | bytes | bool, {"text": "word", "bytes": b"raw", "true": True, "false": False}),
    (list[int] | str, {"array": [], "text": "word"}),
    (Annotated[int | None, "said"] | str, {"int": 7, "null": None, "text": "word"}),
    (Any | None, WIRE),
    (NoteId, {"int": 7}),
    (Annotated[int, "said"], {"int": 7}),
    (Final[int], {"int": 7}),
    (Note, {}),
    (Point, {}),
    (Entry, {}),
    (datetime, {}),
    (date, {}),
    (time, {}),
    (timedelta, {"int": timedelta(seconds=7), "float": timedelta(seconds=1.5)}),
    (UUID, {}),
    (Decimal, {}),
    (Path, {"text": Path("word")}),
]


def structured(hint: Any, value: Any) -> Any:
    return Hints().shape(hint).structure(value)


def faults(hint: Any, value: Any) -> list[str]:
    """What is wrong with `value`, as its sender reads it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 (which kinds there are is what `misfits` knows)
        structured(hint, value)
    return [str(misfit) for misfit in misfits(caught.value)]


@pytest.mark.parametrize("wire", WIRE)
@pytest.mark.parametrize(("hint", "taken"), TABLE, ids=[str(hint) for hint, _ in TABLE])
def test_hint_takes_its_wire_types_and_refuses_all_others(hint: Any, taken: dict[str, Any], wire: str) -> None:
    """The table: a value that fits becomes what the hint says, type for type; every other is a fault."""
    if wire in taken:
        value = structured(hint, WIRE[wire])
        assert value == taken[wire]
        assert type(value) is type(taken[wire])
    else:
        assert faults(hint, WIRE[wire])


@pytest.mark.parametrize(
    ("hint", "value", "wanted"),
    [
        (int, 2**63 - 1, 2**63 - 1),
        (int, -(2**63), -(2**63)),
        (tuple[int, str], [1, "a"], (1, "a")),
        (set[int], [1, 2], {1, 2}),
        (dict[str, tuple[int, ...]], {"a": [1, 2]}, {"a": (1, 2)}),
        (Color, "red", Color.RED),
        (Level, 2, Level.HIGH),
        (Name, "ada", Name.ADA),
        (Literal[Color.RED], "red", Color.RED),
        (Note, {"name": "a"}, Note("a")),
        (Point, {"x": 1, "y": 2.5}, Point(1.0, 2.5)),
        (Entry, {"key": "a"}, {"key": "a"}),
        (Entry, {"key": "a", "value": 1}, {"key": "a", "value": 1}),
        (Tree, {"label": "a", "children": [{"label": "b"}]}, Tree("a", [Tree("b")])),
        (Page[int], {"items": [1]}, Page([1])),
        (Note | Point, {"x": 1.0, "y": 2.0}, Point(1.0, 2.0)),
        (Note | Point | None, {"name": "a"}, Note("a")),
        (Circle | Square, {"kind": "square", "size": 1}, Square("square", 1)),
        (list[Note | Entry], [{"key": "a"}, {"name": "b"}], [{"key": "a"}, Note("b")]),
        (datetime, "2024-05-01T10:00:00+00:00", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        (datetime, "2024-05-01 10:00:00", datetime(2024, 5, 1, 10)),  # noqa: DTZ001 (without a zone, as it came)
        (date, "2024-05-01", date(2024, 5, 1)),
        (time, "10:00:00", time(10)),
        (UUID, "00000000-0000-0000-0000-000000000001", UUID(int=1)),
        (Decimal, "1.50", Decimal("1.50")),
    ],
)
def test_values_become_what_the_hint_says(hint: Any, value: Any, wanted: Any) -> None:
    """Containers, classes and text-borne types are made from plain values."""
    made = structured(hint, value)
    assert made == wanted
    assert type(made) is type(wanted)


@pytest.mark.parametrize(
    ("hint", "value", "fault"),
    [
        (int, "7", "expected int, got text"),
        (int, True, "expected int, got bool"),
        (int, 2**63, "expected an int of 64 bits, got a larger one"),
        (float, 2**63, "expected an int of 64 bits, got a larger one"),
        (Literal[1], True, "expected one of 1, got True"),
        (Level, True, "expected one of 1, 2, got True"),
        (Color, "green", "expected one of 'red', 'blue', got \"green\""),
        (Color, ["red"], "expected one of 'red', 'blue', got an array of 1"),
        (list[int], [1, "2", "3"], "[1]: expected int, got text"),
        (tuple[int, str], [1], "expected an array of 2, got one of 1"),
        (tuple[int, str], [1, 2], "[1]: expected text, got int"),
        (set[int], [1, 1], "expected an array without duplicates"),
        (set[Any], [[]], "expected items that a set can hold"),
        (dict[str, int], {"a b": None}, '["a b"]: expected int, got null'),
        (list[Note], [{"name": "a"}, {"name": 1}], "[1].name: expected text, got int"),
        (Note, {}, "name: missing"),
        (Note, {"name": "a", "sice": 1}, "sice: unknown field of Note; did you mean size?"),
        (Tree, {"label": "a", "parent": {"label": 1}}, "parent.label: expected text, got int"),
        (Tree, {"_label": "a", "label": "a"}, "_label: unknown field of Tree; did you mean label?"),
        (Entry, {"key": 1}, "key: expected text, got int"),
        (Entry, {}, "key: missing"),
        (Entry, {"key": "a", "kee": 1}, "kee: unknown field of Entry; did you mean key?"),
        (Even, {"number": 1}, "an even number is wanted"),
        (Circle | Square, {"kind": "oval", "size": 1}, "expected the fields of Circle or Square, got others"),
        (int | None, "x", "expected int or null, got text"),
        (datetime, "2024-05-01", 'expected a date and time as ISO 8601 text, got "2024-05-01"'),
        (UUID, "{00000000-0000-0000-0000-000000000001}", "expected a UUID as text, got"),
        (Decimal, "NaN", 'expected a decimal as text, got "NaN"'),
        (Decimal, "1e999999999", 'expected a decimal as text, got "1e999999999"'),
        (Path, "a\0b", "expected a path as text, got text that is empty or has a NUL"),
        (Path, "", "expected a path as text, got text that is empty or has a NUL"),
        (timedelta, float("nan"), "expected seconds as a number that a timedelta can hold"),
        (timedelta, 1e300, "expected seconds as a number that a timedelta can hold"),
    ],
)
def test_fault_says_where_and_what(hint: Any, value: Any, fault: str) -> None:
    """The first fault names the path, what was wanted and what came."""
    assert faults(hint, value)[0].startswith(fault)


def test_class_reports_every_field() -> None:
    """All faults of a class come at once, for settings."""
    assert faults(Point, {"x": "1", "z": 1}) == [
        "x: expected float, got text",
        "y: missing",
        "z: unknown field of Point",
    ]


def test_array_reports_its_first_fault_alone() -> None:
    """An array of a million faults costs one report."""
    assert faults(list[int], ["x"] * 1_000_000) == ["[0]: expected int, got text"]


def test_fault_never_carries_the_whole_value() -> None:
    """A long value is cut, so that a message cannot be made long by its sender."""
    for hint in (Color, datetime, UUID, Decimal, Literal[1], Note):
        value = {"x" * 100_000: 1} if hint is Note else "x" * 100_000
        assert all(len(fault) < 400 for fault in faults(hint, value))


def test_set_of_numbers_is_bounded() -> None:
    """Numbers with colliding hashes could hold the core for seconds: sets of them have a limit, those of text none."""
    assert faults(set[int], list(range(4097))) == ["expected at most 4096 items, got 4097"]
    assert len(structured(set[str], [str(number) for number in range(4097)])) == 4097


def test_exception_of_the_applications_own_code_is_no_fault_of_the_value() -> None:
    """Only ValueError and TypeError of a class speak of its values; anything else is raised as it is."""
    for hint, value in ((Broken, {"number": 1}), (Page[Broken], {"items": [{"number": 1}]})):
        with pytest.raises(KeyError, match="number"):
            faults(hint, value)


@pytest.mark.parametrize(
    ("hint", "wrong"),
    [
        (complex, "complex cannot cross the wire"),
        (bytearray, "bytearray cannot cross the wire"),
        (Untyped, "Untyped cannot cross the wire"),
        (list[Untyped], "Untyped cannot cross the wire"),
        (dict[int, str], "a map's keys are text, not int"),
        (Pair, "Pair cannot cross the wire"),
        (Item, "~Item cannot cross the wire"),
        (Page, "field items of Page: ~Item cannot cross the wire"),
        (Bits, "Bits is a Flag"),
        (Odd, "Odd has values of type tuple"),
        (str | Color, "text and one of 'red', 'blue' cannot be told apart: each may be text"),
        (datetime | date, "cannot be told apart: each may be text"),
        (int | timedelta, "int and seconds as a number cannot be told apart: each may be int"),
        (list[int] | tuple[int], "cannot be told apart: each may be array"),
        (dict[str, int] | Note, "cannot be told apart: each may be map"),
        (NoHint, "field field of NoHint has no type hint"),
        (collections.abc.Callable[[], int], "cannot cross the wire"),
        (type, "type cannot cross the wire"),
    ],
)
def test_hint_that_cannot_cross_the_wire_is_refused(hint: Any, wrong: str) -> None:
    """What is in no table is refused when it is compiled, never guessed at when a value comes."""
    with pytest.raises(HintError) as caught:
        Hints().shape(hint)
    assert wrong in caught.value.wrong
    assert caught.value.instead


def test_classes_of_the_same_fields_cannot_be_told_apart() -> None:
    """A union whose members share their fields is refused, and says what would tell them apart."""
    first = attrs.make_class("First", {"size": attrs.field(type=int)})
    second = attrs.make_class("Second", {"size": attrs.field(type=int)})
    with pytest.raises(HintError, match="First and Second cannot be told apart by their fields"):
        Hints().shape(first | second)


@pytest.mark.parametrize("hint", [Note, list[Note], Note | None, dict[str, Note]])
def test_injected_class_never_comes_from_a_worker(hint: Any) -> None:
    """A class that the core injects cannot be filled from the wire, not even within another hint."""
    with pytest.raises(HintError, match="a worker cannot send one"):
        Hints(frozenset({Note})).shape(hint)


ROUND_TRIPS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers(-(2**63), 2**63 - 1)),
    (float, st.floats(allow_nan=False)),
    (str, st.text()),
    (bytes, st.binary()),
    (bool, st.booleans()),
    (list[int | None], st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))),
    (tuple[int, str], st.tuples(st.integers(0, 9), st.text())),
    (set[str], st.sets(st.text())),
    (frozenset[int], st.frozensets(st.integers(0, 99))),
    (dict[str, float], st.dictionaries(st.text(), st.floats(allow_nan=False))),
    (Color, st.sampled_from(Color)),
    (Level, st.sampled_from(Level)),
    (datetime, st.datetimes(timezones=st.just(UTC))),
    (datetime, st.datetimes()),
    (date, st.dates()),
    (time, st.times()),
    (timedelta, st.timedeltas(timedelta(days=-36500), timedelta(days=36500))),
    (UUID, st.uuids()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6)),
    (Path, st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1).map(Path)),
    (Note, st.builds(Note, st.text(), st.integers(0, 99))),
    (Point, st.builds(Point, st.floats(allow_nan=False), st.floats(allow_nan=False))),
    (Tree, st.recursive(st.builds(Tree, st.text()), lambda inner: st.builds(Tree, st.text(), st.lists(inner)))),
    (Note | Point | int, st.builds(Note, st.text()) | st.builds(Point, st.just(1.5), st.just(2.5)) | st.just(3)),
]


@pytest.mark.parametrize(("hint", "strategy"), ROUND_TRIPS, ids=[str(hint) for hint, _ in ROUND_TRIPS])
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_what_is_encoded_is_structured_to_the_same(hint: Any, strategy: st.SearchStrategy[Any], data: Any) -> None:
    """Every value of a hint survives the way to the wire and back."""
    value = data.draw(strategy)
    assert structured(hint, encode(value)) == value


def test_what_describes_a_shape_needs_no_hint() -> None:
    """Each shape says what it is at its head and what it is made of; an answer's union need not be told apart."""
    shape = Hints().shape(dict[str, list[int | None]])
    (items,) = shape.parts
    (union,) = items.parts
    assert (shape.kind, items.kind, union.kind) == (dict, list, Union)
    assert [each.kind for each in union.parts] == [int, type(None)]
    assert Hints().shape(tuple[int, str]).kind is tuple
    assert Hints().shape(Literal["b", "a"]).kind == Literal["b", "a"]
    with pytest.raises(HintError):
        Hints().shape(list[date | datetime])
    assert Hints(answers=True).shape(list[date | datetime]).parts[0].kind is Any
