"""The blocking face: `connect()`, and calls that wait for their answers. One thread, one connection.

Whatever waits here polls all three sockets and the lifeline, answers pings, and keeps events for `run` and `poll`.
"""

from __future__ import annotations

import time
from math import ceil
from types import TracebackType
from typing import Any, Literal

import zmq

from stockade_frontend.endpoint import EAGER, LAST_WORDS, LEAVE, QUEUE, Endpoint, State
from stockade_frontend.errors import ConnectionLost, DeadlineExceeded, Ended
from stockade_frontend.events import Handler, Subscription
from stockade_frontend.grants import Grants
from stockade_frontend.link import POLLIN, POLLOUT, descriptor, readable
from stockade_frontend.messages import Limits
from stockade_frontend.pending import Pending
from stockade_frontend.session import Statistics

__all__ = ["Connection", "Options", "PendingCall", "connect"]

#: Seconds that may pass without a look at the sockets while a worker only emits: so soon a ping is answered then.
LOOK = 0.01


def connect(*, spin: float = 0.0, queue: int = QUEUE) -> Connection:
    """Connect this worker to its core: once per process, best as ``with connect() as core:``.

    `spin`: seconds to look for an answer before sleeping, 0.0002 say; it makes calls faster and costs a CPU while they
    wait. `queue`: events that wait for `run` or `poll`; those above are counted in `missed`.

    Returns when the core has welcomed this worker. Raises a SystemExit, and says why on standard error: `StartedByHand`
    if no supervisor has started this process, `Refused` if the core will not have it.
    """
    return Connection(Endpoint(queue), spin)


