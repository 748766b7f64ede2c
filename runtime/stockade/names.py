"""The grammars of names: labels, commands, events, capabilities, and the patterns over them.

Knows no policy: it says what a name is, never who may use it.
"""

from __future__ import annotations

import re

__all__ = [
    "CAPABILITY",
    "COMMAND",
    "EVENT",
    "LABEL",
    "RESERVED_EVENTS",
    "RESERVED_LABELS",
    "is_command",
    "is_event",
    "is_label",
    "is_reserved_event",
    "replica",
]

#: What no worker may be called: events of the core's have `core` for their source, and logs have both.
RESERVED_LABELS = ("core", "supervisor")
#: A worker's label in the configuration. Of several replicas each adds a dot and its number (``thumbs.2``); the
#: generation stands after an ``@``.
LABEL = re.compile(rf"(?!(?:{'|'.join(RESERVED_LABELS)})$)[a-z][a-z0-9-]{{0,31}}")
#: A command: segments of letters, digits, ``_`` and ``-``, joined by dots (``notes.read``).
COMMAND = re.compile(r"(?=.{1,128}\Z)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
#: An event: 1 to 128 of these characters; segments are joined by slashes (``notes/changed``).
EVENT = re.compile(r"[A-Za-z0-9_/:.-]{1,128}")
#: A capability's name.
CAPABILITY = re.compile(r"[a-z][a-z0-9-]{0,63}")
#: Events whose names begin so are the core's alone to emit.
RESERVED_EVENTS = "core:"


def is_label(text: str) -> bool:
    """Whether `text` may name a worker in the configuration."""
    return LABEL.fullmatch(text) is not None


def replica(label: str, number: int) -> str:
    """What replica `number`, counted from 1, of the worker `label` is called."""
    return f"{label}.{number}"


def is_command(text: str) -> bool:
    """Whether `text` may name a command."""
    return COMMAND.fullmatch(text) is not None


def is_event(text: str) -> bool:
    """Whether `text` may name an event. A name that ends in a slash is none: that is a prefix."""
    return EVENT.fullmatch(text) is not None and not text.endswith("/")


def is_reserved_event(text: str) -> bool:
    """Whether only the core may emit an event of this name."""
    return text.startswith(RESERVED_EVENTS)
