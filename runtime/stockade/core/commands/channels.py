"""Channels, as commands have them: what a parameter annotated `Channel`, `SendChannel` or `ReceiveChannel` gets.

Knows no wire: items go through a port (`ports`), in values of the wire. A coroutine awaits, a thread uses the blocking
forms, which reach the loop through `crossings`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

import attrs

from stockade.core.commands import files
from stockade.core.commands.crossings import Arrivals, Departures
from stockade.core.commands.files import File, Progress
from stockade.core.commands.ports import Incoming, Outgoing
from stockade.core.types.encoding import encode, encode_payload
from stockade.errors import CommandError, again

__all__ = ["Channel", "ReceiveChannel", "SendChannel"]

_Item = TypeVar("_Item")
#: Items that a task may send without a pause: credit enough must not let it hold the loop.
_UNBROKEN = 64


@attrs.define(eq=False)
class SendChannel(Generic[_Item]):
    """Sends items to the caller, which grants credit for each: a producer waits, so that memory stays bounded.

    It may be kept, and goes on after the call was answered with a result; an error answer ends it. When nothing keeps
    it any more, it ends. Every method raises CommandError, saying why nothing more can be sent: `Dropped` where the
    caller dropped it or it was ended here, `unavailable` where the caller's process has ended. An item that cannot
    cross the wire raises ValueError, and one over the limit of a message CommandError (`too_large`).
    """

    _port: Outgoing
    _unbroken: int = attrs.field(default=0, init=False)
    _departures: Departures | None = attrs.field(default=None, init=False)

    async def send(self, item: _Item) -> None:
        """Send an item as soon as the caller has granted credit for it."""
        await self._pass(encode_payload(item))

    async def end(self) -> None:
        """Say that this was all; a second time, nothing happens."""
        self._port.end()

    async def fail(self, error: CommandError) -> None:
        """Say that this is all there will be, and why."""
        self._port.end(_encoded(error))

    async def send_file(self, file: File, progress: Progress | None = None) -> int:
        """Send what a file has, from where it stands, in pieces of bytes, then end; returns how many bytes."""
        sent = await files.send(file, self._port.largest, self._pass, progress)
        self._port.end()
        return sent

    def send_blocking(self, item: _Item) -> None:
        """`send`, from a thread: up to a window of items may be on their way to the loop when it returns."""
        self._crossing.put(encode_payload(item))

    def end_blocking(self) -> None:
        """`end`, from a thread, once everything has been sent."""
        self._crossing.end()

    def fail_blocking(self, error: CommandError) -> None:
        """`fail`, from a thread, once everything has been sent."""
        self._crossing.end(_encoded(error))

    def send_file_blocking(self, file: File, progress: Progress | None = None) -> int:
        """`send_file`, from a thread."""
        sent = files.send_blocking(file, self._port.largest, self._crossing.put, progress)
        self._crossing.end()
        return sent

    async def _pass(self, value: Any) -> None:
        port = self._port
        while not port.offer(value):
            self._unbroken = 0
            await _told(port, port.when_room)
        self._unbroken += 1
        if self._unbroken >= _UNBROKEN:
            self._unbroken = 0
            await asyncio.sleep(0)

    @property
    def _crossing(self) -> Departures:
        if self._departures is None:
            self._departures = Departures(self._port.loop, self._port)
        return self._departures

    @property
    def port(self) -> Outgoing:
        """What it sends through."""
        return self._port

    def flush_blocking(self) -> None:
        """Wait, in a thread, until everything has been sent, or cannot be."""
        if self._departures is not None:
            self._departures.flush()

    def __del__(self) -> None:
        if self._port.closed is None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: there is nobody to tell
                self._port.loop.call_soon_threadsafe(self._port.end)


@attrs.define(eq=False)
class ReceiveChannel(Generic[_Item]):
    """Receives items from the caller: ``async for item in channel``, or in a thread ``for item in channel``.

    Credit is granted as items are taken: a handler that is slow makes the caller wait. It may be kept, and goes on
    after the call was answered with a result; an error answer ends it. When nothing keeps it any more, it is dropped.
    Iterating raises CommandError where the caller ended it with an error, or its process has ended (`unavailable`), or
    an item does not fit its type (`invalid_args`).
    """

    _port: Incoming
    _bind: Callable[[Any], _Item]
    _arrivals: Arrivals | None = attrs.field(default=None, init=False)

    def __aiter__(self) -> ReceiveChannel[_Item]:
        return self

    async def __anext__(self) -> _Item:
        port = self._port
        while not len(port):
            if port.ended:
                if port.error is None:
                    raise StopAsyncIteration
                raise again(port.error)
            await _told(port, port.when_item)
        return self._bind(port.take())

    async def drop(self) -> None:
        """Say that nothing more is wanted; a second time, nothing happens."""
        self._port.drop()

    async def receive_file(self, file: File, progress: Progress | None = None) -> int:
        """Write all that comes to a file, which must be pieces of bytes; returns how many. A path is written anew."""
        return await files.receive(file, self, progress)

    def __iter__(self) -> ReceiveChannel[_Item]:
        return self

    def __next__(self) -> _Item:
        if self._arrivals is None:
            self._arrivals = Arrivals(self._port.loop, self._port)
        return self._bind(self._arrivals.take())

    def drop_blocking(self) -> None:
        """`drop`, from a thread."""
        self._port.loop.call_soon_threadsafe(self._port.drop)

    def receive_file_blocking(self, file: File, progress: Progress | None = None) -> int:
        """`receive_file`, from a thread."""
        return files.receive_blocking(file, self, progress)

    def __del__(self) -> None:
        if not self._port.ended or len(self._port):
            with contextlib.suppress(RuntimeError):  # the loop is closed: there is nobody to tell
                self._port.loop.call_soon_threadsafe(self._port.drop)


async def _told(port: Incoming | Outgoing, when: Callable[[Callable[[], None]], None]) -> None:
    """Wait until what `when` is given is called."""
    told = port.loop.create_future()
    tell = partial(_tell, told)
    when(tell)
    try:
        await told
    except asyncio.CancelledError:
        port.forget(tell)  # a handler that waits with a time limit again and again would leave one behind each time
        raise


def _tell(told: asyncio.Future[None]) -> None:
    if not told.done():
        told.set_result(None)


def _encoded(error: CommandError) -> CommandError:
    return CommandError(error.code, error.message, encode(error.data))


@attrs.define(eq=False)
class Channel(Generic[_Item]):
    """A channel in whichever direction the caller has offered it: `sends` says which.

    The methods of the other direction raise TypeError. See SendChannel and ReceiveChannel.
    """

    _sender: SendChannel[_Item] | None
    _receiver: ReceiveChannel[_Item] | None

    @property
    def sends(self) -> bool:
        """Whether the command sends on it, rather than receives."""
        return self._sender is not None

    @property
    def _out(self) -> SendChannel[_Item]:
        if self._sender is None:
            raise TypeError("the caller sends on this channel, the command receives")
        return self._sender

    @property
    def _in(self) -> ReceiveChannel[_Item]:
        if self._receiver is None:
            raise TypeError("the caller receives on this channel, the command sends")
        return self._receiver

    async def send(self, item: _Item) -> None:
        """See SendChannel."""
        await self._out.send(item)

    async def end(self) -> None:
        """See SendChannel."""
        await self._out.end()

    async def fail(self, error: CommandError) -> None:
        """See SendChannel."""
        await self._out.fail(error)

    async def send_file(self, file: File, progress: Progress | None = None) -> int:
        """See SendChannel."""
        return await self._out.send_file(file, progress)

    def send_blocking(self, item: _Item) -> None:
        """See SendChannel."""
        self._out.send_blocking(item)

    def end_blocking(self) -> None:
        """See SendChannel."""
        self._out.end_blocking()

    def fail_blocking(self, error: CommandError) -> None:
        """See SendChannel."""
        self._out.fail_blocking(error)

    def send_file_blocking(self, file: File, progress: Progress | None = None) -> int:
        """See SendChannel."""
        return self._out.send_file_blocking(file, progress)

    def __aiter__(self) -> ReceiveChannel[_Item]:
        return self._in

    def __iter__(self) -> ReceiveChannel[_Item]:
        return self._in

    async def drop(self) -> None:
        """See ReceiveChannel."""
        await self._in.drop()

    async def receive_file(self, file: File, progress: Progress | None = None) -> int:
        """See ReceiveChannel."""
        return await self._in.receive_file(file, progress)

    def drop_blocking(self) -> None:
        """See ReceiveChannel."""
        self._in.drop_blocking()

    def receive_file_blocking(self, file: File, progress: Progress | None = None) -> int:
        """See ReceiveChannel."""
        return self._in.receive_file_blocking(file, progress)
