"""Stockade: a message-only, multi-process runtime. This face loads its names on first use.

The supervisor is this package too and must load neither zmq nor asyncio, so nothing is imported here (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockade.core.commands.caller import Caller
    from stockade.core.commands.channels import Channel, ReceiveChannel, SendChannel
    from stockade.core.commands.middleware import Call, Proceed
    from stockade.core.commands.registry import command, exported, lifespan, listener, middleware, settings
    from stockade.core.commands.workers import Workers
    from stockade.core.events.declared import EventType, event
    from stockade.core.events.event import Event, Events
    from stockade.errors import Cancelled, CommandError, Dropped

__version__ = "0.1.0"

__all__ = [
    "Call",
    "Caller",
    "Cancelled",
    "Channel",
    "CommandError",
    "Dropped",
    "Event",
    "EventType",
    "Events",
    "Proceed",
    "ReceiveChannel",
    "SendChannel",
    "Workers",
    "__version__",
    "command",
    "event",
    "exported",
    "lifespan",
    "listener",
    "middleware",
    "settings",
]

_HOMES = {
    "Call": "stockade.core.commands.middleware",
    "Caller": "stockade.core.commands.caller",
    "Cancelled": "stockade.errors",
    "Channel": "stockade.core.commands.channels",
    "CommandError": "stockade.errors",
    "Dropped": "stockade.errors",
    "Event": "stockade.core.events.event",
    "EventType": "stockade.core.events.declared",
    "Events": "stockade.core.events.event",
    "Proceed": "stockade.core.commands.middleware",
    "ReceiveChannel": "stockade.core.commands.channels",
    "SendChannel": "stockade.core.commands.channels",
    "Workers": "stockade.core.commands.workers",
    "command": "stockade.core.commands.registry",
    "event": "stockade.core.events.declared",
    "exported": "stockade.core.commands.registry",
    "lifespan": "stockade.core.commands.registry",
    "listener": "stockade.core.commands.registry",
    "middleware": "stockade.core.commands.registry",
    "settings": "stockade.core.commands.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stockade' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
