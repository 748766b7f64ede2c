"""The core's own memory, and the hands of the alarm: reads /proc, stops processes and lets them go.

Knows no rule: when to look, whom to stop and whom to blame is `core.alarm`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import math
import os
import signal
from collections.abc import Callable, Collection, Mapping
from functools import singledispatchmethod
from typing import Any

import attrs

from stockade.core.alarm import Accuse, Alarm, Go, Raise, Stop, Trim, Unexplained
from stockade.errors import Breach, BreachCode

__all__ = ["Memory"]

_log = logging.getLogger("stockade.core")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


@attrs.define(eq=False)
class Memory:
    """Watches what this process has resident. `look` is for each ping: it costs 4 µs, and no wake-up.

    `suspects` has the processes of each worker that runs, by its name (``editor@3``); `accuse` ends one of them.
    """

    _loop: asyncio.AbstractEventLoop
    _alarm: Alarm
    _suspects: Callable[[], Mapping[str, Collection[int]]]
    _accuse: Callable[[str, Breach], None]
    _statm: int = attrs.field(factory=lambda: os.open("/proc/self/statm", os.O_RDONLY))  # until the process ends
    _timer: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """Look, do what the alarm says, and look again when it wants to."""
        if self._timer is not None:
            self._timer.cancel()
        suspects = self._suspects()
        for action in self._alarm.look(self._loop.time(), self._resident(), tuple(suspects)):
            self._do(action, suspects)
        again = self._alarm.again
        self._timer = None if again == math.inf else self._loop.call_at(again, self.look)

    def _resident(self) -> int:
        return int(os.pread(self._statm, 200, 0).split()[1]) * _PAGE

    @singledispatchmethod
    def _do(self, action: Any, suspects: Mapping[str, Collection[int]]) -> None:
        raise NotImplementedError(type(action))

    @_do.register
    def _(self, stop: Stop, suspects: Mapping[str, Collection[int]]) -> None:
        for worker in stop.workers:
            _signal(suspects[worker], signal.SIGSTOP)

    @_do.register
    def _(self, go: Go, suspects: Mapping[str, Collection[int]]) -> None:
        for worker in go.workers:
            _signal(suspects[worker], signal.SIGCONT)

    @_do.register
    def _(self, accuse: Accuse, _: Mapping[str, Collection[int]]) -> None:
        reason = (
            f"the core grew by {_mib(accuse.grown)} in {accuse.seconds:.1f} s while it ran alone: "
            "a message without end, or a flood of subscriptions"
        )
        self._accuse(accuse.worker, Breach(BreachCode.TOO_MUCH_MEMORY, reason))

    @_do.register
    def _(self, alarm: Raise, suspects: Mapping[str, Collection[int]]) -> None:
        fields = {"grown": alarm.grown, "workers": len(suspects)}
        said = "the core has grown by %s: workers are stopped in turn, to find the one that makes it grow"
        _log.warning(said, _mib(alarm.grown), extra={"event": "memory_alarm", "fields": fields})

    @_do.register
    def _(self, nobody: Unexplained, _: Mapping[str, Collection[int]]) -> None:
        said = "the core has grown by %s, and no worker was seen to make it: it may be the application's own"
        fields = {"grown": nobody.grown}
        _log.warning(said, _mib(nobody.grown), extra={"event": "memory_unexplained", "fields": fields})

    @_do.register
    def _(self, _: Trim, __: Mapping[str, Collection[int]]) -> None:
        with contextlib.suppress(AttributeError):  # not glibc
            ctypes.CDLL(None).malloc_trim(0)


def _mib(size: int) -> str:
    return f"{size / _MIB:.0f} MiB"


def _signal(pids: Collection[int], number: signal.Signals) -> None:
    """Send it to the process group of each: a sandbox may have put the one that speaks into a session of its own."""
    spared = {os.getpgrp(), os.getpgid(os.getppid())}  # should a pid have been given to another: never ourselves
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if (group := os.getpgid(pid)) not in spared:
                os.killpg(group, number)
