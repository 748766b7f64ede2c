"""Whether a worker makes the core grow, and which: an alarm, and a search that stops all and lets them go in turn.

Knows no process, clock or memory: resident bytes, the workers that run and `now` come in, what is to be done goes out.

The limits of messages do not bound what libzmq keeps: a message of endless frames, or a flood of subscriptions, is
buffered before the core sees any of it, 300 to 700 MB each second. Nothing in libzmq says whose it is, but a sender
that is stopped (SIGSTOP) sends no more, so that the growth itself tells::

    CALM ──grown──► SETTLING ──quiet──► TRYING ──one makes it grow──► MENDING ──memory is back──► CALM
                        └────► CALM ◄─────┘ nobody does
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum

import attrs

__all__ = ["Accuse", "Action", "Alarm", "Go", "Phase", "Raise", "Stop", "Trim", "Unexplained"]

#: Seconds between looks while it is growing or somebody is stopped; otherwise it looks at each ping of the supervisor.
_CLOSE = 0.02
#: Seconds between two pings, less some: what was seen at the last is compared with what is seen now.
_PING = 0.9
#: Growth of less than this, in bytes a second, is none.
_QUIET = 10 * 1024 * 1024
#: Seconds without growth until all that was sent has come, and the longest wait for them: what makes the core grow
#: while all are stopped is the application, or a process that hides.
_SETTLED, _SETTLE = 0.1, 0.5
#: Seconds of a trial in which nothing grows, and of one in which something does.
_TRIAL, _LONG_TRIAL = 0.1, 2.0
#: Seconds for libzmq to free in its own thread what a closed link held, and between two trims of the heap.
_MEND, _TRIM = 1.0, 0.1
#: Shares of `memory`: this makes a closer look, narrows a group down, or accuses one. An honest worker fills its
#: queues again when it is let go (64 MiB, and as much in flight), and must not be accused for that.
_CLOSER, _NARROW, _GUILTY = 16, 16, 4


@attrs.frozen
class Raise:
    """The alarm: the core has grown by so many bytes, and a search begins."""

    grown: int


@attrs.frozen
class Stop:
    """Stop these workers (SIGSTOP)."""

    workers: tuple[str, ...]


@attrs.frozen
class Go:
    """Let these go on (SIGCONT)."""

    workers: tuple[str, ...]


@attrs.frozen
class Accuse:
    """End this worker, which stays stopped: let go alone, it made the core grow by so many bytes in so many seconds."""

    worker: str
    grown: int
    seconds: float


@attrs.frozen
class Unexplained:
    """The core has grown by so many bytes, and no worker's doing was seen. It counts anew from here."""

    grown: int


@attrs.frozen
class Trim:
    """Give free memory back to the system."""


Action = Raise | Stop | Go | Accuse | Unexplained | Trim


class Phase(StrEnum):
    """Where the alarm stands."""

    CALM = "calm"
    SETTLING = "settling"  # all are stopped; what they had sent before still comes
    TRYING = "trying"  # a group of them runs
    MENDING = "mending"  # one is accused; its memory is still to be had back


