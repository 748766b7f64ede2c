"""Binding: a call's arguments, by name."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from stockade.core.commands.binding import Binder, Parameter
from stockade.core.types.hints import Hints
from stockade.errors import Code, CommandError


@attrs.frozen
class Item:
    name: str


def binder(optional: tuple[str, ...] = (), **hints: Any) -> Binder:
    shape = Hints().shape
    return Binder(tuple(Parameter(name, hint, shape(hint), name not in optional) for name, hint in hints.items()))


def refused(bound: Binder, arguments: dict[str, Any]) -> tuple[str, Any]:
    with pytest.raises(CommandError) as caught:
        bound.bind(arguments)
    assert caught.value.code == Code.INVALID_ARGS
    return caught.value.message, caught.value.data


def test_arguments_become_keywords() -> None:
    """Plain values pass as they are, others are structured; the caller's own map is left alone."""
    arguments = {"item": {"name": "a"}, "count": 1}
    assert binder(count=int, item=Item).bind(arguments) == {"count": 1, "item": Item("a")}
    assert arguments == {"item": {"name": "a"}, "count": 1}


def test_missing_argument_is_left_to_its_default() -> None:
    """What is not given is not passed, so that the function's own default counts."""
    assert binder(("count",), name=str, count=int).bind({"name": "a"}) == {"name": "a"}


def test_null_is_a_value_and_not_a_missing_argument() -> None:
    """Null is given to a parameter that takes it, and refused by one that has only a default."""
    assert binder(("name",), name=str | None).bind({"name": None}) == {"name": None}
    assert refused(binder(("name",), name=str), {"name": None}) == (
        "name: expected text, got null",
        {"path": "name"},
    )


@pytest.mark.parametrize(
    ("arguments", "message", "path"),
    [
        ({"count": 1}, "items: missing", "items"),
        ({"count": True, "items": []}, "count: expected int, got bool", "count"),
        ({"count": 1, "items": [{"name": "a"}, {"name": 2}]}, "items[1].name: expected text, got int", "items[1].name"),
        ({"count": 1, "items": [], "cuont": 1}, "cuont: unknown argument; did you mean count?", "cuont"),
        ({"count": 1, "items": [], "": 1}, '[""]: unknown argument', '[""]'),
    ],
)
def test_what_does_not_fit_is_invalid_args_with_its_path(arguments: dict[str, Any], message: str, path: str) -> None:
    """The caller learns where the first fault is and what was wanted."""
    assert refused(binder(count=int, items=list[Item]), arguments) == (message, {"path": path})


def test_name_of_a_megabyte_is_refused_in_few_words() -> None:
    """A hostile name is neither compared nor repeated whole."""
    message, data = refused(binder(count=int), {"count": 1, "c" * 1_000_000: 2})
    assert len(message) < 200
    assert len(data["path"]) < 200


def test_fault_of_the_applications_own_class_is_raised_as_it_is() -> None:
    """A bug in a class's code is not the caller's fault."""

    @attrs.frozen
    class Broken:
        name: str

        def __attrs_post_init__(self) -> None:
            raise LookupError(self.name)

    with pytest.raises(LookupError, match=r"^a$"):
        binder(item=Broken).bind({"item": {"name": "a"}})
