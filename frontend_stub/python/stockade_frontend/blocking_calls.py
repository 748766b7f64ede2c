"""Calls of the blocking face beyond the plain one: with options, begun and awaited later, and streams."""

from __future__ import annotations

from time import monotonic
from typing import Any

from stockade_frontend.asking import PLAIN, Asking, Manner
from stockade_frontend.blocking_channels import ReceiveChannel
from stockade_frontend.blocking_turns import Turns
from stockade_frontend.channels import CREDIT, Receiver
from stockade_frontend.endpoint import EAGER
from stockade_frontend.errors import Cancelled
from stockade_frontend.pending import Pending

__all__ = ["Options", "PendingCall", "begin", "emit"]


class PendingCall:
    """A call that has begun."""

    __slots__ = ("_pending", "_turns")

    def __init__(self, turns: Turns, pending: Pending) -> None:
        self._turns = turns
        self._pending = pending

    def result(self) -> Any:
        """Wait for the answer and return its value. Raises as `Connection.invoke` does. May be called again."""
        if not self._pending.done:
            self._turns.endpoint.check()
        return self._turns.wait(self._pending)

    def done(self) -> bool:
        """Whether the answer is there. Sends what has gathered, and reads without waiting."""
        if not self._pending.done:
            self._turns.endpoint.check()
            self._turns.turn(0)
        return self._pending.done

    def cancel(self) -> bool:
        """Nobody wants the answer any more: the core stops the command, and `result` raises Cancelled.

        False if the answer has come already. The command may have run all the same.
        """
        if self._pending.done:
            return False
        self._turns.endpoint.check()
        self._turns.endpoint.session.cancel(self._pending, Cancelled("this worker has cancelled it"))
        self._turns.soon()
        return True


class Options:
    """A connection with options for the calls made through it; `Connection.options` says what they mean."""

    __slots__ = ("_manner", "_turns")

    def __init__(self, turns: Turns, manner: Manner = PLAIN) -> None:
        self._turns = turns
        self._manner = manner

    def invoke(self, command: str, /, **arguments: Any) -> Any:
        """`Connection.invoke` with these options."""
        pending = begin(self._turns, command, arguments, self._asking())
        try:
            return self._turns.wait(pending)
        except BaseException:
            self._turns.give_up(pending)
            raise

    def call(self, command: str, /, **arguments: Any) -> PendingCall:
        """`Connection.call` with these options; the time begins now."""
        return PendingCall(self._turns, begin(self._turns, command, arguments, self._asking()))

    def stream(self, command: str, /, *, credit: int = CREDIT, **arguments: Any) -> ReceiveChannel:
        """`Connection.stream` with these options; the time is that of the whole stream."""
        stream = ReceiveChannel(self._turns, Receiver(credit, self._manner.view))
        return stream.of(begin(self._turns, command, {**arguments, "yield": stream}, self._asking()))

    def emit(self, name: str, payload: Any = None, /, *, to: str | None = None) -> None:
        """`Connection.emit` with the option `trace`; the others are for calls."""
        emit(self._turns, name, payload, to, self._manner.trace)

    def _asking(self) -> Asking:
        return self._turns.belong(self._manner.asking(monotonic()))


def begin(turns: Turns, command: str, arguments: dict[str, Any], asking: Asking | None) -> Pending:
    """Begin a call; returns when it is in flight, or has its answer already."""
    turns.endpoint.check()
    session = turns.endpoint.session
    turns.interrupts.held = True
    try:
        pending = session.call(command, arguments, asking, 0.0 if asking is None else monotonic())
    finally:
        turns.interrupts.let()
    if not pending.key:
        try:
            while not pending.key and not pending.done:
                turns.turn(-1)
        except BaseException:
            turns.give_up(pending)
            raise
    if len(session.outbox) >= EAGER:
        turns.turn(0)
    return pending


def emit(turns: Turns, name: str, payload: Any, to: str | None, trace: str | None) -> None:
    """Emit an event; returns when it has gone."""
    if trace is None and turns.serving is not None:
        trace = turns.serving.trace
    prepared = turns.endpoint.session.prepare_emit(name, payload, to, trace)
    while not turns.endpoint.emit(prepared):
        turns.room_for_emits()