class Connection:
    """The connection of this worker to its core. It belongs to the thread and process that made it.

    Every method raises `WrongThread` elsewhere, `Closed` after `close()`, and a subclass of `Ended` (a SystemExit: let
    it pass) when the core or the supervisor ends the conversation.
    """

    def __init__(self, endpoint: Endpoint, spin: float = 0.0) -> None:
        self._endpoint = endpoint
        self._session = endpoint.session
        #: This worker's label, and which start of it this is, from 1.
        self.label, self.generation = endpoint.session.label, endpoint.session.generation
        self._outbox = endpoint.session.outbox
        self._spin = spin
        self._commands = endpoint.link.commands
        self._sends_everything = True
        self._handling = False
        self._looked = 0.0
        link = endpoint.link
        self._lifeline = link.lifeline
        #: What is polled. It begins with the commands socket, which is polled for room too while some is wanted.
        self._sources: list[tuple[Any, int]] = [
            (source, POLLIN) for source in (link.commands, link.events, link.emits, link.lifeline)
        ]
        while not endpoint.is_connected:
            self._turn(-1)

    # -- who and what -----------------------------------------------------------------------------------------------

    @property
    def grants(self) -> Grants:
        """What this worker may call, listen to and emit."""
        return self._session.grants

    @property
    def limits(self) -> Limits:
        """What the core takes: ``message`` (bytes), ``batch``, ``calls`` (in flight), ``topics``, ``depth``."""
        return self._session.limits

    @property
    def missed(self) -> int:
        """Events meant for this worker that no handler will see: the core had to drop them, or `queue` was full."""
        return self._session.inbox.missed

    @property
    def stopping(self) -> bool:
        """Whether this worker is asked to finish. Looks at the sockets, so a long computation may ask now and then."""
        self._endpoint.check()
        self._turn(0)
        return self._session.stopping

    def statistics(self) -> Statistics:
        """The counts of this connection until now."""
        return self._session.statistics()

    # -- calls --------------------------------------------------------------------------------------------------------

    def invoke(self, command: str, /, **arguments: Any) -> Any:
        """Run a command in the core and return its value.

        Raises a subclass of `CommandError` with the core's answer; some of them before anything is sent (NotAllowed,
        Busy, TooLarge), and EncodeError if an argument cannot be sent.
        """
        # Measured in paired blocks of 200 beside a bare send and recv of a frame, against a core that only decodes and
        # encodes: 107 µs beside 75 (median of the ratios 1.40). This thread's CPU: 29 µs beside 8, of which polling all
        # four instead of one socket is 9 and CBOR both ways 10: after each sleep the caches are cold.
        self._endpoint.check()
        pending = self._session.call(command, arguments)
        while not pending.done:
            self._turn(-1)
        return pending.result()

    def call(self, command: str, /, **arguments: Any) -> PendingCall:
        """Begin a command, and go on: ``call.result()`` waits for its value. Raises as `invoke` does before sending.

        Calls are sent together, in batches, when there are many or something waits: a result, `invoke`, `poll`, `run`.
        """
        return PendingCall(self, self._begin(command, arguments), None)

    def _begin(self, command: str, arguments: dict[str, Any]) -> Pending:
        self._endpoint.check()
        pending = self._session.call(command, arguments)
        if len(self._outbox) >= EAGER:
            self._turn(0)
        return pending

    def options(self, *, timeout: float | None = None) -> Options:
        """How to call: ``core.options(timeout=2).invoke(...)`` raises DeadlineExceeded after so many seconds.

        The time limit is this side's alone: the command is not cancelled, and its late answer is counted and ignored.
        """
        return Options(self, timeout)

    def ping(self) -> float:
        """Ask whether the core is there. Returns the seconds that the answer took."""
        self._endpoint.check()
        began = time.perf_counter()
        self._wait(self._session.ping(), None)
        return time.perf_counter() - began

    # -- events -------------------------------------------------------------------------------------------------------

    def listen(self, name: str, handler: Handler) -> Subscription:
        """Call `handler(event)` for each event of this name, or, if it ends in a slash, of a name that begins so.

        Returns when the core has answered: from then on nothing is missed uncounted. Handlers run inside `run` and
        `poll`. Raises NotAllowed or Busy, and ValueError for what is no event's name.
        """
        return self._listen(name, handler, once=False)

    def once(self, name: str, handler: Handler) -> Subscription:
        """`listen`, for one event."""
        return self._listen(name, handler, once=True)

    def _listen(self, name: str, handler: Handler, *, once: bool) -> Subscription:
        self._endpoint.check()
        subscription = Subscription(name, handler, once, self.unlisten)
        pending = self._endpoint.listen(subscription)
        try:
            if pending is not None:
                self._wait(pending, None)
        except Exception:
            self._endpoint.unlisten(subscription)
            raise
        return subscription

    def unlisten(self, subscription: Subscription) -> None:
        """Call its handler no more. Doing so again does nothing."""
        self._endpoint.check()
        self._endpoint.unlisten(subscription)

    def emit(self, name: str, payload: Any = None, /, *, to: str | None = None) -> None:
        """Emit an event, to all who listen or to the worker `to` alone. Waits only if the core does not read.

        Raises NotAllowed, TooLarge, EncodeError, and ValueError for what is no event's name. It has no answer: who
        needs to know invokes a command.
        """
        self._endpoint.check()
        prepared = self._session.prepare_emit(name, payload, to)
        now = time.monotonic()
        if now - self._looked > LOOK:
            self._looked = now
            self._turn(0)
        while not self._endpoint.emit(prepared):
            # XPUB always calls itself writable: that there is room now is seen on its descriptor alone.
            self._turn(-1, descriptor(self._endpoint.link.emits))

    # -- living -------------------------------------------------------------------------------------------------------

    def ready(self) -> None:
        """Say that this worker has set up what it needs. Once; `run` does it if it has not been done."""
        self._endpoint.check()
        self._session.ready()
        self._turn(0)

    def run(self) -> None:
        """Handle events until the core asks this worker to stop; events that still wait then are not handled.

        What a handler raises comes out of here: unless it is caught it ends the worker with a traceback, and the
        supervisor does what its restart policy says.
        """
        self._check_not_handling()
        self._session.ready()
        session = self._session
        while True:
            self._turn(0 if session.inbox or session.stopping else -1)
            if session.stopping:
                return
            self._handle_one()

    def poll(self, timeout: float | None = 0.0) -> int:
        """Handle the events that are there, and return their count; wait up to `timeout` seconds (None: for ever) for
        the first. Returns early, maybe with 0, when the core asks this worker to stop: see `stopping`.
        """
        self._check_not_handling()
        session = self._session
        deadline = None if timeout is None else time.monotonic() + timeout
        self._turn(0)
        while not session.inbox and not session.stopping:
            left = _milliseconds(deadline)
            if left == 0:
                return 0
            self._turn(left)
        waiting, count = len(session.inbox), 0
        while count < waiting and not session.stopping:
            self._handle_one()
            count += 1
            self._turn(0)
        return count

    def close(self) -> None:
        """Take leave: the core handles all that was emitted, answers or cancels what is in flight, and only then the
        sockets close. Takes two seconds at most. The end of the ``with`` block does it, also after an exception.
        """
        if self._endpoint.over is not None and not self._endpoint.is_inherited:
            return
        self._endpoint.check()
        try:
            self._wait(self._session.bye(), time.monotonic() + LEAVE)
        except DeadlineExceeded:
            pass  # `left` says so
        finally:
            self._endpoint.left()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if self._endpoint.is_inherited:
            return False
        try:
            self.close()
        except Ended:
            if error is None:  # else what happened in the block is what is to be seen
                raise
        return False

    # -- waiting ------------------------------------------------------------------------------------------------------

    def _wait(self, pending: Pending, deadline: float | None) -> Any:
        """The value of `pending`. Raises its error, or DeadlineExceeded at `deadline`, on the monotonic clock."""
        while not pending.done:
            left = _milliseconds(deadline)
            if left == 0:
                self._session.give_up(pending)
                raise DeadlineExceeded("no answer in the time that this worker gave (it may still be carried out)")
            self._turn(left)
        return pending.result()

    def _turn(self, timeout: int, room: int | None = None) -> None:
        """Send what has gathered, wait up to `timeout` milliseconds (-1: for ever), and read what there is.

        `room` is the descriptor of the emits socket where what is waited for is room on it.
        """
        endpoint = self._endpoint
        try:
            if endpoint.flush() is not self._sends_everything:
                self._note_room()
            if self._spin and timeout != 0 and self._spun():
                endpoint.receive()
                return
            for source, flags in zmq.zmq_poll(self._sources_for(room), timeout):
                if source is self._commands:
                    if flags & POLLIN:
                        endpoint.receive()
                elif source is endpoint.link.events:
                    endpoint.receive_events()
                elif source == self._lifeline:
                    endpoint.link.look_at_lifeline()
                else:
                    endpoint.receive_emits()
        except ConnectionLost as loss:
            self._hear_last_words(loss)
        except Ended as end:
            endpoint.finish(end)
            raise

    def _sources_for(self, room: int | None) -> list[tuple[Any, int]]:
        """What to poll. For room, the emits socket by its descriptor *instead*: polled as a socket too, zmq_poll would
        look at it before it sleeps, take the wake-up that says that there is room, find nothing to read, and sleep.
        """
        if room is None:
            return self._sources
        emits = self._endpoint.link.emits
        return [*(each for each in self._sources if each[0] is not emits), (room, POLLIN)]

    def _note_room(self) -> None:
        """What has gathered did not all go, or does so again: wait for room, or no more."""
        self._sends_everything = not self._sends_everything
        self._sources[0] = (self._commands, POLLIN if self._sends_everything else POLLIN | POLLOUT)

    def _spun(self) -> bool:
        """Look at the commands socket for a while without sleeping: whether something has come."""
        end = time.perf_counter() + self._spin
        while not readable(self._commands):
            if time.perf_counter() > end:
                return False
        return True

    def _hear_last_words(self, loss: ConnectionLost) -> None:
        """The core has closed: read what it may have said before, for that is the better reason, and end."""
        endpoint = self._endpoint
        try:
            while endpoint.session.state is not State.LEFT and self._commands.poll(int(LAST_WORDS * 1000), POLLIN):
                endpoint.receive()
            if endpoint.session.state is not State.LEFT:
                raise loss
        except Ended as end:
            endpoint.finish(end)
            raise

    def _check_not_handling(self) -> None:
        self._endpoint.check()
        if self._handling:
            raise RuntimeError("run() or poll() was called inside a handler; return from it, and the next one runs")

    def _handle_one(self) -> None:
        """Call the handlers of the event that has waited longest, if any."""
        event = self._session.inbox.take()
        if event is None:
            return
        self._handling = True
        try:
            for handler in self._endpoint.handlers(event):
                handler(event)
        finally:
            self._handling = False


