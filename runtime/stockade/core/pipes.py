"""The core's end of the control pipes: what comes is handed on. Knows whose processes live, and no other meaning."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from stockade import control

__all__ = ["ControlPipes", "Incoming"]

_log = logging.getLogger("stockade.core")
_CHUNK = 64 * 1024


@attrs.define(eq=False)
class Incoming:
    """What the supervisor says: read on the loop, until whoever finds that it has gone takes over, once.

    Remembers the pid of each generation whose end it has not heard of. That is noted before anything else is done with
    a message, so that a thread which takes over misses none, whatever the loop hangs in.
    """

    descriptor: int
    _decoder: control.Decoder = attrs.field(factory=control.Decoder, init=False)
    _living: dict[tuple[str, int], int] = attrs.field(factory=dict, init=False)
    _reading: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def first(self) -> tuple[control.Configure, list[control.Message]]:
        """Wait for the first line, which says what to run; with the messages that came behind it.

        Raises ControlError for anything else, and EOFError if the supervisor has gone.
        """
        while True:
            messages = self.read()
            if messages:
                first, *rest = messages
                if not isinstance(first, control.Configure):
                    raise control.ControlError(f"the first line is a {type(first).__name__}, not a Configure")
                return first, rest

    def read(self) -> list[control.Message]:
        """What has come. Raises EOFError when the supervisor has gone; never returns once it was taken over."""
        with self._reading:
            try:
                data = os.read(self.descriptor, _CHUNK)
            except BlockingIOError:
                return []
            if not data:
                raise EOFError("the supervisor has gone")
            return self._noted(data)

    def take_over(self) -> list[int]:
        """The supervisor has gone: read its last words; the pids of all that it has left. Each leads a process group.

        Nobody reads any more after that, and a second who would take over waits for ever: the first ends the process.
        """
        self._reading.acquire()
        # A line that is none ends the reading. No log: a thread that takes over must not wait for the loop's locks.
        with contextlib.suppress(control.ControlError):
            while data := os.read(self.descriptor, _CHUNK):
                self._noted(data)
        return list(self._living.values())

    def _noted(self, data: bytes) -> list[control.Message]:
        messages = self._decoder.feed(data)
        for each in messages:
            if isinstance(each, control.Spawned):
                self._living[each.label, each.generation] = each.pid
            elif isinstance(each, control.Exited):
                self._living.pop((each.label, each.generation), None)
        return messages


@attrs.define(eq=False)
class ControlPipes:
    """Reads from the supervisor and writes to it, never blocking. `ended` is called once, when it has gone."""

    _loop: asyncio.AbstractEventLoop
    _incoming: Incoming
    _outgoing: int
    _receive: Callable[[Any], None]
    _ended: Callable[[], None]
    _waiting: bytearray = attrs.field(factory=bytearray, init=False)

    def open(self, messages: Iterable[control.Message]) -> None:
        """Hand on `messages`, which have come already, and begin to read."""
        os.set_blocking(self._incoming.descriptor, False)
        os.set_blocking(self._outgoing, False)
        self._hand_on(messages)
        self._loop.add_reader(self._incoming.descriptor, self._read)

    def _read(self) -> None:
        try:
            messages = self._incoming.read()
        except EOFError:
            self._loop.remove_reader(self._incoming.descriptor)
            self._ended()
            return
        self._hand_on(messages)

    def _hand_on(self, messages: Iterable[control.Message]) -> None:
        """One message that cannot be handled (no descriptor is free for a worker's link) must not take others along.

        The supervisor is not told: a worker that got no link says no hello, and it ends that at its start limit.
        """
        for message in messages:
            try:
                self._receive(message)
            except Exception:  # noqa: BLE001 (whatever it was, it was about this message alone)
                what = type(message).__name__
                fields = {"message": what, "worker": getattr(message, "label", None)}
                said = {"event": "control_failed", "fields": fields}
                _log.critical("cannot handle %s from the supervisor", what, exc_info=True, extra=said)

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
