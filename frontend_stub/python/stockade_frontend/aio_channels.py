"""Channels of the asyncio face: the ends that a program sends on, receives from, and streams files through."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from stockade_frontend.aio_reactions import Reactions
from stockade_frontend.blocking_channels import failure_of
from stockade_frontend.channels import Receiver, Sender
from stockade_frontend.errors import Cancelled, CommandError
from stockade_frontend.files import File, Progress, opened, piece_of, piece_size
from stockade_frontend.pending import Pending

__all__ = ["ReceiveChannel", "SendChannel"]

#: Items that a task may send, or take, without a pause: credit enough must not let it hold the loop.
_UNBROKEN = 64


class SendChannel:
    """An end to send on, as that of the blocking face: pass it to one call, then `send`, and `end` it."""

    def __init__(self, reactions: Reactions, sender: Sender | None = None) -> None:
        self._reactions = reactions
        self._session = reactions.endpoint.session
        self._unbroken = 0
        self.end_of_channel = sender or Sender()

    async def send(self, item: Any) -> None:
        """Send one item. Waits while the receiver takes no more. What one turn of the loop sends shares a message.

        Raises Dropped if the receiver wants no more, the error of the call if it failed, TooLarge and EncodeError.
        """
        self._reactions.endpoint.check()
        sender = self.end_of_channel
        if not sender.bound:
            raise RuntimeError("nobody receives on this channel yet: pass it to a call")
        while not sender.moves:
            self._unbroken = 0
            await self._reactions.change(sender)
        self._session.channels.send(sender, item)
        self._reactions.soon()
        self._unbroken += 1
        if self._unbroken >= _UNBROKEN:
            self._unbroken = 0
            await asyncio.sleep(0)

    async def send_all(self, items: Iterable[Any]) -> None:
        """Send each item of these."""
        for item in items:
            await self.send(item)

    async def send_file(self, file: File, progress: Progress | None = None) -> int:
        """Send what a file has, from where it stands, in pieces of bytes, then end; returns how many bytes.

        `progress` is called with the bytes so far. What reading raises comes out, and ends the channel with an error.
        """
        sent, size = 0, piece_size(self._session.limits.message)
        async with self:
            with await asyncio.to_thread(opened, file, "rb") as source:
                while piece := await asyncio.to_thread(source.read, size):
                    await self.send(piece)
                    sent += len(piece)
                    if progress is not None:
                        progress(sent)
        return sent

    async def end(self) -> None:
        """Nothing more will be sent. Doing so again does nothing."""
        self._finish(None)

    async def fail(self, error: CommandError) -> None:
        """Nothing more will be sent, and that is not all there should have been: the receiver gets this error."""
        self._finish(error)

    def _finish(self, error: CommandError | None) -> None:
        self._reactions.endpoint.check()
        self._session.channels.finish(self.end_of_channel, error)
        self._reactions.soon()

    def __del__(self) -> None:
        if not self.end_of_channel.over and self._reactions.endpoint.is_usable:
            self._session.channels.forsake(self.end_of_channel)
            self._reactions.soon()

    async def __aenter__(self) -> SendChannel:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reactions.endpoint.over is None:
            self._finish(None if error is None else failure_of(error))


class ReceiveChannel:
    """An end to receive from: ``async for item in channel``, as that of the blocking face."""

    def __init__(self, reactions: Reactions, receiver: Receiver) -> None:
        self._reactions = reactions
        self._session = reactions.endpoint.session
        self._call: Pending | None = None
        self._unbroken = 0
        self.end_of_channel = receiver

    def of(self, call: Pending) -> ReceiveChannel:
        """This one, as the stream of a call."""
        self._call = call
        return self

    def __aiter__(self) -> ReceiveChannel:
        return self

    async def __anext__(self) -> Any:
        receiver = self.end_of_channel
        while not receiver.items:
            self._unbroken = 0
            if receiver.over:
                if receiver.error is not None:
                    raise receiver.error
                raise StopAsyncIteration
            self._reactions.endpoint.check()
            if not receiver.bound:
                raise RuntimeError("nobody sends on this channel yet: pass it to a call")
            await self._reactions.change(receiver)
        self._unbroken += 1
        if self._unbroken >= _UNBROKEN:
            self._unbroken = 0
            await asyncio.sleep(0)
        item = self._session.channels.take(receiver)
        if self._session.outbox:
            self._reactions.soon()
        return item

    async def receive_file(self, file: File, progress: Progress | None = None) -> int:
        """Write all that comes, which must be pieces of bytes, to a file; returns how many. A path is written anew."""
        received = 0
        with await asyncio.to_thread(opened, file, "wb") as sink:
            async for item in self:
                received += await asyncio.to_thread(sink.write, piece_of(item))
                if progress is not None:
                    progress(received)
        return received

    async def drop(self) -> None:
        """Nothing more is wanted: the sender is told, and what has come is forgotten. Doing so again does nothing."""
        receiver = self.end_of_channel
        receiver.items.clear()
        if not receiver.over:
            self._reactions.endpoint.check()
            self._drop()

    def _drop(self) -> None:
        if self._call is not None and not self.end_of_channel.id:  # the call has not gone yet, and need not
            self._session.cancel(self._call, Cancelled("its stream is not wanted"))
        self._session.channels.finish(self.end_of_channel)
        self._reactions.soon()

    def __del__(self) -> None:
        # One that a loop has left by `break`, or an exception: its sender would wait for credit for ever.
        if not self.end_of_channel.over and self._reactions.endpoint.is_usable:
            self._drop()

    async def __aenter__(self) -> ReceiveChannel:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reactions.endpoint.over is None:
            await self.drop()