@attrs.define
class Alarm:
    """Raised when the core has grown by `memory` bytes over the least that was seen since the last search.

    Call `look` at each ping, and again at the time `again` if that is not infinite. Workers go by unique names
    (``editor@3``). Whoever is stopped is let go again, but for the accused, whatever happens.
    """

    memory: int
    phase: Phase = Phase.CALM
    again: float = math.inf
    _base: float = math.inf  # the least since the last search
    _seen: tuple[float, float] = (-math.inf, math.inf)  # when a ping came last, and the bytes then
    _stopped: set[str] = attrs.field(factory=set)
    _accused: set[str] = attrs.field(factory=set)
    _groups: list[tuple[str, ...]] = attrs.field(factory=list)  # still to be tried; the last is being tried
    _level: int = 0  # the most that was seen while all were stopped; in MENDING, when one was accused
    _start: int = 0  # what a trial, or a wait for quiet, began with
    _since: float = 0.0  # and when
    _until: float = math.inf  # when the phase ends at the latest

    def look(self, now: float, resident: int, running: Sequence[str]) -> list[Action]:
        """What is to be done, now that the core has so many resident bytes and these workers run."""
        self._accused &= set(running)
        actions = self._hold(running)
        return actions + _PHASES[self.phase](self, now, resident, tuple(running))

    def _hold(self, running: Sequence[str]) -> list[Action]:
        """Forget who has ended; in a search, stop who has started meanwhile, and suspect it too."""
        self._stopped &= set(running)
        if self.phase not in (Phase.SETTLING, Phase.TRYING):
            return []
        tried = set(self._groups[-1]) if self.phase is Phase.TRYING and self._groups else set()
        new = tuple(name for name in running if name not in self._stopped | tried | self._accused)
        if not new:
            return []
        self._groups.insert(0, new)
        self._stopped.update(new)
        return [Stop(new)]

    # -- calm ---------------------------------------------------------------------------------------------------------

    def _watch(self, now: float, resident: int, running: tuple[str, ...]) -> list[Action]:
        self._base = min(self._base, resident)
        if resident - self._base >= self.memory:
            return self._search(now, resident, running)
        seen_at, seen = self._seen
        if now - seen_at >= _PING:
            grows = resident - seen > self.memory / _CLOSER
            self._seen = now, resident
        else:
            grows = self.again < math.inf
        self.again = now + _CLOSE if grows else math.inf
        return []

    def _search(self, now: float, resident: int, running: tuple[str, ...]) -> list[Action]:
        """Stop all but those who are stopped for good, and wait until it is quiet."""
        suspects = tuple(name for name in running if name not in self._accused)
        grown = resident - int(self._base)
        if not suspects:
            return self._calm(resident, Unexplained(grown))
        self.phase, self._groups = Phase.SETTLING, _halves(suspects)
        self._stopped = set(suspects)
        self._level = self._start = resident
        self._since, self._until, self.again = now, now + _SETTLE, now + _CLOSE
        return [Raise(grown), Stop(suspects)]

    def _calm(self, resident: int, *last: Action) -> list[Action]:
        """Let all go on, and count from here."""
        go, self.phase, self.again = Go(tuple(sorted(self._stopped))), Phase.CALM, math.inf
        self._base, self._seen = resident, (-math.inf, math.inf)
        self._stopped, self._groups = set(), []
        return [*([go] if go.workers else []), *last]

    # -- the search ---------------------------------------------------------------------------------------------------

    def _settle(self, now: float, resident: int, _: tuple[str, ...]) -> list[Action]:
        self.again = now + _CLOSE
        self._level = max(self._level, resident)
        if now - self._since < _SETTLED:
            return []
        if not self._grows(now, resident):
            return self._try_next(now, resident)
        self._start, self._since = resident, now
        return self._calm(resident, Unexplained(resident - int(self._base))) if now >= self._until else []

    def _grows(self, now: float, resident: int) -> bool:
        return resident - self._start > _QUIET * (now - self._since)

    def _try_next(self, now: float, resident: int) -> list[Action]:
        """Let the next group go that has not ended meanwhile."""
        while self._groups and not self._stopped & set(self._groups[-1]):
            self._groups.pop()
        if not self._groups:
            return self._calm(resident, Unexplained(resident - int(self._base)))
        group = tuple(name for name in self._groups[-1] if name in self._stopped)
        self._groups[-1] = group
        self._stopped -= set(group)
        self.phase, self._start, self._since, self.again = Phase.TRYING, resident, now, now + _CLOSE
        return [Go(group)]

    def _try(self, now: float, resident: int, running: tuple[str, ...]) -> list[Action]:
        group = tuple(name for name in self._groups[-1] if name in running)
        grown, ran = resident - max(self._level, self._start), now - self._since
        self.again = now + _CLOSE
        if group and grown >= self.memory / (_GUILTY if len(group) == 1 else _NARROW):
            return self._found(now, resident, group, ran)
        if group and (ran < _TRIAL or (ran < _LONG_TRIAL and self._grows(now, resident))):
            return []
        self._groups.pop()
        self._stopped.update(group)
        stop = [Stop(group)] if group else []
        return [*stop, *self._try_next(now, resident)]

    def _found(self, now: float, resident: int, group: tuple[str, ...], ran: float) -> list[Action]:
        """Accuse who was alone, or look closer at a group."""
        self._groups.pop()
        if len(group) > 1:
            self._groups += _halves(group)
            self._stopped.update(group)
            self._level = max(self._level, resident)
            return [Stop(group), *self._try_next(now, resident)]
        [culprit] = group
        others = tuple(sorted(self._stopped))
        self._accused.add(culprit)
        self._stopped, self._groups, self._level = set(), [], resident
        self.phase, self._until = Phase.MENDING, math.inf
        accused = Accuse(culprit, resident - self._start, ran)
        return [Stop(group), accused, *([Go(others)] if others else [])]

    # -- after it -----------------------------------------------------------------------------------------------------

    def _mend(self, now: float, resident: int, running: tuple[str, ...]) -> list[Action]:
        if resident - self._level >= self.memory / 2:  # a second one goes on where the first has stopped
            return self._search(now, resident, running)
        self.again = now + _TRIM
        if self._accused:
            return []
        if self._until == math.inf:
            self._until = now + _MEND
        if now < self._until:
            return [Trim()]
        return self._calm(resident, Trim())


def _halves(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Both halves, to be tried from the end; one name is a group of its own."""
    middle = len(names) // 2
    return [half for half in (names[:middle], names[middle:]) if half]


_PHASES: dict[Phase, Callable[[Alarm, float, int, tuple[str, ...]], list[Action]]] = {
    Phase.CALM: Alarm._watch,
    Phase.SETTLING: Alarm._settle,
    Phase.TRYING: Alarm._try,
    Phase.MENDING: Alarm._mend,
}
