"""How the asyncio face waits: reactions to what the sockets say, and futures for those who wait. Knows no verb.

Works with any loop that has ``add_reader``, uvloop among them. The descriptors of ZeroMQ's sockets are edge-triggered:
after each wake-up, and after each send, EVENTS must be looked at until there is nothing (libzmq, ZMQ_FD).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from stockade_frontend.channels import End
from stockade_frontend.endpoint import EAGER, LAST_WORDS, TURN, Endpoint, State
from stockade_frontend.errors import Cancelled, Closed, ConnectionLost, Ended
from stockade_frontend.link import descriptor, readable
from stockade_frontend.pending import Pending

__all__ = ["Reactions", "settle"]


class Reactions:
    """What happens on the loop that made it, for one connection. `begin` is called when there are calls to handle."""

    def __init__(self, endpoint: Endpoint, begin: Callable[[], None]) -> None:
        self.endpoint = endpoint
        self.loop = asyncio.get_running_loop()
        #: Whoever waits for an event or for `stop`, and for the core's subscription.
        self.idle: asyncio.Future[None] | None = None
        self.subscribed: asyncio.Future[None] = self.loop.create_future()
        self._begin = begin
        self._session = endpoint.session
        self._outbox = endpoint.session.outbox
        self._timers = endpoint.session.timers
        self._flight = endpoint.session.calls.flight
        self._asked = endpoint.session.handled.asked
        self._commands = endpoint.link.commands
        self._flushing = False
        self._reading_events = False
        self._alarm: asyncio.TimerHandle | None = None
        #: Emits for which there was no room, in their order.
        self._emits: deque[tuple[tuple[bytes, bytes], asyncio.Future[None]]] = deque()
        self._readers = [
            (descriptor(endpoint.link.commands), self.on_commands),
            (descriptor(endpoint.link.events), self.on_events),
            (descriptor(endpoint.link.emits), self.on_emits),
            (endpoint.link.lifeline, endpoint.link.look_at_lifeline),
        ]
        for number, react in self._readers:
            self.loop.add_reader(number, self.guard, react)
        for _, react in self._readers[:3]:  # what has come before the readers were there gives no edge
            self.loop.call_soon(self.guard, react)

    # -- waiting ------------------------------------------------------------------------------------------------------

    async def answer(self, pending: Pending) -> Any:
        """The value of `pending`; raises its error. If whoever awaits it is cancelled, so is the call."""
        if pending.done:
            return pending.result()
        waiter = pending.waiter = self.loop.create_future()
        if not self._flushing:
            # Nothing to gather for while none is in flight: gathering costs a call that is alone a turn of the loop.
            if len(self._flight) != 1 or self._timers.heap or not self.endpoint.flush() or readable(self._commands):
                self.soon()
        elif len(self._outbox) >= EAGER:
            self.endpoint.flush()
        try:
            return await waiter
        except asyncio.CancelledError:
            self.give_up(pending)
            raise

    def give_up(self, pending: Pending) -> None:
        """Nobody awaits it any more: the core is told of a call; of what is answered, it is not."""
        if pending.command and self.endpoint.over is None:
            self._session.cancel(pending, Cancelled("whoever awaited it was cancelled"))
            self.soon()

    async def change(self, end: End) -> None:
        """Wait until this end of a channel has an item, credit, or no future. Several may wait for the same."""
        if end.changed is None:
            end.changed = Pending("a change")
        if end.changed.waiter is None:
            end.changed.waiter = self.loop.create_future()
        self.soon()
        await asyncio.shield(end.changed.waiter)

    def soon(self) -> None:
        """Send what has gathered, in this turn of the loop."""
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self.guard, self._flush)

    async def emit(self, prepared: tuple[bytes, bytes]) -> None:
        """Emit an event; returns when it has gone."""
        if self._emits or not self.endpoint.emit(prepared):
            room = self.loop.create_future()
            self._emits.append((prepared, room))
            await room
        else:
            self.guard(self.on_emits)  # sending may have consumed the edge
            if self._session.emitted % TURN == 0:
                await asyncio.sleep(0)  # who emits without a pause would never let the loop turn

    async def something(self, timeout: float | None) -> None:
        """Wait for an event or for `stop`, so many seconds at most."""
        self.idle = self.loop.create_future()
        timer = None if timeout is None else self.loop.call_later(timeout, settle, self.idle)
        try:
            await self.idle
        finally:
            self.idle = None
            if timer is not None:
                timer.cancel()

    # -- ending -------------------------------------------------------------------------------------------------------

    def close_those_who_wait(self) -> None:
        """Other tasks must not wait for what will not come: neither room, nor events, nor, at last, answers."""
        waiters: list[asyncio.Future[Any] | None] = [room for _, room in self._emits]
        waiters.append(self.idle)
        if self.endpoint.over is not None:
            waiters += [pending.waiter for pending in self._session.unanswered()]
        self._emits.clear()
        for waiter in waiters:
            if waiter is not None and not waiter.done():
                waiter.set_exception(Closed("the connection has been closed"))

    def give_way(self) -> None:
        """React to nothing any more."""
        for number, _ in self._readers:
            self.loop.remove_reader(number)
        self._readers.clear()
        if self._alarm is not None:
            self._alarm.cancel()

    def guard(self, react: Callable[[], None]) -> None:
        """Run one of the reactions below; what ends the conversation goes on, out of the loop."""
        if self.endpoint.over is not None:
            return
        try:
            react()
        except ConnectionLost as loss:
            # What the core said before it closed is the better reason, and may still be on its way.
            self.loop.call_later(LAST_WORDS, self._lost, loss)
        except Ended as end:
            self._end(end)

    def _lost(self, loss: ConnectionLost) -> None:
        if self.endpoint.over is None and self._session.state is not State.LEFT:
            self._end(loss)

    def _end(self, end: Ended) -> None:
        self.give_way()
        self.endpoint.finish(end)
        raise end

    # -- reacting -----------------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        self._flushing = False
        self.on_commands()

    def on_commands(self) -> None:
        """Read what has come and send what has gathered, until there is neither, or for one turn."""
        endpoint = self.endpoint
        if self._timers.heap or self._session.answered:
            self._settle(self._session.wake(monotonic()))
        for _ in range(TURN):
            if readable(self._commands):
                self._settle(endpoint.receive())
            elif not self._outbox or not endpoint.flush():
                break  # nothing to send, or no room: that there is room again is an edge too
        else:
            self.loop.call_soon(self.guard, self.on_commands)
        if self._timers.heap:
            self._set_alarm()
        if self._asked:
            self._begin()
        if self._session.stopping:
            settle(self.idle)

    def _settle(self, answered: Iterable[Pending]) -> None:
        for pending in answered:
            waiter = pending.waiter
            if waiter is not None and not waiter.done():
                if pending.error is None:
                    waiter.set_result(pending.value)
                else:
                    waiter.set_exception(pending.error)

    def _set_alarm(self) -> None:
        """Look again when something is due; one alarm for all that is."""
        when = self._timers.next()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if when is not None:
            self._alarm = self.loop.call_later(max(0.0, when - monotonic()), self.guard, self.on_commands)

    def on_events(self) -> None:
        """Read what events there are, a turn of them."""
        if self.endpoint.receive_events() and not self._reading_events:
            self._reading_events = True
            self.loop.call_soon(self.guard, self._read_on)
        if self._session.inbox:
            settle(self.idle)

    def _read_on(self) -> None:
        self._reading_events = False
        self.on_events()

    def on_emits(self) -> None:
        """There may be room for emits, or the core subscribes."""
        self.endpoint.receive_emits()
        if self.endpoint.takes_emits:
            settle(self.subscribed)
        while self._emits:
            prepared, room = self._emits[0]
            if not room.done() and not self.endpoint.emit(prepared):
                break
            self._emits.popleft()
            settle(room)


def settle(waiter: asyncio.Future[None] | None) -> None:
    """Let whoever waits go on."""
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
