"""What applications see of events: `Event`, which a listener gets, and `Events`, which commands emit by.

Knows no link and no frame: what `Events` emits goes to a publisher, the bus, which alone decides who hears it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, overload

import attrs

from stockade import limits
from stockade.core.events.declared import EventType
from stockade.core.types.encoding import encode
from stockade.names import RESERVED_EVENTS, is_event, is_reserved_event

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    _Payload = TypeVar("_Payload", default=Any)
else:
    from typing import TypeVar

    _Payload = TypeVar("_Payload")

__all__ = ["Event", "Events", "Publisher"]


@attrs.frozen
class Event(Generic[_Payload]):
    """One event, as a listener in the core gets it; by ``Event[NoteChanged]`` with a payload of that type.

    `source` is ``"core"`` or the label of the worker that emitted it, and then `generation` is that worker's. `trace`
    is the W3C traceparent that came with it.
    """

    name: str
    payload: _Payload
    source: str
    generation: int | None = None
    trace: str | None = None


class Publisher(Protocol):
    """Where emitted events go. Callable from any thread; raises what makes the payload unfit for the wire."""

    def publish(self, name: str, payload: Any, to: str | None) -> None:
        """Deliver an event of the core's to every worker that listens, or to the one or the replicas labelled `to`."""


@attrs.frozen
class Events:
    """Emits events in the core's name, from any thread. Injected where a parameter is annotated `Events`.

    Fire and forget: who does not listen, or has no room left, misses it (and its stub counts that).
    """

    _publisher: Publisher

    @overload
    def emit(self, name: str, payload: Any = ...) -> None: ...

    @overload
    def emit(self, name: EventType[_Payload], payload: _Payload) -> None: ...

    def emit(self, name: str | EventType[Any], payload: Any = None) -> None:
        """Emit to every worker that listens. Raises ValueError for a name or payload that cannot cross the wire.

        The payload of a name is in values of the wire; that of a declared event is encoded as a result is.
        """
        if isinstance(name, EventType):
            name, payload = name.name, encode(payload)
        self._publisher.publish(_emittable(name), payload, None)

    @overload
    def emit_to(self, label: str, name: str, payload: Any = ...) -> None: ...

    @overload
    def emit_to(self, label: str, name: EventType[_Payload], payload: _Payload) -> None: ...

    def emit_to(self, label: str, name: str | EventType[Any], payload: Any = None) -> None:
        """Emit to one worker alone, to all its replicas if it has several, or to one of them (``"thumbs.2"``).

        Nothing happens where it does not listen or does not run.
        Raises ValueError for a name or payload that cannot cross the wire, and for a label of no worker.
        """
        if isinstance(name, EventType):
            name, payload = name.name, encode(payload)
        self._publisher.publish(_emittable(name), payload, label)


@lru_cache(limits.NAMES)
def _emittable(name: str) -> str:
    if not is_event(name):
        raise ValueError(f"{name!r} is no event name: write 1 to 128 of A-Z a-z 0-9 _ / : . -, no slash at the end")
    if is_reserved_event(name):
        raise ValueError(f"{name!r} begins with {RESERVED_EVENTS!r}, which is the runtime's own; choose another name")
    return name
