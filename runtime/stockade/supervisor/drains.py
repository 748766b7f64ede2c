"""What the children write, read as it comes: output to the journal, control lines to the tree. Never for long.

Knows no action and no process: whoever starts and ends children calls `open` and `close`.
"""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from functools import partial

import attrs

from stockade import limits
from stockade.control import ControlError
from stockade.supervisor.actions import Say
from stockade.supervisor.happenings import Garbled, Happening, Heard
from stockade.supervisor.journal import Journal
from stockade.supervisor.pipes import read_some
from stockade.supervisor.running import CoreWires, Running

__all__ = ["Drains"]

#: Reads of one pipe after its process has ended: sixteen times 64 KiB is the most that a pipe can be made to hold.
_LAST_READS = 16


@attrs.define
class Drains:
    """The read ends of all children's pipes. `happen` is told what a core says."""

    _selector: selectors.BaseSelector
    _journal: Journal
    _happen: Callable[[Happening], None]
    _open: list[Running] = attrs.field(factory=list)
    _paused: list[tuple[float, Running, int]] = attrs.field(factory=list)

    def open(self, running: Running) -> None:
        """Read this child's pipes from now on."""
        self._open.append(running)
        for descriptor in running.streams:
            self._listen(descriptor, partial(self._on_output, running, descriptor))
        if running.wires is not None:
            self._listen(running.wires.heard, partial(self._on_heard, running, running.wires))
            self._listen(running.wires.log, partial(self._on_log, running, running.wires))

    def close(self, running: Running) -> None:
        """Its process has ended: read what is in its pipes now and close them. Does not wait for their ends, which a
        grandchild may keep from coming.
        """
        for descriptor in list(running.streams):
            _repeat(partial(self._read_output, running, descriptor))
        if running.wires is not None:
            _repeat(partial(self._read_control, running, running.wires))
            _repeat(partial(self._read_log, running.wires))
            self._journal.relay(running.wires.relay.finish())
        for name, stream in running.streams.values():
            self._journal.output(str(running.child), name, stream.finish(time.monotonic()))
        self._say_lost(running)
        self._open.remove(running)
        for descriptor in running.descriptors:
            self._forget(descriptor)
        running.close()

    def hear(self, core: Running) -> None:
        """Read what the core has said by now: it tells of a worker's bye before the worker can end."""
        if core.wires is not None:
            self._read_control(core, core.wires)

    def next_deadline(self) -> float:
        """When `pass_time` is to be called at the latest."""
        rates = [at for running in self._open if (at := running.rate.deadline) is not None]
        return min([*rates, *(at for at, _, _ in self._paused)], default=float("inf"))

    def pass_time(self, now: float) -> None:
        """Read again what was left alone for its rate, and say what was lost."""
        due = [pause for pause in self._paused if pause[0] <= now]
        self._paused = [pause for pause in self._paused if pause[0] > now]
        for _, running, descriptor in due:
            if descriptor in running.streams:
                self._listen(descriptor, partial(self._on_output, running, descriptor))
        for running in self._open:
            if running.rate.deadline is not None and running.rate.deadline <= now:
                self._say_lost(running)

    # -- output -------------------------------------------------------------------------------------------------------

    def _on_output(self, running: Running, descriptor: int, _: int) -> None:
        """A worker above its rate waits a little in its own print, rather than us reading all the time."""
        if self._read_output(running, descriptor) and running.rate.is_spent(now := time.monotonic()):
            self._selector.unregister(descriptor)
            self._paused.append((now + limits.LOG_PAUSE, running, descriptor))

    def _read_output(self, running: Running, descriptor: int) -> bool:
        """Read a stream once; whether there was something. Closes it at its end."""
        if descriptor not in running.streams:
            return False  # closed by what happened before in this turn
        name, stream = running.streams[descriptor]
        data = read_some(descriptor)
        if data:
            self._journal.output(str(running.child), name, stream.feed(data, time.monotonic()))
        elif data == b"":
            self._forget(descriptor)
            del running.streams[descriptor]
            os.close(descriptor)
            self._journal.output(str(running.child), name, stream.finish(time.monotonic()))
        return bool(data)

    def _say_lost(self, running: Running) -> None:
        count = running.rate.lost()
        if count:
            words = f"lines over {limits.LOG_RATE} a second were dropped"
            fields = {"worker": running.child.label, "generation": running.child.generation, "lines_dropped": count}
            self._journal.say(Say("warning", "output_dropped", words, fields))

    # -- the core's own pipes -----------------------------------------------------------------------------------------

    def _on_heard(self, running: Running, wires: CoreWires, _: int) -> None:
        if running.wires is wires:
            self._read_control(running, wires)

    def _on_log(self, running: Running, wires: CoreWires, _: int) -> None:
        if running.wires is wires:
            self._read_log(wires)

    def _read_control(self, running: Running, wires: CoreWires) -> bool:
        """Read control lines once; whether there was something. The end of this pipe is no news: the core's own end
        follows, with its status, or else its silence.
        """
        data = read_some(wires.heard)
        if data == b"":
            self._forget(wires.heard)
        if not data:
            return False
        try:
            for message in wires.decoder.feed(data):
                self._happen(Heard(running.child, message))
        except ControlError as error:
            self._happen(Garbled(running.child, str(error)))
        return True

    def _read_log(self, wires: CoreWires) -> bool:
        data = read_some(wires.log)
        if data == b"":
            self._forget(wires.log)
        if not data:
            return False
        self._journal.relay(wires.relay.feed(data))
        return True

    # -- the selector -------------------------------------------------------------------------------------------------

    def _listen(self, descriptor: int, react: Callable[[int], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, react)

    def _forget(self, descriptor: int) -> None:
        if descriptor in self._selector.get_map():
            self._selector.unregister(descriptor)


def _repeat(read: Callable[[], bool]) -> None:
    for _ in range(_LAST_READS):
        if not read():
            return
