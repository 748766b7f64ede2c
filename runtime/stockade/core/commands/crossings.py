"""Items that cross between a command's thread and the loop, in both directions, some at a time. Knows no item."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Any

import attrs

from stockade.core.commands.ports import Incoming, Outgoing
from stockade.errors import CommandError, Dropped, again

__all__ = ["Arrivals", "Departures"]

#: Items that may be on their way from a thread to the loop, and about their bytes.
_ITEMS, _BYTES = 64, 4 * 1024 * 1024


def _size(value: Any) -> int:
    return len(value) if type(value) in (bytes, str, memoryview) else 0


@attrs.define(eq=False)
class Departures:
    """From a thread to a port. `put` and `end` are for threads, and wait; all else for the loop's thread."""

    _loop: asyncio.AbstractEventLoop
    _port: Outgoing
    _changed: threading.Condition = attrs.field(factory=threading.Condition, init=False)
    _items: deque[Any] = attrs.field(factory=deque, init=False)
    _bytes: int = attrs.field(default=0, init=False)
    _passing: bool = attrs.field(default=False, init=False)  # the loop will look at the items, or waits for room
    _error: CommandError | None = attrs.field(default=None, init=False)
    _ended: bool = attrs.field(default=False, init=False)  # from here: the port learns it later

    def put(self, value: Any) -> None:
        """Send an item after all before it; raises CommandError where one of those could not be sent."""
        _check_thread(self._loop)
        if self._ended:
            raise Dropped("the channel was ended")
        with self._changed:
            self._changed.wait_for(lambda: self._error or (len(self._items) < _ITEMS and self._bytes < _BYTES))
            self._raise()
            self._items.append(value)
            self._bytes += _size(value)
            if not self._passing:
                self._passing = True
                self._loop.call_soon_threadsafe(self._pass_on)

    def flush(self) -> None:
        """Wait until everything was sent, or cannot be."""
        _check_thread(self._loop)
        with self._changed:
            self._changed.wait_for(lambda: self._error or not self._items)

    def end(self, error: CommandError | None = None) -> None:
        """End the port once everything was sent; raises CommandError where something could not be. A second time,
        nothing happens.
        """
        self.flush()
        if self._ended:
            return
        self._raise()
        self._ended = True
        self._loop.call_soon_threadsafe(self._port.end, error)

    def _raise(self) -> None:
        if self._error is not None:
            raise again(self._error)

    def _pass_on(self) -> None:
        with self._changed:
            try:
                while self._items:
                    if not self._port.offer(self._items[0]):
                        self._port.when_room(self._pass_on)
                        break
                    self._bytes -= _size(self._items.popleft())
                else:
                    self._passing = False
            except CommandError as error:
                self._error = error
                self._items.clear()
            self._changed.notify_all()


@attrs.define(eq=False)
class Arrivals:
    """From a port to a thread. `take` is for threads, and waits; all else for the loop's thread."""

    _loop: asyncio.AbstractEventLoop
    _port: Incoming
    _changed: threading.Condition = attrs.field(factory=threading.Condition, init=False)
    _items: deque[Any] = attrs.field(factory=deque, init=False)
    _ended: bool = attrs.field(default=False, init=False)

    def take(self) -> Any:
        """The next item; raises StopIteration at the end, and the CommandError that it has ended with."""
        _check_thread(self._loop)
        with self._changed:
            if not self._items and not self._ended:
                self._loop.call_soon_threadsafe(self._fetch)
                self._changed.wait_for(lambda: self._items or self._ended)
            if self._items:
                return self._items.popleft()
        if self._port.error is not None:
            raise again(self._port.error)
        raise StopIteration

    def _fetch(self) -> None:
        port = self._port
        if not len(port) and not port.ended:
            port.when_item(self._fetch)
            return
        with self._changed:
            while len(port):
                self._items.append(port.take())
            self._ended = port.ended
            self._changed.notify_all()


def _check_thread(loop: asyncio.AbstractEventLoop) -> None:
    """Waiting in the loop's own thread would be for ever."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if running is loop:
        raise RuntimeError("a blocking form was used on the core's loop: await the other one")
