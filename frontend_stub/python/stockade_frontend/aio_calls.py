"""Calls of the asyncio face beyond the plain one: with options, and streams."""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic
from typing import Any

from stockade_frontend.aio_channels import ReceiveChannel
from stockade_frontend.aio_handling import SERVING, belong
from stockade_frontend.aio_reactions import Reactions
from stockade_frontend.asking import PLAIN, Manner
from stockade_frontend.channels import CREDIT, Receiver
from stockade_frontend.pending import Pending

__all__ = ["Options", "emit"]


class Options:
    """A connection with options for the calls made through it; `Connection.options` says what they mean."""

    __slots__ = ("_manner", "_reactions")

    def __init__(self, reactions: Reactions, manner: Manner = PLAIN) -> None:
        self._reactions = reactions
        self._manner = manner

    async def invoke(self, command: str, /, **arguments: Any) -> Any:
        """`Connection.invoke` with these options."""
        return await self._answer(self._begin(command, arguments))

    def call(self, command: str, /, **arguments: Any) -> asyncio.Task[Any]:
        """`Connection.call` with these options; the time begins now."""
        pending = self._begin(command, arguments)
        task = self._reactions.loop.create_task(self._answer(pending))
        task.add_done_callback(partial(self._ended, pending))
        self._reactions.soon()
        return task

    def stream(self, command: str, /, *, credit: int = CREDIT, **arguments: Any) -> ReceiveChannel:
        """`Connection.stream` with these options; the time is that of the whole stream."""
        stream = ReceiveChannel(self._reactions, Receiver(credit, self._manner.view))
        pending = self._begin(command, {**arguments, "yield": stream})
        self._reactions.soon()
        return stream.of(pending)

    async def emit(self, name: str, payload: Any = None, /, *, to: str | None = None) -> None:
        """`Connection.emit` with the option `trace`; the others are for calls."""
        await emit(self._reactions, name, payload, to, self._manner.trace)

    async def _answer(self, pending: Pending) -> Any:
        await self._reactions.answer(pending)
        return pending.result()

    def _ended(self, pending: Pending, task: asyncio.Task[Any]) -> None:
        if task.cancelled():  # perhaps before it has begun to wait
            self._reactions.give_up(pending)

    def _begin(self, command: str, arguments: dict[str, Any]) -> Pending:
        endpoint, now = self._reactions.endpoint, monotonic()
        endpoint.check()
        return endpoint.session.call(command, arguments, belong(self._manner.asking(now)), now)


async def emit(reactions: Reactions, name: str, payload: Any, to: str | None, trace: str | None) -> None:
    """Emit an event; returns when it has gone."""
    reactions.endpoint.check()
    if trace is None and (serving := SERVING.get()) is not None:
        trace = serving.trace
    await reactions.emit(reactions.endpoint.session.prepare_emit(name, payload, to, trace))
