"""Channels of the blocking face: the ends that a program sends on, receives from, and streams files through."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from stockade_frontend.channels import Receiver, Sender
from stockade_frontend.endpoint import EAGER
from stockade_frontend.errors import Cancelled, CommandError, Failed
from stockade_frontend.files import File, Progress, opened, piece_of, piece_size

if TYPE_CHECKING:
    from stockade_frontend.blocking_turns import Turns
    from stockade_frontend.pending import Pending

__all__ = ["ReceiveChannel", "SendChannel", "failure_of"]


class SendChannel:
    """An end to send on. Pass it to one call, as an argument; then `send`, and `end` it.

    As a context manager it ends itself, with an error if the block raised one. Forgotten, it ends too: with an error,
    but where it is the argument of a handler that has returned.
    """

    def __init__(self, turns: Turns, sender: Sender | None = None) -> None:
        self._turns = turns
        self._channels = turns.endpoint.session.channels
        self.end_of_channel = sender or Sender()

    def send(self, item: Any) -> None:
        """Send one item. Waits while the receiver takes no more. Bytes from 16 KiB on go without being encoded.

        Raises Dropped if the receiver wants no more, the error of the call if it failed, TooLarge and EncodeError.
        """
        self._wait_for_credit()
        self._channels.send(self.end_of_channel, item)
        self._turns.soon()

    def send_all(self, items: Iterable[Any]) -> None:
        """Send each item of these; many of them share a message, which is three times as fast as one by one."""
        outbox = self._turns.endpoint.session.outbox
        try:
            for item in items:
                self._wait_for_credit()
                self._channels.send(self.end_of_channel, item)
                if len(outbox) >= EAGER:
                    self._turns.soon()
        finally:
            if self._turns.endpoint.over is None:
                self._turns.soon()

    def _wait_for_credit(self) -> None:
        self._turns.endpoint.check()
        sender = self.end_of_channel
        if not sender.bound:
            raise RuntimeError("nobody receives on this channel yet: pass it to a call")
        if not sender.moves:
            self._turns.until(lambda: sender.moves)

    def send_file(self, file: File, progress: Progress | None = None) -> int:
        """Send what a file has, from where it stands, in pieces of bytes, then end; returns how many bytes.

        `progress` is called with the bytes so far. What reading raises comes out, and ends the channel with an error.
        """
        sent, size = 0, piece_size(self._turns.endpoint.session.limits.message)
        with self, opened(file, "rb") as source:
            while piece := source.read(size):
                self.send(piece)
                sent += len(piece)
                if progress is not None:
                    progress(sent)
        return sent

    def end(self) -> None:
        """Nothing more will be sent. Doing so again does nothing."""
        self._finish(None)

    def fail(self, error: CommandError) -> None:
        """Nothing more will be sent, and that is not all there should have been: the receiver gets this error."""
        self._finish(error)

    def _finish(self, error: CommandError | None) -> None:
        self._turns.endpoint.check()
        self._channels.finish(self.end_of_channel, error)
        self._turns.soon()

    def __del__(self) -> None:
        if not self.end_of_channel.over and self._turns.endpoint.is_usable:
            self._channels.forsake(self.end_of_channel)

    def __enter__(self) -> SendChannel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turns.endpoint.over is None:
            self._finish(None if error is None else failure_of(error))


class ReceiveChannel:
    """An end to receive from: ``for item in channel``. Pass it to one call, as an argument.

    The loop ends when the sender has ended; it raises the error that the sender or the call ended with. As a context
    manager it drops what is left, and so it does when nothing refers to it any more. What `stream` returns is one too,
    and its call is its own.
    """

    def __init__(self, turns: Turns, receiver: Receiver) -> None:
        self._turns = turns
        self._channels = turns.endpoint.session.channels
        self._call: Pending | None = None
        self.end_of_channel = receiver

    def of(self, call: Pending) -> ReceiveChannel:
        """This one, as the stream of a call."""
        self._call = call
        return self

    def __iter__(self) -> ReceiveChannel:
        return self

    def __next__(self) -> Any:
        turns, receiver = self._turns, self.end_of_channel
        if not receiver.items:
            self._wait_for_item()
            if not receiver.items:
                if receiver.error is not None:
                    raise receiver.error
                raise StopIteration
        item = self._channels.take(receiver)
        if turns.endpoint.over is None and turns.endpoint.session.outbox:
            turns.soon()  # a grant: the sender should not have to wait until all that is here has been taken
        return item

    def _wait_for_item(self) -> None:
        receiver = self.end_of_channel
        if not receiver.over:
            self._turns.endpoint.check()
            if not receiver.bound:
                raise RuntimeError("nobody sends on this channel yet: pass it to a call")
            self._turns.until(lambda: receiver.moves)

    def receive_file(self, file: File, progress: Progress | None = None) -> int:
        """Write all that comes, which must be pieces of bytes, to a file; returns how many. A path is written anew."""
        received = 0
        with opened(file, "wb") as sink:
            for item in self:
                received += sink.write(piece_of(item))
                if progress is not None:
                    progress(received)
        return received

    def drop(self) -> None:
        """Nothing more is wanted: the sender is told, and what has come is forgotten. Doing so again does nothing."""
        receiver = self.end_of_channel
        receiver.items.clear()
        if not receiver.over:
            self._turns.endpoint.check()
            self._drop()
            self._turns.soon()

    def _drop(self) -> None:
        if self._call is not None and not self.end_of_channel.id:  # the call has not gone yet, and need not
            self._turns.endpoint.session.cancel(self._call, Cancelled("its stream is not wanted"))
        self._channels.finish(self.end_of_channel)

    def __del__(self) -> None:
        # One that a loop has left by `break`, or an exception: its sender would wait for credit for ever.
        if not self.end_of_channel.over and self._turns.endpoint.is_usable:
            self._drop()

    def __enter__(self) -> ReceiveChannel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._turns.endpoint.over is None:
            self.drop()


def failure_of(error: BaseException) -> CommandError:
    """What the other side learns of an exception: an answer as it is, of everything else only that there was one."""
    if isinstance(error, CommandError):
        return error
    return Failed("the sender could not send everything")
