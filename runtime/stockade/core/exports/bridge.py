"""A channel from one worker to another, by way of the core: what comes in on one end goes out on the other.

Credit is passed on by itself: an item is taken, and so credit granted for the next, only once the one before it could
be sent. Of each channel one item is held here. Knows no worker and no message; everything is for the loop's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from stockade.core.commands.ports import Incoming, Outgoing
from stockade.errors import CommandError

__all__ = ["join"]

_NOTHING = object()


def join(incoming: Incoming, outgoing: Outgoing, then: Callable[[], None]) -> None:
    """Send on `outgoing` all that comes on `incoming`, until either has ended; then the other ends so too.

    `then` is called once it has.
    """
    bridge = _Bridge(incoming, outgoing, then)
    if outgoing.closed is not None:  # its receiver did not wait until there was a sender
        bridge.closed()
        return
    outgoing.on_closed = bridge.closed
    bridge.carry()


@attrs.define(eq=False)
class _Bridge:
    _incoming: Incoming
    _outgoing: Outgoing
    _then: Callable[[], None]
    _held: Any = _NOTHING

    def carry(self) -> None:
        """Send what has come, as far as there is room for it."""
        incoming, outgoing = self._incoming, self._outgoing
        while outgoing.closed is None:
            if self._held is _NOTHING:
                if not len(incoming):
                    break
                self._held = incoming.take()
            try:
                if not outgoing.offer(self._held):
                    outgoing.when_room(self.carry)
                    return
            except CommandError as error:  # the item is over that worker's limit
                outgoing.end(error)
                return
            self._held = _NOTHING
        if outgoing.closed is not None:
            return  # and `closed` has been called
        if incoming.ended:  # and nothing waits before that
            outgoing.end(incoming.error)
        else:
            incoming.when_item(self.carry)

    def closed(self) -> None:
        """Nothing more can be sent: for what still comes there is nobody."""
        self._held = _NOTHING
        self._incoming.drop()  # also where it has ended, for what waits on it
        self._then()
