"""Handlers of the asyncio face: a task for each call, and what a task's calls and emits belong to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar
from functools import partial
from inspect import isawaitable
from typing import Any

from stockade_frontend.aio_channels import ReceiveChannel, SendChannel
from stockade_frontend.aio_reactions import Reactions
from stockade_frontend.asking import Asking
from stockade_frontend.channels import Receiver, Sender
from stockade_frontend.errors import Cancelled, CommandError, Dropped, InvalidArgs
from stockade_frontend.events import Event
from stockade_frontend.exporting import check_stream, conclude, refusal
from stockade_frontend.handled import Handled

__all__ = ["SERVING", "Handlers", "belong"]

#: The call or event that the current task handles.
SERVING: ContextVar[Handled | Event | None] = ContextVar("stockade_serving", default=None)
_LEAVES = "the worker leaves"


def belong(asking: Asking) -> Asking:
    """A call made now belongs to the one that is being handled, and goes on with its trace.

    A task that a handler has started and left behind makes calls of its own once the handler has answered.
    """
    serving = SERVING.get()
    if serving is None:
        return asking
    if isinstance(serving, Handled) and (serving.stopped is not None or not serving.done):
        asking.parent = serving
    if asking.trace is None:
        asking.trace = serving.trace
    return asking


class Handlers:
    """The tasks of the calls that are being handled."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, reactions: Reactions) -> None:
        """Start a task for each call that waits."""
        calls = reactions.endpoint.session.handled
        while (handled := calls.begin()) is not None:
            task = reactions.loop.create_task(_handle(reactions, handled))
            handled.when_stopped = task.cancel
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, reactions, handled))

    def _ended(self, reactions: Reactions, handled: Handled, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() and not handled.done and reactions.endpoint.over is None:  # it was before it had begun
            conclude(reactions.endpoint.session.handled, handled, None, handled.stopped or Cancelled(_LEAVES))
            reactions.soon()

    async def close(self, patience: float) -> None:
        """Cancel those that run, but for the one that asks, and give them a moment to clean up."""
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=patience)


async def _handle(reactions: Reactions, handled: Handled) -> None:
    """Run the handler of an exported command, and answer. Only what ends the worker comes out."""
    session = reactions.endpoint.session
    SERVING.set(handled)
    value: Any = None
    error: CommandError | None = Cancelled("its handler was interrupted")
    try:
        check_stream(handled)
        arguments = handled.arguments | {
            name: _face_of(reactions, end) for name, end in handled.ends.items() if name != "yield"
        }
        value = handled.export.handler(**arguments)
        if "yield" in handled.ends:
            await _stream(reactions, handled, value)
            value = None
        elif isawaitable(value):
            value = await value
        error = None
    except asyncio.CancelledError:
        error = handled.stopped or Cancelled(_LEAVES)
        raise
    except Exception as reason:  # noqa: BLE001 (the application's own: it is logged, and answered)
        error = refusal(reason, handled, session.label)
    finally:
        if reactions.endpoint.over is None:
            conclude(session.handled, handled, value, error)
            reactions.soon()


def _face_of(reactions: Reactions, end: Sender | Receiver) -> SendChannel | ReceiveChannel:
    return SendChannel(reactions, end) if isinstance(end, Sender) else ReceiveChannel(reactions, end)


async def _stream(reactions: Reactions, handled: Handled, items: Any) -> None:
    """Send what a generator of either kind yields; it is closed when nobody wants the rest."""
    end = handled.ends["yield"]
    if not isinstance(end, Sender):
        raise InvalidArgs("what a command yields it sends; it does not receive it")
    channel = SendChannel(reactions, end)
    try:
        async for item in _each(items):
            await channel.send(item)
    except Dropped:
        pass  # nobody wants the rest, which is an end like another
    finally:
        if hasattr(items, "aclose"):
            await items.aclose()
        else:
            items.close()
    await channel.end()


async def _each(items: AsyncIterator[Any] | Iterable[Any]) -> AsyncIterator[Any]:
    if isinstance(items, AsyncIterator):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
