"""The calls of one worker's conversation beyond their ids: what is kept of them until their answer, both ways.

Knows no verb and no channel's state. Of most calls of a worker nothing is kept but the id, which the conversation has.
docs/protocol.md, section 5.
"""

from __future__ import annotations

import attrs

from stockade.errors import Breach, BreachCode

__all__ = ["Asked", "AskedCalls", "Kept"]


@attrs.define
class Kept:
    """What is kept of a call of the worker's that has channels or a parent, or that it has cancelled."""

    channels: tuple[int, ...] = ()
    parent: int | None = None
    cancelled: bool = False


@attrs.define
class Asked:
    """What is kept of a call of the core's."""

    channels: list[int] = attrs.field(factory=list)
    nested: set[int] = attrs.field(factory=set)  # the worker's calls that name it as their parent, in flight
    cancelled: bool = False


@attrs.define
class AskedCalls:
    """The calls that the core makes to the worker: from 1, each answered once."""

    last: int = 0
    _in_flight: dict[int, Asked] = attrs.field(factory=dict)

    def __len__(self) -> int:
        return len(self._in_flight)

    def make(self) -> int:
        """The id of a new one."""
        self.last += 1
        self._in_flight[self.last] = Asked()
        return self.last

    def get(self, number: int) -> Asked:
        """One in flight; raises KeyError for another."""
        return self._in_flight[number]

    def check(self, number: int) -> None:
        """Raise Breach unless there was such a call ever."""
        if not 0 < number <= self.last:
            raise Breach(BreachCode.UNKNOWN_CALL, f"the parent {number} is no call that was ever made to the worker")

    def living(self, number: int) -> Asked | None:
        """The one that a call of the worker's may be part of; None if it has ended, or was cancelled."""
        asked = self._in_flight.get(number)
        return None if asked is None or asked.cancelled else asked

    def cancel(self, number: int) -> Asked | None:
        """Note that the core cancels it; None if it is answered, or was cancelled before."""
        asked = self._in_flight.get(number)
        if asked is None or asked.cancelled:
            return None
        asked.cancelled = True
        return asked

    def answer(self, number: int) -> Asked:
        """Note its answer; raises Breach for one that was never made, or has been answered."""
        asked = self._in_flight.pop(number, None)
        if asked is None:
            raise Breach(BreachCode.UNKNOWN_ANSWER, f"call {number} was never made, or has been answered")
        return asked

    def untie(self, number: int, nested: int) -> None:
        """A call of the worker's that named it as its parent has ended."""
        asked = self._in_flight.get(number)
        if asked is not None:
            asked.nested.discard(nested)

    def end_all(self) -> tuple[int, ...]:
        """None will be answered any more; returns those in flight."""
        ended = tuple(self._in_flight)
        self._in_flight.clear()
        return ended
