"""What commands emit by: names alone, and declared events with payloads of their types."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from stockade.core.events.declared import event
from stockade.core.events.event import Events


@attrs.define
class Published:
    """A publisher that remembers."""

    seen: list[tuple[str, Any, str | None]] = attrs.field(factory=list)

    def publish(self, name: str, payload: Any, to: str | None) -> None:
        self.seen.append((name, payload, to))


@attrs.frozen
class Changed:
    name: str


changed = event("notes/changed", Changed)


def test_a_declared_event_is_emitted_with_its_payload_encoded() -> None:
    """A class becomes a map; what is emitted by a name alone goes as it is."""
    publisher = Published()
    events = Events(publisher)
    events.emit(changed, Changed("todo"))
    events.emit_to("editor", changed, Changed("done"))
    events.emit("notes/closed", 7)
    assert publisher.seen == [
        ("notes/changed", {"name": "todo"}, None),
        ("notes/changed", {"name": "done"}, "editor"),
        ("notes/closed", 7, None),
    ]


def test_a_declaration_knows_where_it_stands() -> None:
    """For faults; and it wants a name."""
    assert changed.file == __file__
    assert changed.line == 29
    with pytest.raises(TypeError, match=r'write event\("notes/changed"'):
        event(Changed)  # type: ignore[call-overload]
