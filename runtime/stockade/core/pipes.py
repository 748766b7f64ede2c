"""The core's end of the control pipes, on its loop. Knows no message's meaning: what comes is handed on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import attrs

from stockade import control

__all__ = ["ControlPipes", "read_first", "read_rest"]

_CHUNK = 64 * 1024


def read_first(descriptor: int) -> tuple[control.Configure, control.Decoder, list[control.Message]]:
    """Wait for the first line, which says what to run; with the decoder and what came behind it.

    Raises ControlError for anything else, and EOFError if the supervisor has gone.
    """
    decoder = control.Decoder()
    while True:
        data = os.read(descriptor, _CHUNK)
        if not data:
            raise EOFError("the supervisor has gone")
        messages = decoder.feed(data)
        if messages:
            first, *rest = messages
            if not isinstance(first, control.Configure):
                raise control.ControlError(f"the first line is a {type(first).__name__}, not a Configure")
            return first, decoder, rest


def read_rest(descriptor: int, decoder: control.Decoder) -> list[control.Message]:
    """All that stands in the pipe when its other end is closed; raises ControlError for what is no message."""
    messages: list[control.Message] = []
    while data := os.read(descriptor, _CHUNK):
        messages += decoder.feed(data)
    return messages


@attrs.define(eq=False)
class ControlPipes:
    """Reads from the supervisor and writes to it, never blocking. `ended` is called once, when it has gone."""

    _loop: asyncio.AbstractEventLoop
    _incoming: int
    _outgoing: int
    _decoder: control.Decoder
    _receive: Callable[[control.Message], None]
    _ended: Callable[[], None]
    _waiting: bytearray = attrs.field(factory=bytearray)

    def open(self) -> None:
        """Begin to read."""
        os.set_blocking(self._incoming, False)
        os.set_blocking(self._outgoing, False)
        self._loop.add_reader(self._incoming, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._incoming, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._loop.remove_reader(self._incoming)
            self._ended()
            return
        for message in self._decoder.feed(data):
            self._receive(message)

    def send(self, message: control.Message) -> None:
        """Write a message, now or as soon as the pipe takes it: there are few, a handful for each generation."""
        self._waiting += control.encode(message)
        self._write()

    def _write(self) -> None:
        try:
            del self._waiting[: os.write(self._outgoing, self._waiting)]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._waiting.clear()  # the supervisor has gone; the other pipe's end says so too
        if self._waiting:
            self._loop.add_writer(self._outgoing, self._write)
        else:
            self._loop.remove_writer(self._outgoing)
