"""The model: what a registry says of its commands, events and types."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stockade.bindings.carrying import carried, received
from stockade.bindings.model import (
    Anything,
    Array,
    Basic,
    Choice,
    Direction,
    Field,
    Map,
    Member,
    Model,
    Named,
    Nullable,
    OneOf,
    Plain,
    Tuple,
    Type,
    pruned,
)
from stockade.bindings.naming import Collision
from stockade.bindings.reading import read
from stockade.core.commands.registry import collect

Reader = Callable[[str], Model]

TEXT, INT = Plain(Basic.TEXT), Plain(Basic.INT)

HEAD = """
from __future__ import annotations
import enum
from typing import *
import attrs
from datetime import *
from stockade import *
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Reads what a module registers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def made(source: str) -> Model:
        (tmp_path / "application.py").write_text(HEAD + textwrap.dedent(source))
        registry = collect(["application"])
        assert registry.faults == ()
        return read(registry)

    yield made
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        ("int", INT),
        ("memoryview", Plain(Basic.BYTES)),
        ("PurePosixPath", Plain(Basic.PATH)),
        ("Any", Anything()),
        ("dict", Map(Anything())),
        ("list[str | None]", Array(Nullable(TEXT))),
        ("tuple[str, ...]", Array(TEXT)),
        ("tuple[str, int]", Tuple((TEXT, INT))),
        ("int | str | None", Nullable(OneOf((INT, TEXT)))),
        ("Optional[Optional[int]]", Nullable(INT)),
        ("Literal['b', 'a', 1]", Choice(("b", "a", 1))),
        ("Literal['b', None]", Nullable(Choice(("b",)))),
        ("Literal['b', b'x']", OneOf((Choice(("b",)), Plain(Basic.BYTES)))),
    ],
)
def test_each_hint_is_one_shape(model: Reader, hint: str, kind: Type) -> None:
    """The same on both ways, whatever the hint is written as."""
    found = model(f"""
        from pathlib import PurePosixPath
        @command("a.b")
        def one(it: {hint}) -> {hint}: ...
        """)
    (command,) = found.commands
    assert (command.parameters[0].type, command.answer) == (kind, kind)


def test_a_command_is_read_with_all_that_is_known(shop_model: Model) -> None:
    """Docstring, what may be left out, channels from the caller's side; what the core injects is not the caller's."""
    by_name = {command.name: command for command in shop_model.commands}
    buy, load = by_name["shop.buy"], by_name["shop.load"]
    assert buy.doc == "Buy something.\n\nThe price is that of today."
    assert [(each.name, each.optional) for each in buy.parameters] == [("name", False), ("count", True), ("note", True)]
    assert [(each.name, each.direction, each.optional) for each in load.channels] == [
        ("data", Direction.SEND, False),
        ("back", Direction.RECEIVE, False),
        ("both", Direction.EITHER, True),
    ]
    assert (by_name["shop.rows"].streams, by_name["shop.rows"].answer) == (True, Named("Item"))
    assert by_name["shop.when"].answer == Anything()  # nothing on the wire tells a date from a datetime
    assert by_name["thumbs.make"].exported
    assert [command.name for command in shop_model.commands] == sorted(by_name)


def test_a_class_with_defaults_is_two_records_where_it_goes_both_ways(shop_model: Model) -> None:
    """What is given may leave out what has a default, also within other classes; what is answered has all."""
    records = {record.name: record for record in shop_model.records}
    assert [field.optional for field in records["Item"].fields] == [False, False, False, False]
    assert [field.optional for field in records["ItemInput"].fields] == [False, False, True, True]
    assert records["ItemInput"].whole == "Item"
    assert records["BoxInput"].fields[0] == Field("items", Array(Named("ItemInput")), False)
    assert records["Person"].fields[1] == Field("age", Nullable(INT), True)
    assert "PersonInput" not in records
    assert "EverythingInput" not in records


def test_what_workers_send_each_other_is_whole(model: Reader) -> None:
    """Nobody fills in the defaults of an event's payload, or of an exported command's argument."""
    found = model("""
        @attrs.frozen
        class Note:
            name: str = ""
        changed = event("notes/changed", Note)
        @exported("thumbs.make")
        def make(note: Note) -> Note: ...
        """)
    (record,) = found.records
    assert record.fields == (Field("name", TEXT, False),)
    assert found.events[0].payload == found.commands[0].parameters[0].type == Named("Note")


def test_enums_and_generic_classes_have_names(model: Reader) -> None:
    """Members in their order; a generic class is one for each that it is of."""
    found = model("""
        T = TypeVar("T")
        class Color(enum.Enum):
            '''Paint.'''
            RED = "red"
            BLUE = "blue"
        @attrs.frozen
        class Page(Generic[T]):
            rows: list[T]
        @command("a.b")
        def one() -> Page[Color]: ...
        @command("a.c")
        def two() -> Page[int | None]: ...
        """)
    (color,) = found.enumerations
    assert (color.doc, color.members) == ("Paint.", (Member("RED", "red"), Member("BLUE", "blue")))
    assert [record.name for record in found.records] == ["PageOfColor", "PageOfIntOrNone"]


def test_two_classes_of_one_name_are_refused(model: Reader) -> None:
    """With what they are, and what to do."""
    with pytest.raises(Collision, match=r"application\.Two\.Note and application\.One\.Note would both be Note"):
        model(NESTED)


NESTED = """
def made(outer):
    @attrs.frozen
    class Note:
        name: str
    Note.__qualname__ = outer + ".Note"
    return Note
First, Second = made("One"), made("Two")
@command("a.b")
def one(it: First) -> Second: ...
"""


def test_a_model_survives_the_way_between_processes(shop_model: Model) -> None:
    """As JSON and back it is the same."""
    assert received(carried(shop_model)) == shop_model


def test_what_nothing_needs_is_left_out(shop_model: Model) -> None:
    """Definitions go with the last command that names them, also by way of others."""
    boxes = tuple(command for command in shop_model.commands if command.name == "shop.box")
    kept = pruned(Model(boxes, (), shop_model.records, shop_model.enumerations))
    assert [record.name for record in kept.records] == ["Box", "BoxInput", "Item", "ItemInput", "Person"]
    assert [each.name for each in kept.enumerations] == ["Color"]
