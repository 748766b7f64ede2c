"""The connection of the asyncio face: coroutines and reactions around one endpoint.

Works with any loop that has ``add_reader``, uvloop among them. The descriptors of ZeroMQ's sockets are edge-triggered:
after each wake-up, and after each send, EVENTS must be looked at until there is nothing (libzmq, ZMQ_FD).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from stockade_frontend.endpoint import EAGER, LAST_WORDS, LEAVE, TURN, Endpoint, State
from stockade_frontend.errors import Closed, ConnectionLost, DeadlineExceeded, Ended
from stockade_frontend.events import Handler, Subscription
from stockade_frontend.grants import Grants
from stockade_frontend.link import descriptor, readable
from stockade_frontend.messages import Limits
from stockade_frontend.pending import Pending
from stockade_frontend.session import Statistics

__all__ = ["Connection", "Options"]


class Connection:
    """The connection of this worker to its core. It belongs to the event loop that made it.

    Every method raises `WrongThread` in another thread or process, and `Closed` after `close()`. When the core or the
    supervisor ends the conversation, a subclass of `Ended` (a SystemExit) leaves the loop itself: `asyncio.run` then
    cancels what runs, so that ``finally`` blocks are executed, and the process ends.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._session = endpoint.session
        #: This worker's label, and which start of it this is, from 1.
        self.label, self.generation = endpoint.session.label, endpoint.session.generation
        self._loop = asyncio.get_running_loop()
        self._outbox = endpoint.session.outbox
        self._commands = endpoint.link.commands
        self._flushing = False
        self._reading_events = False
        self._handling = False
        #: Emits for which there was no room, in their order.
        self._emits: deque[tuple[tuple[bytes, bytes], asyncio.Future[None]]] = deque()
        #: Whoever waits for an event or for `stop`, and for the core's subscription.
        self._idle: asyncio.Future[None] | None = None
        self._subscribed: asyncio.Future[None] = self._loop.create_future()
        self._readers = [
            (descriptor(endpoint.link.commands), self._on_commands),
            (descriptor(endpoint.link.events), self._on_events),
            (descriptor(endpoint.link.emits), self._on_emits),
            (endpoint.link.lifeline, endpoint.link.look_at_lifeline),
        ]
        for number, react in self._readers:
            self._loop.add_reader(number, self._guard, react)
        for _, react in self._readers[:3]:  # what has come before the readers were there gives no edge
            self._loop.call_soon(self._guard, react)

    async def connected(self) -> None:
        """Return when the core has welcomed this worker and takes its emits; `aio.connect` awaits it."""
        try:
            await self._answer(self._endpoint.greeted)
            await self._subscribed
        except BaseException:
            self._give_way()
            raise

    # -- who and what -------------------------------------------------------------------------------------------------

    @property
    def grants(self) -> Grants:
        """What this worker may call, listen to and emit."""
        return self._session.grants

    @property
    def limits(self) -> Limits:
        """What the core takes: ``message`` (bytes), ``batch``, ``calls`` (in flight), ``topics``, ``depth``."""
        return self._session.limits

    @property
    def missed(self) -> int:
        """Events meant for this worker that no handler will see: the core had to drop them, or `queue` was full."""
        return self._session.inbox.missed

    @property
    def stopping(self) -> bool:
        """Whether this worker is asked to finish."""
        return self._session.stopping

    def statistics(self) -> Statistics:
        """The counts of this connection until now."""
        return self._session.statistics()

    @property
    def is_inherited(self) -> bool:
        """Whether this is a child that has its parent's connection by fork, and cannot use it."""
        return self._endpoint.is_inherited

    # -- calls --------------------------------------------------------------------------------------------------------

    async def invoke(self, command: str, /, **arguments: Any) -> Any:
        """Run a command in the core and return its value. What one turn of the loop asks goes out as one batch.

        Raises as the blocking `invoke` does. If the awaiting task is cancelled the command is not: its late answer is
        counted and ignored.
        """
        self._endpoint.check()
        pending = self._session.call(command, arguments)
        return await self._answer(pending)

    def options(self, *, timeout: float | None = None) -> Options:
        """How to call: ``await core.options(timeout=2).invoke(...)`` raises DeadlineExceeded after so many seconds."""
        return Options(self, timeout)

    async def ping(self) -> float:
        """Ask whether the core is there. Returns the seconds that the answer took."""
        self._endpoint.check()
        began = time.perf_counter()
        await self._answer(self._session.ping())
        return time.perf_counter() - began

    async def _answer(self, pending: Pending) -> Any:
        waiter = pending.waiter = self._loop.create_future()
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._guard, self._flush)
        elif len(self._outbox) >= EAGER:
            self._endpoint.flush()
        try:
            return await waiter
        finally:
            if not pending.done:
                self._session.give_up(pending)

    # -- events -------------------------------------------------------------------------------------------------------

    async def listen(self, name: str, handler: Handler) -> Subscription:
        """Call `handler(event)`, a function or coroutine function, for each event of this name, or, if it ends in a
        slash, of a name that begins so. Handlers run inside `run` and `poll`, one after the other, in order.

        Returns when the core has answered: from then on nothing is missed uncounted. Raises NotAllowed or Busy, and
        ValueError for what is no event's name.
        """
        return await self._listen(name, handler, once=False)

    async def once(self, name: str, handler: Handler) -> Subscription:
        """`listen`, for one event."""
        return await self._listen(name, handler, once=True)

    async def _listen(self, name: str, handler: Handler, *, once: bool) -> Subscription:
        self._endpoint.check()
        subscription = Subscription(name, handler, once, self.unlisten)
        pending = self._endpoint.listen(subscription)
        self._guard(self._on_events)  # subscribing may have consumed the edge
        try:
            if pending is not None:
                if pending.waiter is None:
                    pending.waiter = self._loop.create_future()
                await asyncio.shield(pending.waiter)  # others may wait for the same answer
        except BaseException:
            if self._endpoint.over is None:
                self._endpoint.unlisten(subscription)
            raise
        return subscription

    def unlisten(self, subscription: Subscription) -> None:
        """Call its handler no more. Doing so again does nothing."""
        self._endpoint.check()
        self._endpoint.unlisten(subscription)
        self._guard(self._on_events)

    async def emit(self, name: str, payload: Any = None, /, *, to: str | None = None) -> None:
        """Emit an event, to all who listen or to the worker `to` alone. Waits only if the core does not read.

        Raises NotAllowed, TooLarge, EncodeError, and ValueError for what is no event's name. It has no answer: who
        needs to know invokes a command. If the awaiting task is cancelled while it waits, nothing is emitted.
        """
        self._endpoint.check()
        prepared = self._session.prepare_emit(name, payload, to)
        if self._emits or not self._endpoint.emit(prepared):
            room = self._loop.create_future()
            self._emits.append((prepared, room))
            await room
        else:
            self._guard(self._on_emits)  # sending may have consumed the edge
            if self._session.emitted % TURN == 0:
                await asyncio.sleep(0)  # who emits without a pause would never let the loop turn

    # -- living -------------------------------------------------------------------------------------------------------

    def ready(self) -> None:
        """Say that this worker has set up what it needs. Once; `run` does it if it has not been done."""
        self._endpoint.check()
        self._session.ready()
        self._guard(self._on_commands)

    async def run(self) -> None:
        """Handle events until the core asks this worker to stop; events that still wait then are not handled.

        What a handler raises comes out of here. Other tasks go on meanwhile; to handle events beside other work, make
        this one a task.
        """
        self._check_not_handling()
        self.ready()
        while not self._session.stopping:
            await self._handle_some(TURN)
            if self._session.inbox:
                await asyncio.sleep(0)  # plain handlers alone would never let the loop turn
            elif not self._session.stopping:
                await self._something(None)

    async def poll(self, timeout: float | None = 0.0) -> int:
        """Handle the events that are there, and return their count; wait up to `timeout` seconds (None: for ever) for
        the first. Returns early, maybe with 0, when the core asks this worker to stop: see `stopping`.
        """
        self._check_not_handling()
        session = self._session
        self._guard(self._on_events)
        if not session.inbox and not session.stopping:
            await self._something(timeout)
        return await self._handle_some(len(session.inbox))

    def _check_not_handling(self) -> None:
        self._endpoint.check()
        if self._handling or self._idle is not None:
            raise RuntimeError("run() or poll() is at work already: events are handled one after the other")

    async def _handle_some(self, most: int) -> int:
        """Handle up to so many events; how many there were."""
        self._handling = True
        count = 0
        try:
            while count < most and not self._session.stopping and (event := self._session.inbox.take()) is not None:
                count += 1
                for handler in self._endpoint.handlers(event):
                    handled = handler(event)
                    if isawaitable(handled):
                        await handled
        finally:
            self._handling = False
        return count

    async def _something(self, timeout: float | None) -> None:
        """Wait for an event or for `stop`, so many seconds at most."""
        self._idle = self._loop.create_future()
        timer = None if timeout is None else self._loop.call_later(timeout, _settle, self._idle)
        try:
            await self._idle
        finally:
            self._idle = None
            if timer is not None:
                timer.cancel()

    async def close(self) -> None:
        """Take leave, as the blocking `close` does: two seconds at most. The end of ``async with`` does it."""
        endpoint = self._endpoint
        if endpoint.over is not None and not endpoint.is_inherited:
            return
        endpoint.check()
        self._close_those_who_wait()
        bye = self._session.bye()
        expiry = self._loop.call_later(LEAVE, self._expire, bye)
        try:
            await self._answer(bye)
        except DeadlineExceeded:
            pass  # `left` says so
        finally:
            expiry.cancel()
            self._give_way()
            endpoint.left()
            self._close_those_who_wait()

    def _close_those_who_wait(self) -> None:
        """Other tasks must not wait for what will not come: neither room, nor events, nor, at last, answers."""
        waiters: list[asyncio.Future[Any] | None] = [room for _, room in self._emits]
        waiters.append(self._idle)
        if self._endpoint.over is not None:
            waiters += [pending.waiter for pending in self._session.unanswered()]
        self._emits.clear()
        for waiter in waiters:
            if waiter is not None and not waiter.done():
                waiter.set_exception(Closed("the connection has been closed"))

    # -- reacting -----------------------------------------------------------------------------------------------------

    def _guard(self, react: Callable[[], None]) -> None:
        """Run one of the reactions below; what ends the conversation goes on, out of the loop."""
        if self._endpoint.over is not None:
            return
        try:
            react()
        except ConnectionLost as loss:
            # What the core said before it closed is the better reason, and may still be on its way.
            self._loop.call_later(LAST_WORDS, self._lost, loss)
        except Ended as end:
            self._end(end)

    def _lost(self, loss: ConnectionLost) -> None:
        if self._endpoint.over is None and self._session.state is not State.LEFT:
            self._end(loss)

    def _end(self, end: Ended) -> None:
        self._give_way()
        self._endpoint.finish(end)
        raise end

    def _give_way(self) -> None:
        for number, _ in self._readers:
            self._loop.remove_reader(number)
        self._readers.clear()

    def _flush(self) -> None:
        self._flushing = False
        self._on_commands()

    def _on_commands(self) -> None:
        """Read what has come and send what has gathered, until there is neither, or for one turn."""
        endpoint = self._endpoint
        for _ in range(TURN):
            if readable(self._commands):
                for pending in endpoint.receive():
                    waiter = pending.waiter
                    if waiter is not None and not waiter.done():
                        if pending.error is None:
                            waiter.set_result(pending.value)
                        else:
                            waiter.set_exception(pending.error)
            elif not self._outbox or not endpoint.flush():
                break  # nothing to send, or no room: that there is room again is an edge too
        else:
            self._loop.call_soon(self._guard, self._on_commands)
        if self._session.stopping:
            _settle(self._idle)

    def _on_events(self) -> None:
        if self._endpoint.receive_events() and not self._reading_events:
            self._reading_events = True
            self._loop.call_soon(self._guard, self._read_on)
        if self._session.inbox:
            _settle(self._idle)

    def _read_on(self) -> None:
        self._reading_events = False
        self._on_events()

    def _on_emits(self) -> None:
        self._endpoint.receive_emits()
        if self._endpoint.takes_emits:
            _settle(self._subscribed)
        while self._emits:
            prepared, room = self._emits[0]
            if not room.done() and not self._endpoint.emit(prepared):
                break
            self._emits.popleft()
            _settle(room)

    def _expire(self, pending: Pending) -> None:
        """The time for this answer is over."""
        waiter = pending.waiter
        if waiter is not None and not waiter.done():
            self._session.give_up(pending)
            error = DeadlineExceeded("no answer in the time that this worker gave (it may still be carried out)")
            waiter.set_exception(error)


class Options:
    """A connection with options for the calls made through it."""

    __slots__ = ("_connection", "_timeout")

    def __init__(self, connection: Connection, timeout: float | None) -> None:
        self._connection = connection
        self._timeout = timeout

    async def invoke(self, command: str, /, **arguments: Any) -> Any:
        """`Connection.invoke` with these options."""
        connection = self._connection
        if self._timeout is None:
            return await connection.invoke(command, **arguments)
        connection._endpoint.check()
        pending = connection._session.call(command, arguments)
        expiry = connection._loop.call_later(self._timeout, connection._expire, pending)
        try:
            return await connection._answer(pending)
        finally:
            expiry.cancel()


def _settle(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