class Options:
    """A connection with options for the calls made through it."""

    __slots__ = ("_connection", "_timeout")

    def __init__(self, connection: Connection, timeout: float | None) -> None:
        self._connection = connection
        self._timeout = timeout

    def invoke(self, command: str, /, **arguments: Any) -> Any:
        """`Connection.invoke` with these options."""
        return self.call(command, **arguments).result()

    def call(self, command: str, /, **arguments: Any) -> PendingCall:
        """`Connection.call` with these options; the time begins now."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        return PendingCall(self._connection, self._connection._begin(command, arguments), deadline)


class PendingCall:
    """A call that has begun."""

    __slots__ = ("_connection", "_deadline", "_pending")

    def __init__(self, connection: Connection, pending: Pending, deadline: float | None) -> None:
        self._connection = connection
        self._pending = pending
        self._deadline = deadline

    def result(self) -> Any:
        """Wait for the answer and return its value. Raises as `Connection.invoke` does. May be called again."""
        if not self._pending.done:
            self._connection._endpoint.check()
        return self._connection._wait(self._pending, self._deadline)

    def done(self) -> bool:
        """Whether the answer is there. Sends what has gathered, and reads without waiting."""
        if not self._pending.done:
            self._connection._endpoint.check()
            self._connection._turn(0)
        return self._pending.done


def _milliseconds(deadline: float | None) -> int:
    """From now until `deadline`, rounded up; 0 once it has passed, -1 for none."""
    if deadline is None:
        return -1
    return max(0, ceil((deadline - time.monotonic()) * 1000))
