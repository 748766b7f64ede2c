"""The connection of the asyncio face: the verbs, as coroutines where they may have to wait. Knows no socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from inspect import isawaitable
from types import EllipsisType
from typing import Any, TypeVar

from stockade_frontend.aio_calls import Options, emit
from stockade_frontend.aio_channels import ReceiveChannel, SendChannel
from stockade_frontend.aio_handling import SERVING, Handlers
from stockade_frontend.aio_reactions import Reactions
from stockade_frontend.asking import Manner
from stockade_frontend.channels import CREDIT, Receiver
from stockade_frontend.endpoint import LEAVE, TURN, Endpoint
from stockade_frontend.events import Event, Handler, Subscription
from stockade_frontend.exporting import Handling, declare
from stockade_frontend.handled import Handled
from stockade_frontend.statistics import Statistics

__all__ = ["Connection"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Connection:
    """The connection of this worker to its core. It belongs to the event loop that made it.

    Every method raises `WrongThread` in another thread or process, and `Closed` after `close()`. When the core or the
    supervisor ends the conversation, a subclass of `Ended` (a SystemExit) leaves the loop itself: `asyncio.run` then
    cancels what runs, so that ``finally`` blocks are executed, and the process ends.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._session = session = endpoint.session
        self._handlers = Handlers()
        self._reactions = Reactions(endpoint, lambda: self._handlers.begin(self._reactions))
        self._call, self._answer = session.call, self._reactions.answer
        self._handling = False
        #: This worker's label, and which start of it this is, from 1.
        self.label, self.generation = session.label, session.generation

    async def connected(self) -> None:
        """Return when the core has welcomed this worker and takes its emits; `aio.connect` awaits it."""
        try:
            await self._answer(self._endpoint.greeted)
            await self._reactions.subscribed
        except BaseException:
            self._reactions.give_way()
            raise
        #: What this worker may call, listen to and emit.
        self.grants = self._session.grants
        #: What the core takes: ``message`` (bytes), ``batch``, ``calls`` (in flight), ``channels``, ``deadline``, ...
        self.limits = self._session.limits

    # -- who and what -------------------------------------------------------------------------------------------------

    @property
    def missed(self) -> int:
        """Events meant for this worker that no handler will see: the core had to drop them, or `queue` was full.

        Those that the core has sent behind an `unlisten` that it had not read yet look the same, and are counted too.
        """
        return self._session.inbox.missed

    @property
    def stopping(self) -> bool:
        """Whether this worker is asked to finish."""
        return self._session.stopping

    def statistics(self) -> Statistics:
        """The counts of this connection until now."""
        return self._session.statistics()

    @property
    def is_inherited(self) -> bool:
        """Whether this is a child that has its parent's connection by fork, and cannot use it."""
        return self._endpoint.is_inherited

    # -- calls --------------------------------------------------------------------------------------------------------

    async def invoke(self, command: str, /, **arguments: Any) -> Any:
        """Run a command in the core and return its value. While calls are in flight, those of one turn of
        the loop go out as one batch.

        Raises as the blocking `invoke` does, and waits while the core is busy. If the awaiting task is cancelled, so
        is the command.
        """
        self._endpoint.check()
        if SERVING.get() is not None:  # the call or event that is being handled goes along
            return await Options(self._reactions).invoke(command, **arguments)
        pending = self._call(command, arguments)
        return await self._answer(pending)

    def call(self, command: str, /, **arguments: Any) -> asyncio.Task[Any]:
        """Begin a command, and go on: awaiting the task that this returns gives its value, cancelling it cancels the
        command. Raises as `invoke` does before sending.

        Its channels may be used at once, which a task of `invoke` allows only when it has run for the first time.
        """
        return Options(self._reactions).call(command, **arguments)

    def stream(self, command: str, /, *, credit: int = CREDIT, **arguments: Any) -> ReceiveChannel:
        """Run a command that yields, and receive what it does: ``async for row in core.stream("rows.all")``.

        `credit`: items that it may be ahead. Leaving the ``async with`` block early closes the command; a loop without
        one does so when nothing refers to the stream any more.
        """
        return Options(self._reactions).stream(command, credit=credit, **arguments)

    def options(
        self,
        *,
        timeout: float | EllipsisType | None = ...,
        wait: bool = True,
        idempotent: bool = False,
        view: bool = False,
        trace: str | None = None,
    ) -> Options:
        """How to call: ``await core.options(timeout=2).invoke(...)``; there are `call`, `stream` and `emit` too.

        The options are those of the blocking `options`.
        """
        return Options(self._reactions, Manner(timeout, wait, idempotent, view, trace).checked())

    def send_channel(self) -> SendChannel:
        """An end to send on, to be passed to a call as an argument that the command receives from."""
        return SendChannel(self._reactions)

    def receive_channel(self, *, credit: int = CREDIT, view: bool = False) -> ReceiveChannel:
        """An end to receive from, to be passed to a call as an argument that the command sends on.

        `credit`: items that the command may be ahead. `view` as `options` has it.
        """
        return ReceiveChannel(self._reactions, Receiver(credit, view))

    async def ping(self) -> float:
        """Ask whether the core is there. Returns the seconds that the answer took."""
        self._endpoint.check()
        began = time.perf_counter()
        await self._answer(self._session.ping())
        return time.perf_counter() - began

    # -- events -------------------------------------------------------------------------------------------------------

    async def listen(self, name: str, handler: Handler) -> Subscription:
        """Call `handler(event)`, a function or coroutine function, for each event of this name, or, if it ends in a
        slash, of a name that begins so. Handlers run inside `run` and `poll`, one after the other, in order.

        Returns when the core has answered: from then on nothing is missed uncounted. Raises NotAllowed or Busy, and
        ValueError for what is no event's name.
        """
        return await self._listen(name, handler, once=False)

    async def once(self, name: str, handler: Handler) -> Subscription:
        """`listen`, for one event."""
        return await self._listen(name, handler, once=True)

    async def _listen(self, name: str, handler: Handler, *, once: bool) -> Subscription:
        self._endpoint.check()
        reactions = self._reactions
        subscription = Subscription(name, handler, once, self.unlisten)
        pending = self._endpoint.listen(subscription)
        reactions.guard(reactions.on_events)  # subscribing may have consumed the edge
        try:
            if pending is not None:
                if pending.waiter is None:
                    pending.waiter = reactions.loop.create_future()
                await asyncio.shield(pending.waiter)  # others may wait for the same answer
        except BaseException:
            if self._endpoint.over is None:
                self._endpoint.unlisten(subscription)
            raise
        return subscription

    def unlisten(self, subscription: Subscription) -> None:
        """Call its handler no more. Doing so again does nothing."""
        self._endpoint.check()
        self._endpoint.unlisten(subscription)
        self._reactions.guard(self._reactions.on_events)

    async def emit(self, name: str, payload: Any = None, /, *, to: str | None = None) -> None:
        """Emit an event, to all who listen or to the worker `to` alone. Waits only if the core does not read.

        Raises NotAllowed, TooLarge, EncodeError, and ValueError for what is no event's name. It has no answer: who
        needs to know invokes a command. If the awaiting task is cancelled while it waits, nothing is emitted.
        """
        await emit(self._reactions, name, payload, to, None)

    # -- answering ----------------------------------------------------------------------------------------------------

    def export(
        self, name: str, *, concurrency: int = 1, idempotent: bool = False, view: bool = False
    ) -> Callable[[_Function], _Function]:
        """Answer a command: ``@core.export("thumbs.make")`` on a function or coroutine function, before `ready`.

        As the blocking `export`, but each call has a task of its own, from `ready` on, and so up to `concurrency` at a
        time; when nobody wants the answer any more, the task is cancelled. It may yield as well.
        """
        self._endpoint.check()
        return declare(self._session.handled, self._session.is_ready, name, concurrency, idempotent, view)

    @property
    def handling(self) -> Handling:
        """The call that this task handles. Raises RuntimeError outside the handler of an exported command."""
        serving = SERVING.get()
        if not isinstance(serving, Handled):
            raise RuntimeError("no call is being handled: this is not inside the handler of an exported command")
        return Handling(serving, lambda: None)

    # -- living -------------------------------------------------------------------------------------------------------

    def ready(self) -> None:
        """Say that this worker has set up what it needs. Once; `run` does it if it has not been done."""
        self._endpoint.check()
        self._session.ready()
        self._reactions.guard(self._reactions.on_commands)

    async def run(self) -> None:
        """Handle events until the core asks this worker to stop; events that still wait then are not handled.

        What a handler raises comes out of here. Other tasks go on meanwhile, those of calls among them; to handle
        events beside other work, make this one a task.
        """
        self._check_not_handling()
        self.ready()
        while not self._session.stopping:
            await self._handle_some(TURN)
            if self._session.inbox:
                await asyncio.sleep(0)  # plain handlers alone would never let the loop turn
            elif not self._session.stopping:
                await self._reactions.something(None)

    async def poll(self, timeout: float | None = 0.0) -> int:
        """Handle the events that are there, and return their count; wait up to `timeout` seconds (None: for ever) for
        the first. Returns early, maybe with 0, when the core asks this worker to stop: see `stopping`.
        """
        self._check_not_handling()
        session = self._session
        self._reactions.guard(self._reactions.on_events)
        if not session.inbox and not session.stopping:
            await self._reactions.something(timeout)
        return await self._handle_some(len(session.inbox))

    def _check_not_handling(self) -> None:
        self._endpoint.check()
        if self._handling or self._reactions.idle is not None:
            raise RuntimeError("run() or poll() is at work already: events are handled one after the other")

    async def _handle_some(self, most: int) -> int:
        """Handle up to so many events; how many there were."""
        self._handling = True
        count = 0
        try:
            while count < most and not self._session.stopping and (event := self._session.inbox.take()) is not None:
                count += 1
                await self._handle(event)
        finally:
            self._handling = False
        return count

    async def _handle(self, event: Event) -> None:
        serving = SERVING.set(event if event.trace is not None else None)
        try:
            for handler in self._endpoint.handlers(event):
                handled = handler(event)
                if isawaitable(handled):
                    await handled
        finally:
            SERVING.reset(serving)

    async def close(self) -> None:
        """Take leave, as the blocking `close` does: two seconds at most. The end of ``async with`` does it.

        Calls that are being handled are cancelled.
        """
        endpoint, reactions = self._endpoint, self._reactions
        if endpoint.over is not None and not endpoint.is_inherited:
            return
        endpoint.check()
        await self._handlers.close(LEAVE)
        reactions.close_those_who_wait()
        bye = self._session.bye()
        try:
            async with asyncio.timeout(LEAVE):
                await self._answer(bye)
        except TimeoutError:
            pass  # `left` says so
        finally:
            reactions.give_way()
            endpoint.left()
            reactions.close_those_who_wait()
