"""Calls to what workers export, as commands make them: `Workers`, injected where a parameter is annotated so.

Knows no worker and no pool: what `Workers` invokes goes to an invoker, the router, which alone decides who answers.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar, overload

import attrs

from stockade.core.commands.context import CURRENT, Context
from stockade.core.commands.invoked import invoked
from stockade.core.types.encoding import encode, encode_payload
from stockade.errors import CommandError, again
from stockade.observe.traces import TRACE

if TYPE_CHECKING:
    from stockade.observe.spans import Spans

__all__ = ["Invoked", "Invoker", "Request", "Workers"]

_Arguments = ParamSpec("_Arguments")
_Answered = TypeVar("_Answered")

#: Gets the answer: a value of the wire and None, or None and the error.
Answer = Callable[[Any, CommandError | None], None]


@attrs.frozen
class Request:
    """A call that a command makes. `within` is the call that it is running, None outside of one.

    `timeout` is how many seconds it may take, None for all that `within` has, which it never outlives.
    """

    command: str
    arguments: Mapping[str, Any]  # values of the wire
    within: Context | None
    trace: str | None
    timeout: float | None
    idempotent: bool


class Invoked(Protocol):
    """A call that may not be answered yet."""

    def cancel(self) -> None:
        """Answer it `cancelled` at once and have its replica stop; nothing happens where it is answered."""


class Invoker(Protocol):
    """Where calls go. Every method is for the loop's thread."""

    def invoke(self, request: Request, answer: Answer) -> Invoked | None:
        """Make a call; `answer` is called exactly once, on the loop's thread. None where it has been called already."""


@attrs.frozen
class Workers:
    """Invokes what workers export. Injected where a parameter is annotated `Workers`.

    A call goes to the replica that has the fewest, and waits where all are busy. It ends with the call that the command
    is running, and has at most the time that is left for that. Errors are raised as CommandError: what the worker
    answered, `unavailable` where its replica died or none is there, `busy` where too many wait, `not_found` for what
    nobody exports, `deadline_exceeded`. No capability is asked: the core may call whatever is exported.

    A `busy` that a command lets pass tells its caller that the command did not run, and may be called again: catch it
    where something has been done before. While lifespans begin no worker is there yet.
    """

    _invoker: Invoker
    _loop: asyncio.AbstractEventLoop
    _thread: int = attrs.field(factory=threading.get_ident)  # the loop's
    _timeout: float | None = None
    _idempotent: bool = False
    _spans: Spans | None = None

    def options(self, *, timeout: float | None = None, idempotent: bool = False) -> Workers:
        """The same, for calls that may take `timeout` seconds, and that may run twice if they are `idempotent`: when
        the replica that runs one dies, it is given to another, once.
        """
        return attrs.evolve(self, timeout=timeout, idempotent=idempotent)

    @overload
    async def invoke(self, command: str, /, **arguments: Any) -> Any: ...

    @overload
    async def invoke(
        self,
        command: Callable[_Arguments, Coroutine[Any, Any, _Answered]],
        /,
        *at: _Arguments.args,
        **arguments: _Arguments.kwargs,
    ) -> _Answered: ...

    @overload
    async def invoke(
        self, command: Callable[_Arguments, _Answered], /, *at: _Arguments.args, **arguments: _Arguments.kwargs
    ) -> _Answered: ...

    async def invoke(self, command: str | Callable[..., Any], /, *at: Any, **arguments: Any) -> Any:
        """Call what a worker exports, and return what it answers, in values of the wire.

        By a function that `exported` declares the answer is of the type that it is annotated with; one that does not
        fit is `failed`. Raises CommandError, ValueError for an argument that cannot cross the wire, and TypeError for
        a function that declares no command, or one with a stream or channels.
        """
        if not isinstance(command, str):
            declared = invoked(command)
            return declared.answered(await self.invoke(declared.name, **declared.arguments(at, arguments)))
        with self._span(command):
            return await self._answer(self._request(command, arguments))

    async def _answer(self, request: Request) -> Any:
        answered: asyncio.Future[tuple[Any, CommandError | None]] = self._loop.create_future()

        def answer(value: Any, error: CommandError | None) -> None:
            if not answered.done():
                answered.set_result((value, error))

        invoked = self._invoker.invoke(request, answer)
        try:
            value, error = await answered
        finally:
            if invoked is not None:
                invoked.cancel()  # where the task is cancelled that waits here; else it is answered
        return _outcome(value, error)

    @overload
    def invoke_blocking(self, command: str, /, **arguments: Any) -> Any: ...

    @overload
    def invoke_blocking(
        self,
        command: Callable[_Arguments, Coroutine[Any, Any, _Answered]],
        /,
        *at: _Arguments.args,
        **arguments: _Arguments.kwargs,
    ) -> _Answered: ...

    @overload
    def invoke_blocking(
        self, command: Callable[_Arguments, _Answered], /, *at: _Arguments.args, **arguments: _Arguments.kwargs
    ) -> _Answered: ...

    def invoke_blocking(self, command: str | Callable[..., Any], /, *at: Any, **arguments: Any) -> Any:
        """`invoke`, from a thread: for commands that are no coroutines. Raises RuntimeError on the loop's thread."""
        if not isinstance(command, str):
            declared = invoked(command)
            return declared.answered(self.invoke_blocking(declared.name, **declared.arguments(at, arguments)))
        if threading.get_ident() == self._thread:
            raise RuntimeError("this would stop the core's loop, which the answer comes through: await invoke() here")
        with self._span(command):
            return self._answer_blocking(self._request(command, arguments))

    def _answer_blocking(self, request: Request) -> Any:
        answered: concurrent.futures.Future[tuple[Any, CommandError | None]] = concurrent.futures.Future()

        def answer(value: Any, error: CommandError | None) -> None:
            answered.set_result((value, error))

        self._loop.call_soon_threadsafe(self._invoker.invoke, request, answer)
        return _outcome(*answered.result())

    def _span(self, command: str) -> AbstractContextManager[object]:
        return nullcontext() if self._spans is None else self._spans.asked(str(command), {})

    def _request(self, command: str, arguments: dict[str, Any]) -> Request:
        encoded = {name: encode_payload(value) for name, value in arguments.items()}
        return Request(encode(command), encoded, CURRENT.get(), TRACE.get(), self._timeout, self._idempotent)


def _outcome(value: Any, error: CommandError | None) -> Any:
    if error is not None:
        raise again(error)
    return value
