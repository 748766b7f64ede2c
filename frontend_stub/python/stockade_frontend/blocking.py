"""The blocking face: `connect()`, and calls that wait for their answers. One thread, one connection.

Knows no poll: whatever waits here turns the loop of `blocking_turns`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import EllipsisType, TracebackType
from typing import Any, Literal, TypeVar

from stockade_frontend.asking import Asking, Manner
from stockade_frontend.blocking_calls import Options, PendingCall, begin, emit
from stockade_frontend.blocking_channels import ReceiveChannel, SendChannel
from stockade_frontend.blocking_handling import handle_call, handle_event
from stockade_frontend.blocking_turns import Turns, milliseconds
from stockade_frontend.channels import CREDIT, Receiver
from stockade_frontend.endpoint import LEAVE, QUEUE, Endpoint
from stockade_frontend.errors import DeadlineExceeded, Ended
from stockade_frontend.events import Handler, Subscription
from stockade_frontend.exporting import Handling, check_handler, declare
from stockade_frontend.handled import Handled
from stockade_frontend.statistics import Statistics

__all__ = ["Connection", "connect"]

#: Seconds that may pass without a look at the sockets while a worker only emits: so soon a ping is answered then.
LOOK = 0.01

_Function = TypeVar("_Function", bound=Callable[..., Any])


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
        self._session = session = endpoint.session
        self._turns = Turns(endpoint, spin)
        self._turn, self._interrupts = self._turns.turn, self._turns.interrupts
        self._call = session.call
        self._looked = 0.0
        self._takes_turns = 0
        while not endpoint.is_connected:
            self._turn(-1)
        #: This worker's label, and which start of it this is, from 1.
        self.label, self.generation = session.label, session.generation
        #: What this worker may call, listen to and emit.
        self.grants = session.grants
        #: What the core takes: ``message`` (bytes), ``batch``, ``calls`` (in flight), ``channels``, ``deadline``, ...
        self.limits = session.limits

    # -- who and what -------------------------------------------------------------------------------------------------

    @property
    def missed(self) -> int:
        """Events meant for this worker that no handler will see: the core had to drop them, or `queue` was full.

        Those that the core has sent behind an `unlisten` that it had not read yet look the same, and are counted too.
        """
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
        TooLarge), and EncodeError if an argument cannot be sent. Waits while the core is busy. An interrupt (Ctrl-C)
        cancels the command.
        """
        # Measured in paired blocks of 200 beside a bare send and recv of a frame, against a core that only decodes and
        # encodes: 107 µs beside 75 (median of the ratios 1.40). This thread's CPU: 29 µs beside 8, of which polling all
        # four instead of one socket is 9 and CBOR both ways 10: after each sleep the caches are cold.
        self._endpoint.check()
        if self._turns.serving is not None:  # the call or event that is being handled goes along
            return Options(self._turns).invoke(command, **arguments)
        self._interrupts.held = True  # until it is sent, by the first turn
        try:
            pending = self._call(command, arguments)
        except BaseException:
            self._interrupts.held = False
            raise
        try:
            while not pending.done:
                self._turn(-1)
        except BaseException:
            self._turns.give_up(pending)
            raise
        return pending.result()

    def call(self, command: str, /, **arguments: Any) -> PendingCall:
        """Begin a command, and go on: ``call.result()`` waits for its value. Raises as `invoke` does before sending.

        Calls are sent together, in batches, when there are many or something waits: a result, `invoke`, `poll`, `run`.
        """
        turns = self._turns
        return PendingCall(turns, begin(turns, command, arguments, None if turns.serving is None else _asking(turns)))

    def stream(self, command: str, /, *, credit: int = CREDIT, **arguments: Any) -> ReceiveChannel:
        """Run a command that yields, and receive what it does: ``for row in core.stream("rows.all")``.

        `credit`: items that it may be ahead. Leaving the loop, or the ``with`` block, early closes the command.
        """
        return Options(self._turns).stream(command, credit=credit, **arguments)

    def options(
        self,
        *,
        timeout: float | EllipsisType | None = ...,
        wait: bool = True,
        idempotent: bool = False,
        view: bool = False,
        trace: str | None = None,
    ) -> Options:
        """How to call: ``core.options(timeout=2).invoke(...)``; there are `call`, `stream` and `emit` too.

        `timeout`: seconds, after which the command is cancelled and DeadlineExceeded raised; None: as long as it takes;
        unsaid: the core's own, ``limits.deadline``. `wait`: whether to try again while the core is busy; without it
        Busy is raised at once. `idempotent`: the command may be run twice, should the worker that runs it die.
        `view`: large bytes come as a memoryview of what came, without a copy. `trace`: a W3C traceparent.
        """
        return Options(self._turns, Manner(timeout, wait, idempotent, view, trace).checked())

    def send_channel(self) -> SendChannel:
        """An end to send on, to be passed to a call as an argument that the command receives from."""
        return SendChannel(self._turns)

    def receive_channel(self, *, credit: int = CREDIT, view: bool = False) -> ReceiveChannel:
        """An end to receive from, to be passed to a call as an argument that the command sends on.

        `credit`: items that the command may be ahead. `view` as `options` has it.
        """
        return ReceiveChannel(self._turns, Receiver(credit, view))

    def ping(self) -> float:
        """Ask whether the core is there. Returns the seconds that the answer took."""
        self._endpoint.check()
        began = time.perf_counter()
        self._turns.wait(self._session.ping())
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
        check_handler(handler)
        subscription = Subscription(name, handler, once, self.unlisten)
        pending = self._endpoint.listen(subscription)
        try:
            if pending is not None:
                self._turns.wait(pending)
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
        now = time.monotonic()
        if now - self._looked > LOOK:
            self._looked = now
            self._turn(0)
        emit(self._turns, name, payload, to, None)

    # -- answering ----------------------------------------------------------------------------------------------------

    def export(
        self, name: str, *, concurrency: int = 1, idempotent: bool = False, view: bool = False
    ) -> Callable[[_Function], _Function]:
        """Answer a command: ``@core.export("thumbs.make")`` on a function, before `ready` or `run`.

        The function gets the arguments by name; what it returns, or yields, is the answer, and a CommandError that it
        raises is too. It runs inside `run` and `poll`, one at a time; the core sends up to `concurrency` ahead.
        `idempotent`: it may be run twice. `view`: large bytes come as views. The configuration bounds what is exported.
        """
        self._endpoint.check()
        decorate = declare(self._session.handled, self._session.is_ready, name, concurrency, idempotent, view)

        def checked(handler: _Function) -> _Function:
            check_handler(handler)
            return decorate(handler)

        return checked

    @property
    def handling(self) -> Handling:
        """The call that is being handled. Raises RuntimeError outside the handler of an exported command."""
        serving = self._turns.serving
        if not isinstance(serving, Handled):
            raise RuntimeError("no call is being handled: this is not inside the handler of an exported command")
        return Handling(serving, lambda: self._turn(0))

    # -- living -------------------------------------------------------------------------------------------------------

    def ready(self) -> None:
        """Say that this worker has set up what it needs. Once; `run` does it if it has not been done."""
        self._endpoint.check()
        self._session.ready()
        self._turn(0)

    def run(self) -> None:
        """Handle events and calls until the core asks this worker to stop; what still waits then is not handled.

        What the handler of an event raises comes out of here: unless it is caught it ends the worker with a traceback,
        and the supervisor does what its restart policy says. What a call's handler raises is its answer.
        """
        self._check_not_handling()
        self._session.ready()
        session = self._session
        while True:
            self._turn(0 if session.inbox or session.handled.asked or session.stopping else -1)
            if session.stopping:
                return
            self._handle_one()

    def poll(self, timeout: float | None = 0.0) -> int:
        """Handle the events and calls that are there, and return their count; wait up to `timeout` seconds (None: for
        ever) for the first. Returns early, maybe with 0, when the core asks this worker to stop: see `stopping`.
        """
        self._check_not_handling()
        session = self._session
        deadline = None if timeout is None else time.monotonic() + timeout
        self._turn(0)
        while not session.inbox and not session.handled.asked and not session.stopping:
            left = milliseconds(deadline)
            if left == 0:
                return 0
            self._turn(left)
        waiting, count = len(session.inbox) + len(session.handled.asked), 0
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
            self._turns.wait(self._session.bye(), time.monotonic() + LEAVE)
        except DeadlineExceeded:
            pass  # `left` says so
        finally:
            self._interrupts.close()
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

    def _check_not_handling(self) -> None:
        self._endpoint.check()
        if self._turns.serving is not None:
            raise RuntimeError("run() or poll() was called inside a handler; return from it, and the next one runs")

    def _handle_one(self) -> None:
        """Handle the event or the call that has waited longest of its kind, by turns where both wait."""
        self._takes_turns += 1
        handled = self._session.handled.begin() if self._takes_turns % 2 or not self._session.inbox else None
        if handled is not None:
            handle_call(self._turns, handled)
        elif (event := self._session.inbox.take()) is not None:
            handle_event(self._turns, event)


def _asking(turns: Turns) -> Asking:
    """A call without options that is made inside a handler."""
    return turns.belong(Asking())
