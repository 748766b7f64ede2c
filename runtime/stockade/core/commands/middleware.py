"""What stands around commands: an application's own rules, which see each call before it runs and its answer after.

Knows no thread, no task and no message: whoever runs a command gives what proceeds, and gets what to run instead.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from stockade.core.commands.caller import Caller
from stockade.core.commands.marks import MiddlewareMark
from stockade.core.commands.signatures import Faults, Injection, place, read
from stockade.core.policy.patterns import Pattern
from stockade.errors import CommandError
from stockade.names import COMMAND

__all__ = ["Call", "Guard", "Middleware", "Proceed", "read_middleware", "through"]


@attrs.frozen
class Call:
    """A call that is about to run: policy has allowed it, its arguments are as they came and not bound yet.

    `arguments` has values of the wire by name; it is there to be read.
    """

    caller: Caller
    arguments: Mapping[str, Any]

    @property
    def command(self) -> str:
        """The command's name."""
        return self.caller.command

    @property
    def deadline(self) -> float | None:
        """Seconds that are left for it, never negative; None where it has all the time it needs."""
        return self.caller.deadline


class Proceed(Protocol):
    """Runs what stands behind a middleware: the next one, or the command. Injected by annotation."""

    async def __call__(self) -> Any:
        """What the command answers, in values of the wire; once for each call, a second time is a RuntimeError.

        Raises CommandError, as the caller would get it, and where the call is cancelled CancelledError, to be let pass.
        """


@attrs.frozen
class Middleware:
    """A coroutine function around the commands that `pattern` matches. `line` is that of its first decorator."""

    pattern: Pattern
    function: Callable[..., Awaitable[Any]]
    injections: tuple[Injection, ...]
    file: str
    line: int


#: What each call gives a middleware; all else that one asks for is the same for every call.
GIVEN = (Call, Proceed)


@attrs.frozen
class Guard:
    """A middleware with all that is known before a call; `refuse` makes a CommandError of what it raises."""

    middleware: Middleware
    constants: Mapping[str, Any]
    refuse: Callable[[BaseException, str, str], CommandError]

    async def __call__(self, call: Call, proceed: Proceed) -> Any:
        """What the middleware answers. Raises CommandError; CancelledError alone where this task is cancelled."""
        given = {Call: call, Proceed: proceed}
        asked = {each.name: given[each.kind] for each in self.middleware.injections if each.kind in GIVEN}
        try:
            return await self.middleware.function(**asked, **self.constants)
        except CommandError:
            raise
        except BaseException as error:  # SystemExit too: it would end the loop
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            who = f"{call.caller.worker}@{call.caller.generation}"
            subject = f"middleware {self.middleware.function.__name__}, around {call.command} called by {who},"
            raise self.refuse(error, subject, call.caller.worker) from error


@attrs.define(eq=False)
class _Once:
    """What proceeds, and no second time: it may have used up what the caller sends."""

    proceed: Callable[[], Awaitable[Any]]
    _done: bool = attrs.field(default=False, init=False)

    async def __call__(self) -> Any:
        if self._done:
            raise RuntimeError("a middleware has proceeded twice with one call")
        self._done = True
        return await self.proceed()


def through(guards: Sequence[Guard], call: Call, run: Callable[[], Awaitable[Any]]) -> Awaitable[Any]:
    """The answer of `call` behind all `guards`, the first outermost. `run` runs the command; it raises CommandError."""
    for guard in reversed(guards):
        run = _behind(guard, call, _Once(run))
    return run()


def _behind(guard: Guard, call: Call, proceed: Proceed) -> Callable[[], Awaitable[Any]]:
    return lambda: guard(call, proceed)


def read_middleware(
    function: Callable[..., Any], mark: MiddlewareMark, given: frozenset[type], faults: Faults
) -> Middleware | None:
    """The middleware that a marked function is; None where its pattern is wrong. What is wrong goes into `faults`."""
    if not inspect.iscoroutinefunction(function):
        faults.add(function, f"middleware {function.__name__} is no coroutine function", "write it as async def")
    signature = read(function, given | set(GIVEN), None, faults)
    try:
        if not COMMAND.fullmatch(mark.pattern.replace("*", "x")):
            raise ValueError(f"{mark.pattern!r} can match no command")
        pattern = Pattern.compile(mark.pattern, ".")
    except ValueError as error:
        faults.add(function, str(error), "write segments as of a command's name, * or **, joined by dots")
        return None
    return Middleware(pattern, function, signature.injections, *place(function))
