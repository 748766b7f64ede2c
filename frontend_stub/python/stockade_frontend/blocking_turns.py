"""How the blocking face waits: all three sockets and the lifeline in one poll, and what is due in time.

Knows no verb. Whatever waits here answers pings, notices cancels, and keeps events and calls for `run` and `poll`.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from math import ceil
from time import monotonic, perf_counter
from typing import Any

from stockade_frontend.asking import Asking
from stockade_frontend.endpoint import LAST_WORDS, Endpoint, State
from stockade_frontend.errors import Cancelled, CommandError, ConnectionLost, DeadlineExceeded, Ended
from stockade_frontend.events import Event
from stockade_frontend.handled import Handled
from stockade_frontend.interrupts import Interrupts
from stockade_frontend.link import EVENTS, POLLIN, POLLOUT, descriptor, readable
from stockade_frontend.pending import Pending

__all__ = ["Turns", "milliseconds"]


class Turns:
    """The one loop of a blocking connection, turned by whoever waits. `spin` as `connect` has it."""

    def __init__(self, endpoint: Endpoint, spin: float) -> None:
        self.endpoint = endpoint
        #: The call or event that a handler works on now: calls and emits from inside belong to it.
        self.serving: Handled | Event | None = None
        self.interrupts = Interrupts()
        self._session = endpoint.session
        self._timers = endpoint.session.timers
        self._spin = spin
        link = endpoint.link
        self._commands = link.commands
        #: POLLIN and POLLOUT of the commands socket, without a function of ours on the way of every call.
        self._look: Callable[[int], Any] = link.commands.get
        self._commands_descriptor, self._lifeline = descriptor(link.commands), link.lifeline
        self._events_descriptor = descriptor(link.events)
        poll = select.poll()
        for source in (self._commands_descriptor, self._events_descriptor, descriptor(link.emits), self._lifeline):
            poll.register(source, select.POLLIN)
        self._poll = poll.poll

    # -- waiting ------------------------------------------------------------------------------------------------------

    def turn(self, timeout: int, room: bool = False) -> None:
        """Send what has gathered, wait up to `timeout` milliseconds (-1: for ever), and read what there is.

        `room`: what is waited for is room on the emits socket.
        """
        # What is polled are the descriptors. They tell of edges, which whatever is done with a socket may take: so the
        # commands socket is asked each time before it sleeps, the others if they were used since they were last empty.
        # With zmq_poll, which asks all three before and after, a call took 20 system calls of this thread, so it is 11.
        endpoint, interrupts = self.endpoint, self.interrupts
        interrupts.held = True
        try:
            if self._timers.heap:
                timeout = self._wake(timeout)
            sent = endpoint.flush()
            if self._spin and timeout != 0 and self._spun():
                endpoint.receive()
                return
            state = self._look(EVENTS)
            if state & POLLIN:
                endpoint.receive()
                timeout = 0
            elif state & POLLOUT and not sent:
                return  # there is room again: the next turn sends
            if endpoint.is_used and not room:
                endpoint.is_used = endpoint.receive_events()
                endpoint.receive_emits()
                timeout = 0
            interrupts.let()
            found = self._poll(timeout)
            interrupts.held = True
            for source, _ in found:
                if source == self._commands_descriptor:
                    if self._look(EVENTS) & POLLIN:
                        endpoint.receive()
                else:
                    self._read(source)
        except ConnectionLost as loss:
            self._hear_last_words(loss)
        except Ended as end:
            endpoint.finish(end)
            raise
        finally:
            interrupts.let()

    def _read(self, source: int) -> None:
        endpoint = self.endpoint
        if source == self._lifeline:
            endpoint.link.look_at_lifeline()
        elif source == self._events_descriptor:
            endpoint.is_used = endpoint.receive_events() or endpoint.is_used
        else:
            endpoint.receive_emits()

    def wait(self, pending: Pending, deadline: float | None = None) -> Any:
        """The value of `pending`. Raises its error, or DeadlineExceeded at `deadline`, on the monotonic clock."""
        while not pending.done:
            left = milliseconds(deadline)
            if left == 0:
                raise DeadlineExceeded("no answer in the time that there was")
            self.turn(left)
        return pending.result()

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is so. Raises Cancelled, or DeadlineExceeded, inside the handler of a call that is to stop."""
        while not ready():
            self.check_serving()
            self.turn(-1)

    def check_serving(self) -> None:
        """Raise what has stopped the call that is being handled, if it is to stop."""
        if isinstance(self.serving, Handled) and self.serving.stopped is not None:
            raise again(self.serving.stopped)

    def soon(self) -> None:
        """Send what has gathered, as far as it goes without waiting."""
        self.interrupts.held = True
        try:
            self.endpoint.flush()
        finally:
            self.interrupts.let()

    def give_up(self, pending: Pending) -> None:
        """Whoever waited for this call is interrupted: tell the core, if it can still be told."""
        if self.endpoint.over is None and not pending.done:
            self._session.cancel(pending, Cancelled("whoever waited for it was interrupted"))
            self.soon()

    def belong(self, asking: Asking) -> Asking:
        """A call made now belongs to the one that is being handled, and goes on with its trace."""
        serving = self.serving
        if serving is not None:
            if isinstance(serving, Handled):
                asking.parent = serving
            if asking.trace is None:
                asking.trace = serving.trace
        return asking

    # -- turning ------------------------------------------------------------------------------------------------------

    def _wake(self, timeout: int) -> int:
        """See to what is due, and wait no longer than until something else is."""
        now = monotonic()
        if self._session.wake(now):
            return 0
        left = milliseconds(self._timers.next(), now)
        return left if timeout < 0 else timeout if left < 0 else min(left, timeout)

    def room_for_emits(self) -> None:
        """Wait until there may be room on the emits socket, or something else has happened."""
        # XPUB always calls itself writable: that there is room now is seen on its descriptor alone, and asking the
        # socket before going to sleep could take just that edge.
        self.turn(-1, room=True)

    def _spun(self) -> bool:
        """Look at the commands socket for a while without sleeping: whether something has come."""
        end = perf_counter() + self._spin
        while not readable(self._commands):
            if perf_counter() > end:
                return False
        return True

    def _hear_last_words(self, loss: ConnectionLost) -> None:
        """The core has closed: read what it may have said before, for that is the better reason, and end."""
        endpoint = self.endpoint
        try:
            while endpoint.session.state is not State.LEFT and self._commands.poll(int(LAST_WORDS * 1000), POLLIN):
                endpoint.receive()
            if endpoint.session.state is not State.LEFT:
                raise loss
        except Ended as end:
            endpoint.finish(end)
            raise


def again(error: CommandError) -> CommandError:
    """The same error, to be raised anew: one object raised twice would carry two tracebacks."""
    return type(error)(error.message, error.data)


def milliseconds(deadline: float | None, now: float | None = None) -> int:
    """From now until `deadline`, rounded up; 0 once it has passed, -1 for none."""
    if deadline is None:
        return -1
    return max(0, ceil((deadline - (monotonic() if now is None else now)) * 1000))
