"""What an application declares but does not run: commands that workers export, and events with their payloads.

Knows no worker and no configuration: who may export or emit anything is not said here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, get_args, get_origin

import attrs

from stockade.core.commands.binding import Parameter
from stockade.core.commands.importing import shown_file
from stockade.core.commands.marks import ExportedMark
from stockade.core.commands.signatures import GENERATORS, ChannelParameter, Faults, answer_of, place, read
from stockade.core.events.declared import EventType
from stockade.core.types.hints import Hints
from stockade.core.types.shapes import HintError, Shape, hint_text
from stockade.errors import Fault
from stockade.names import is_command, is_event, is_reserved_event

__all__ = ["Declared", "Exported", "Heard", "read_events", "read_exported"]

#: A listener's pattern, its function, and the shape that it hints the payload to have.
Heard = tuple[str, Callable[..., Any], Shape]


@attrs.frozen
class Exported:
    """A command that a worker exports, as the application declares it. `answer` is of a result or of each item."""

    name: str
    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    channels: tuple[ChannelParameter, ...]
    answer: Shape
    yields: bool
    file: str
    line: int


@attrs.frozen
class Declared:
    """An event of this name has a payload of this shape; `doc` is what its declaration says of it."""

    name: str
    payload: Shape
    doc: str
    file: str
    line: int


def read_exported(
    marked: Iterable[tuple[Callable[..., Any], ExportedMark]], commands: Collection[str], hints: Hints, faults: Faults
) -> Mapping[str, Exported]:
    """The declarations of exported commands, by name; what the core itself has under that name is a fault."""
    found: dict[str, Exported] = {}
    for function, mark in marked:
        declared = _exported(function, mark.name, hints, faults)
        first = found.setdefault(mark.name, declared)
        if first is not declared:
            wrong = f"exported command {mark.name} is declared at {first.file}:{first.line} already"
            faults.add(function, wrong, "keep one of the two")
        elif mark.name in commands:
            faults.add(function, f"{mark.name} is declared as exported, and a command of the core's", "rename one")
    return found


def _exported(function: Callable[..., Any], name: str, hints: Hints, faults: Faults) -> Exported:
    if not is_command(name):
        wrong = f"{name!r} is no name of a command"
        faults.add(function, wrong, "write segments of letters, digits, _ and - joined by dots, as in thumbs.make")
    signature = read(function, frozenset(), hints, faults)
    returns, yields = signature.returns, False
    if get_origin(returns) in GENERATORS or returns in GENERATORS:
        returns, yields = (get_args(returns) or (Any,))[0], True
    answer = answer_of(function, returns, Hints(hints.injected), faults)
    return Exported(name, function, signature.parameters, signature.channels, answer, yields, *place(function))


def read_events(
    declared: Iterable[EventType[Any]], heard: Iterable[Heard], hints: Hints, faults: Faults
) -> Mapping[str, Declared]:
    """The events whose payloads are known, by name: by a declaration, or where there is none by a listener's hint."""
    found: dict[str, Declared] = {}
    for each in declared:
        place_of_it = (shown_file(each.file), each.line)
        first = found.get(each.name)
        if first is not None:
            wrong = f"event {each.name} is declared at {first.file}:{first.line} already"
            faults.found.append(Fault(*place_of_it, wrong, "keep one of the two"))
            continue
        shape = _payload(each, hints, place_of_it, faults)
        if shape is not None:
            found[each.name] = Declared(each.name, shape, each.doc, *place_of_it)
    for pattern, function, shape in heard:
        if "*" not in pattern:
            _hear(found, Declared(pattern, shape, "", *place(function)), function, faults)
    return found


def _payload(declared: EventType[Any], hints: Hints, where: tuple[str, int], faults: Faults) -> Shape | None:
    if not is_event(declared.name) or is_reserved_event(declared.name):
        instead = "write letters, digits and _ : . - in segments joined by slashes, not core:, as in notes/changed"
        faults.found.append(Fault(*where, f"{declared.name!r} is no name of an event to declare", instead))
        return None
    try:
        return Hints(hints.injected).shape(declared.payload)
    except HintError as error:
        faults.found.append(Fault(*where, f"the payload of {declared.name}: {error.wrong}", error.instead))
        return None


def _hear(found: dict[str, Declared], heard: Declared, function: Callable[..., Any], faults: Faults) -> None:
    first = found.setdefault(heard.name, heard)
    if first.payload.kind != heard.payload.kind or first.payload.parts != heard.payload.parts:
        said, wanted = hint_text(first.payload.kind), hint_text(heard.payload.kind)
        wrong = f"{function.__name__} hears {heard.name} with a payload of {wanted}, and {first.file}:{first.line}"
        faults.add(function, f"{wrong} says {said}", "write one type in both places")
