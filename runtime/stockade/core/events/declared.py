"""Events that the application declares: a name, and what its payload is. Knows no listener and no worker.

A declaration says nothing about who may emit or hear the event: the configuration does.
"""

from __future__ import annotations

import sys
from typing import Any, Generic, TypeVar, overload

import attrs

__all__ = ["EventType", "event"]

_Payload = TypeVar("_Payload")


@attrs.frozen
class EventType(Generic[_Payload]):
    """An event of one name, whose payloads are of one type: what `event` returns. `doc` is for its bindings."""

    name: str
    payload: Any
    doc: str
    file: str
    line: int


@overload
def event(name: str, payload: type[_Payload], doc: str = ...) -> EventType[_Payload]: ...


@overload
def event(name: str, payload: Any = ..., doc: str = ...) -> EventType[Any]: ...


def event(name: str, payload: Any = None, doc: str = "") -> EventType[Any]:
    """Declare the event `name` (``"notes/changed"``), its `payload` by a hint of docs/types.md, and what it means.

    ``changed = event("notes/changed", NoteChanged)`` stands at the top level of a module that ``[app] commands`` lists.
    ``events.emit(changed, NoteChanged(...))`` emits it, and `stockade bindings` gives workers functions for it.
    """
    if not isinstance(name, str):
        raise TypeError(f'event takes a name, not {name!r}: write event("notes/changed", NoteChanged)')
    caller = sys._getframe(1)
    return EventType(name, payload, doc, caller.f_code.co_filename, caller.f_lineno)
