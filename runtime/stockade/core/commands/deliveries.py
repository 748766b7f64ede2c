"""Events handed to the application's listeners: so many of each source at a time, the rest dropped and counted.

Knows no thread and no task: whoever runs a listener is given.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import attrs

from stockade import limits
from stockade.core.commands.prepared import Prepared
from stockade.core.events.event import Event
from stockade.core.policy.patterns import Pattern
from stockade.errors import CommandError
from stockade.observe.traces import within

__all__ = ["Deliveries"]

#: Runs a listener for an event, and calls back once with what became of it.
Start = Callable[[Prepared, Event, Callable[[Any, CommandError | None], None]], object]


@attrs.define(eq=False)
class Deliveries:
    """What the listeners are given. For the loop's thread."""

    _listeners: Sequence[tuple[Pattern, Prepared]]
    _start: Start
    _log: logging.Logger
    ended: int = attrs.field(default=0, init=False)
    failed: int = attrs.field(default=0, init=False)
    dropped: int = attrs.field(default=0, init=False)
    _under_way: Counter[str] = attrs.field(factory=Counter, init=False)

    def deliver(self, event: Event) -> None:
        """Hand an event to every listener that matches it, as far as its source has room."""
        for pattern, ready in self._listeners:
            if not pattern.matches(event.name):
                continue
            if self._under_way[event.source] >= limits.DELIVERIES:
                self._drop(ready, event)
                continue
            self._under_way[event.source] += 1
            with nullcontext() if event.trace is None else within(event.trace):
                self._start(ready, event, partial(self._ended, event.source))

    def _ended(self, source: str, _value: Any, error: CommandError | None) -> None:
        self._under_way[source] -= 1
        if not self._under_way[source]:
            del self._under_way[source]
        if error is None:
            self.ended += 1
        else:
            self.failed += 1

    def _drop(self, ready: Prepared, event: Event) -> None:
        self.dropped += 1
        if self.dropped & (self.dropped - 1) == 0:  # the first, second, fourth ...: a flood must not flood the log too
            self._log.warning(
                "%s is too slow for the events of %s: %d dropped in all, now %s",
                ready.name,
                event.source,
                self.dropped,
                event.name,
            )
