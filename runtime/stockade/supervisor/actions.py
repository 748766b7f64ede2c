"""What a supervisor may do, as values: all that `Tree.step` ever answers. Knows no system call."""

from __future__ import annotations

from typing import Any

import attrs

from stockade.control import Message
from stockade.supervisor.happenings import Child

__all__ = ["Action", "CloseStdin", "Kill", "Quit", "Say", "Start", "Tell", "Terminate"]


@attrs.frozen
class Start:
    """Start this process; a `Started` or `NotStarted` follows."""

    child: Child


@attrs.frozen
class CloseStdin:
    """End a worker's standard input: its lifeline, so it is asked to stop."""

    child: Child


@attrs.frozen
class Terminate:
    """Send SIGTERM to a process and its group."""

    child: Child


@attrs.frozen
class Kill:
    """Send SIGKILL to a process and its group."""

    child: Child


@attrs.frozen
class Tell:
    """Send this to the core that runs now."""

    message: Message


@attrs.frozen
class Say:
    """Log this. `event` is its stable name."""

    level: str
    event: str
    message: str
    fields: dict[str, Any] = attrs.field(factory=dict)
    lines: tuple[str, ...] = ()


@attrs.frozen
class Quit:
    """Nothing runs any more: clean up and exit with this code."""

    code: int


Action = Start | CloseStdin | Terminate | Kill | Tell | Say | Quit
