"""Children that remove directories, so that the loop need not wait for it. Knows no run directory and no loop."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from stockade.removal import remove_tree
from stockade.supervisor.process import fork_quietly

__all__ = ["Removers"]


class Removers:
    """The children that are removing something now."""

    def __init__(self) -> None:
        self._running: dict[int, str] = {}

    @property
    def pids(self) -> frozenset[int]:
        """Their numbers, reaped or not."""
        return frozenset(self._running)

    def remove(self, paths: Sequence[str], keep: int | None = None) -> None:
        """Start removing directories; `keep` is a descriptor that stays open until that is done. Raises OSError."""
        if not paths:
            return
        pid = fork_quietly()
        if pid == 0:
            _remove_and_exit(paths, keep)
        self._running[pid] = ", ".join(paths)

    def reaped(self, pid: int, code: int) -> str | None:
        """One has ended; what it could not remove."""
        paths = self._running.pop(pid)
        return paths if code != 0 else None

    def kill(self) -> None:
        """End them all: somebody else removes the rest. They are still to be reaped."""
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)


def _remove_and_exit(paths: Sequence[str], keep: int | None) -> None:
    code = 1
    try:
        # All of our descriptors: a copy of a worker's stdin would keep it alive when the supervisor is gone.
        for name in os.listdir("/proc/self/fd"):
            if int(name) != keep:
                _close(int(name))
        os.setsid()
        for path in paths:
            remove_tree(path)
        code = 0
    finally:
        os._exit(code)


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        return  # the one that listed them, closed already
