"""A bounded pool of daemon threads for `def` commands, shared fairly between workers.

Knows no commands: it runs what it is given, and reports on the loop's thread. Not a ThreadPoolExecutor: that one is
first come first served over all workers, and joins its threads at exit, where a handler that hangs would keep the core
from ending.

A thread that hangs cannot be had back. So each owner can always have one: what its worker's former generations, and all
other workers, have left hanging takes no more than the places that they share.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import attrs

from stockade import limits
from stockade.core.commands.fairness import FairQueue

__all__ = ["Job", "Threads"]


@attrs.frozen(eq=False)
class Job:
    """`work` runs in a thread and must not raise; `done` gets its result on the loop's thread.

    `stuck` is called instead, on the loop's thread, where it waits for abandoned jobs alone: it will never run.
    """

    owner: str
    work: Callable[[], Any]
    done: Callable[[Any], None]
    stuck: Callable[[], None]


@attrs.define(eq=False)
class Threads:
    """The pool: at most `common` threads and one for each owner. Every method is for the loop's thread: no lock."""

    _loop: asyncio.AbstractEventLoop
    _common: int
    _share: int
    _log: logging.Logger
    _queue: FairQueue[Job] = attrs.field(
        init=False, default=attrs.Factory(lambda self: FairQueue(self._share, self._common), takes_self=True)
    )
    _handed: SimpleQueue[Job] = attrs.field(factory=SimpleQueue, init=False)
    _abandoned: set[Job] = attrs.field(factory=set, init=False)
    _look: asyncio.TimerHandle | None = attrs.field(default=None, init=False)
    _started: int = attrs.field(default=0, init=False)
    _busy: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        # One thread from the start: a machine that gives none is found now, and later every job has one to wait for.
        self._start()

    @property
    def busy(self) -> int:
        """Jobs in threads now."""
        return self._busy

    @property
    def queued(self) -> int:
        """Jobs that wait for a thread."""
        return len(self._queue)

    def submit(self, job: Job) -> None:
        """Run `job` when its owner's turn and a thread have come."""
        self._queue.put(job.owner, job)
        self._hand_out()

    def withdraw(self, job: Job) -> bool:
        """Take back a job, once; False where it runs already, and then it is abandoned: its `done` comes if it ends."""
        if self._queue.remove(job.owner, job):
            return True
        self._abandoned.add(job)
        self._queue.abandon(job.owner)
        if self._look is None:
            self._look = self._loop.call_later(limits.STUCK, self._refuse_stuck)
        return False

    def is_stuck(self, owner: str) -> bool:
        """Whether a job of this owner would wait for abandoned jobs alone, and so perhaps for ever."""
        return self._queue.is_stuck(owner)

    def _refuse_stuck(self) -> None:
        self._look = None
        for each in self._queue.take_stuck():
            each.stuck()

    def _hand_out(self) -> None:
        while (job := self._queue.take()) is not None:
            self._busy += 1
            if self._busy > self._started:
                self._start_another()
            self._handed.put(job)

    def _start_another(self) -> None:
        try:
            self._start()
        except RuntimeError as error:
            self._log.warning("the machine gives no further thread, calls wait for the %d: %s", self._started, error)

    def _start(self) -> None:
        name = f"stockade-command-{self._started + 1}"
        threading.Thread(target=self._run, name=name, daemon=True).start()
        self._started += 1

    def _run(self) -> None:
        while True:
            job = self._handed.get()
            result = job.work()
            try:
                self._loop.call_soon_threadsafe(self._ended, job, result)
            except RuntimeError:  # the loop is closed: the core is on its way out, nobody waits any more
                return
            del job, result  # a thread that waits must not keep alive what it did last

    def _ended(self, job: Job, result: Any) -> None:
        self._busy -= 1
        self._queue.ended(job.owner, abandoned=job in self._abandoned)
        self._abandoned.discard(job)
        self._hand_out()
        job.done(result)
