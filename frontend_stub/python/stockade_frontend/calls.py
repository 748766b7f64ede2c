"""The calls that this worker makes: from the asking until the one answer each has (protocol, section 5).

Knows no socket and no clock. A call is *held* while there is no room for it, *in flight* once its message is in the
outbox, *put off* when the core has said `busy`; then it is made anew, under its next id.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from cbor2 import dumps

from stockade_frontend import brief
from stockade_frontend.asking import Asking
from stockade_frontend.channels import Channels, End, Receiver, Sender
from stockade_frontend.errors import (
    Busy,
    Cancelled,
    Closed,
    CommandError,
    DeadlineExceeded,
    FrontendError,
    NotAllowed,
    TooLarge,
)
from stockade_frontend.grants import Grant
from stockade_frontend.handled import Handled
from stockade_frontend.messages import Limits, call_message, message
from stockade_frontend.outbox import LARGEST_HEAD, Outbox
from stockade_frontend.pace import Pace
from stockade_frontend.pending import Pending
from stockade_frontend.raw import size_of
from stockade_frontend.timers import Timers
from stockade_frontend.wire import DEPTH, HIGHEST, LOWEST

__all__ = ["Calls"]

#: Arguments of these types go as they are; an integer does too if it fits.
_AS_IT_IS = frozenset({str, float, bool, type(None)})


class Calls:
    """All of them. `flight` has those in flight by their ids."""

    def __init__(self, label: str, outbox: Outbox, channels: Channels, timers: Timers, answered: list[Pending]) -> None:
        self.flight: dict[int, Pending] = {}
        #: Those that wait for room, in their order, and some that do not any more.
        self.held: deque[Pending] = deque()
        #: Ids used, answers that came, and of these those that nobody waited for any more; tries that were put off.
        self.last = self.answered = self.late = self.tries = 0
        self._label = label
        self._put = outbox.put
        self._outbox = outbox
        self._channels = channels
        self._timers = timers
        self._answered = answered
        self._put_off: set[Pending] = set()
        self._grant = Grant(".", (), ())
        self._limits = Limits(0, 0, 1, 0, 0, DEPTH, 0, 0)
        self._pace: Pace | None = None
        #: So many in flight, and bytes in a message: as long as neither is above, and none is held, a call just goes.
        self._most = self._largest = 0
        self._may_speak = True

    def open(self, limits: Limits, grant: Grant) -> None:
        """The core's welcome."""
        self._limits, self._grant = limits, grant
        self._largest = limits.message - LARGEST_HEAD
        self._pace = Pace(limits.rate) if limits.rate else None
        self._most = limits.calls if self._pace is None else 0  # with a pace all are held, until `admit` has the time

    # -- asking -------------------------------------------------------------------------------------------------------

    def call(self, command: str, arguments: dict[str, Any], asking: Asking | None = None, now: float = 0.0) -> Pending:
        """Ask for a command: in flight at once if there is room, else held until there is.

        `now` counts with an `asking` alone. Raises NotAllowed, TooLarge, EncodeError, and Busy if it may not wait.
        """
        # The way of the plain call: 256 in flight come along here 60,000 times a second.
        if not self._grant.allows(command):
            raise NotAllowed(f"{self._label} may not call {command!r} (its grants say so; nothing was sent)")
        flight = self.flight
        if asking is not None or len(flight) >= self._most:
            return self._ask(Pending(0, command, arguments), asking, now)
        encoded = brief.call(self.last + 1, command, arguments)
        if encoded is None:
            for value in arguments.values():
                kind = type(value)
                if kind not in _AS_IT_IS and (kind is not int or not LOWEST <= value <= HIGHEST):
                    return self._ask(Pending(0, command, arguments), None, now)
            try:
                encoded = dumps(("call", self.last + 1, command, arguments))
            except UnicodeEncodeError:
                return self._ask(Pending(0, command, arguments), None, now)
        if len(encoded) > self._largest:
            raise _too_large(len(encoded), self._largest)
        self.last = ident = self.last + 1
        pending = flight[ident] = Pending(ident, command, arguments)
        self._put(encoded)  # last: an interrupt (Ctrl-C) before it leaves no answer that nobody awaits
        return pending

    def _ask(self, pending: Pending, asking: Asking | None, now: float) -> Pending:
        if not self._may_speak:
            raise Closed("this worker has taken its leave (nothing was sent)")
        ends = _ends(pending.arguments)
        if asking is None and ends:
            asking = Asking()
        if asking is not None:
            pending.asking = asking
            if asking.parent is not None and asking.parent.stopped is not None:
                raise asking.parent.stopped
            self._take_up(asking, ends, pending)
        if self._has_room(asking, now):
            self._send(pending, now)
        else:
            self._hold(pending, asking)
        for end in ends.values():
            end.bound = True
        if asking is not None and asking.deadline is not None:
            self._timers.add(asking.deadline, pending)
        return pending

    def _take_up(self, asking: Asking, ends: dict[str, End], pending: Pending) -> None:
        asking.ends = ends
        if not ends:
            return
        if any(end.bound for end in ends.values()) or len({id(end) for end in ends.values()}) < len(ends):
            raise RuntimeError("a channel belongs to one call: make another")
        if not self._channels.has_room(len(ends)):
            raise Busy(f"{len(self._channels)} channels are open, and no more are taken (nothing was sent)")
        pending.arguments = {name: value for name, value in pending.arguments.items() if name not in ends}
        for end in ends.values():
            if isinstance(end, Receiver):
                end.view = end.view or asking.view

    def _hold(self, pending: Pending, asking: Asking | None) -> None:
        if asking is not None and not asking.wait:
            paced = not self.held and len(self.flight) < self._limits.calls  # then it is the pace that says no
            why = (
                f"{self._limits.rate:g} calls a second are the limit"
                if paced
                else "as many calls are in flight as may be"
            )
            raise Busy(f"{why} (nothing was sent)")
        self.held.append(pending)
        if self._pace is not None:
            self._timers.add(0.0, pending)  # whoever knows the time calls `wake`, and so `admit`

    def _has_room(self, asking: Asking | None, now: float) -> bool:
        """Whether one more may go now; what the pace says can be asked only by who gives the time."""
        if self.held or len(self.flight) >= self._limits.calls:
            return False
        return self._pace is None or (asking is not None and self._pace.take(now) == 0)

    def admit(self, now: float) -> None:
        """There may be room: send what is held, as far as it goes."""
        while self.held and len(self.flight) < self._limits.calls:
            pending = self.held[0]
            if not pending.done:
                pause = self._pace.take(now) if self._pace is not None else 0
                if pause:
                    self._timers.add(now + pause, pending)
                    return
                try:
                    self._send(pending, now)
                except FrontendError as error:
                    self._answered.append(pending.answer(None, error))
            self.held.popleft()

    def _send(self, pending: Pending, now: float) -> None:
        asking = pending.asking
        ends = asking.ends if asking is not None else {}
        options = asking.options(now) if asking is not None else {}
        if ends:
            options["channels"] = self._channels.offers(ends)
        # A batch and a call stand around the arguments: two of the containers that may stand within each other.
        ident, depth = self.last + 1, self._limits.depth - 2
        encoded = call_message(ident, pending.command, pending.arguments, options, depth)
        size = size_of(encoded)
        if size > self._largest:
            raise _too_large(size, self._largest)
        pending.key = self.last = ident
        self.flight[ident] = pending
        self._channels.open(ends)
        self._outbox.put_valued(encoded)
        self._channels.end_ended(ends)

    # -- answers ------------------------------------------------------------------------------------------------------

    def answered_alone(self, frame: bytes) -> Pending | None:
        """What this batch has answered, if it is one short result that is awaited, and nothing else is to be seen to.

        The way of one call at a time: nothing has happened if it is None.
        """
        result = brief.result(frame)
        if result is None or self.held or self._answered:
            return None
        ident, value = result
        pending = self.flight.get(ident)
        if pending is None or pending.done:
            return None
        del self.flight[ident]
        self.answered += 1
        pending.done, pending.value = True, value
        return pending

    def failed(self, pending: Pending, error: CommandError, now: float) -> Pending | None:
        """The core's answer to this call, which is in flight no more, is an error: what has its answer now, if any."""
        asking = pending.asking
        if pending.done:
            self.late += 1
            return None
        if error.code == Busy.code and (asking is None or asking.wait) and self._may_speak:
            self._again(pending, now)
            return None
        if asking is not None:
            for end in asking.ends.values():
                self._channels.close(end, error)
        return pending.answer(None, error)

    def _again(self, pending: Pending, now: float) -> None:
        asking = pending.asking = pending.asking or Asking()
        self._channels.forget(asking.ends)
        self.tries += 1
        pending.key = 0
        self._put_off.add(pending)
        self._timers.add(asking.put_off(now, self.tries, self._limits.deadline), pending)

    def look(self, pending: Pending, now: float) -> None:
        """Its time has come: it is over, or to be tried again, or there may be room for it."""
        asking = pending.asking
        if asking is None:
            return
        if asking.deadline is not None and now >= asking.deadline:
            state = "no answer in its time" if pending.key else "busy for all of its time, so it never ran"
            self.cancel(pending, DeadlineExceeded(f"{pending.command}: {state}"))
        elif asking.again is not None and now >= asking.again:
            asking.again = None
            self._put_off.discard(pending)
            self.held.append(pending)

    # -- the end of some ----------------------------------------------------------------------------------------------

    def cancel(self, pending: Pending, error: FrontendError) -> None:
        """Nobody wants its answer any more: it ends with this error, here; the core is told if it knows of the call.

        Its id and its place among those in flight stay taken until the core's answer, which is counted and ignored.
        """
        if pending.done:
            return
        self._put_off.discard(pending)
        if pending.key and self._may_speak:
            self._put(message("cancel", pending.key))
        if pending.asking is not None:
            for end in pending.asking.ends.values():
                # The answer may have crossed, and a result leaves channels open: so each is ended too.
                self._channels.finish(end, error)
        self._answered.append(pending.answer(None, error))

    def cancel_nested(self, handled: Handled) -> None:
        """The call that was being handled when these were made should not go on, so neither should these."""
        for pending in (*self.flight.values(), *self.held, *self._put_off):
            if pending.asking is not None and pending.asking.parent is handled:
                self.cancel(pending, handled.stopped or Cancelled("the call that this one belongs to has ended"))

    def close(self) -> None:
        """Nothing more may be said: what is not in flight never will be."""
        self._may_speak = False
        self._most = 0  # from now on none just goes
        for pending in (*self.held, *self._put_off):
            self.cancel(pending, Cancelled("this worker leaves"))
        self.held.clear()

    def unanswered(self) -> list[Pending]:
        """Those that nobody has given up."""
        return [one for one in (*self.flight.values(), *self.held, *self._put_off) if not one.done]


def _ends(arguments: dict[str, Any]) -> dict[str, End]:
    """The channels among the arguments: whatever has an end of one as its `end_of_channel`."""
    found = {}
    for name, value in arguments.items():
        end = getattr(value, "end_of_channel", None)
        if isinstance(end, Sender | Receiver):
            found[name] = end
    return found


def _too_large(size: int, limit: int) -> TooLarge:
    return TooLarge(
        f"{size} bytes, where a call may have {limit} (nothing was sent); pass what is larger through a channel: "
        "core.send_channel()"
    )
