"""Events in a step: what the worker subscribes to and emits, and what the core sends it."""

from __future__ import annotations

from typing import Any

import cbor2

from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.core.wire.topics import Emit

__all__ = ["emit", "event", "subscription"]


async def subscription(life: Life, topic: str, *, listen: bool = True) -> None:
    """The next frame on the events socket: it asks for this topic, or no longer for it."""
    wanted = f"{'a subscription to' if listen else 'the end of the subscription to'} {topic}"
    came = await life.until(lambda: life.subscriptions[0] if life.subscriptions else None, wanted)
    life.subscriptions.popleft()
    require(came == (listen, topic), wanted, f"{'' if came.listen else 'no longer '}{came.topic}")


async def emit(life: Life, name: str) -> Emit:
    """The next emit, which must be of this event."""
    came = await life.until(lambda: life.emits[0] if life.emits else None, f"an emit of {name}")
    life.emits.popleft()
    require(came.name == name, f"an emit of {name}", f"one of {came.name}")
    return came


def event(life: Life, name: str, payload: Any, source: str = "core", *more: Any, seq: float | None = None) -> None:
    """Send an event, the next one that is meant for the worker."""
    life.seq += 1
    body = cbor2.dumps([life.seq if seq is None else seq, source, payload, *more])
    life.send(f"{name}|".encode() + body, socket="events")
