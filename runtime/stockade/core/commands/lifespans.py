"""The application's lifespans: entered in order before the first call, left in reverse when the core ends.

Knows no command. Plain generators run in one thread of their own: one that blocks must not keep the core from
answering its supervisor, and one that hangs must not keep it from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any

import attrs

from stockade import limits
from stockade.core.commands.registry import Lifespan
from stockade.errors import StartError

__all__ = ["Lifespans"]

_Generator = Generator[Any, None, None] | AsyncGenerator[Any, None]


class _Over(Exception):
    """A generator has ended. Stands for StopIteration, which no future takes."""


@attrs.define
class _Thread:
    """One daemon thread that runs what it is given, in order."""

    _loop: asyncio.AbstractEventLoop
    _work: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = attrs.field(factory=SimpleQueue)
    _started: bool = False

    def run(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        if not self._started:
            threading.Thread(target=self._serve, name="stockade-lifespans", daemon=True).start()
            self._started = True
        future: asyncio.Future[Any] = self._loop.create_future()
        self._work.put((work, future))
        return future

    def end(self) -> None:
        self._work.put(None)

    def _serve(self) -> None:
        while (given := self._work.get()) is not None:
            work, future = given
            value, error = None, None
            try:
                value = work()
            except BaseException as raised:  # noqa: BLE001 (handed to whoever waits, SystemExit too)
                error = _carried(raised)
            with contextlib.suppress(RuntimeError):  # the loop is closed, nobody waits any more
                self._loop.call_soon_threadsafe(_settle, future, value, error)


def _carried(error: BaseException) -> BaseException:
    """`error` in a form that a future takes and that does not end the loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    carrier = StartError(f"{type(error).__name__}: {error}")
    carrier.__cause__ = error
    return carrier


def _settle(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():  # given up meanwhile
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)


@attrs.define
class Lifespans:
    """What has been entered and is yet to be left."""

    _loop: asyncio.AbstractEventLoop
    _log: logging.Logger
    _entered: list[tuple[Lifespan, _Generator]] = attrs.field(factory=list, init=False)
    _thread: _Thread = attrs.field(init=False, default=attrs.Factory(lambda self: _Thread(self._loop), takes_self=True))

    async def enter(self, lifespans: Sequence[Lifespan], injected: Mapping[type, Any]) -> dict[type, Any]:
        """Enter `lifespans` in this order; returns `injected` with their values added, for the Dispatcher.

        Raises StartError with file and line of the one that failed, after those before it have been left.
        """
        values = dict(injected)
        try:
            for each in lifespans:
                value = await self._enter(each, {one.name: values[one.kind] for one in each.injections})
                if each.yields is not None:
                    values[each.yields] = value
        except BaseException:
            await self.leave(limits.CORE_GRACE)
            raise
        return values

    async def leave(self, limit: float) -> None:
        """Leave all that was entered, last first, within `limit` seconds together. Failures and delays are logged."""
        deadline = self._loop.time() + limit
        while self._entered:
            each, generator = self._entered.pop()
            where = _place(each)
            leaving = asyncio.ensure_future(self._next(generator))
            await asyncio.wait({leaving}, timeout=max(0.0, deadline - self._loop.time()))
            if not leaving.done():
                self._log.error("%s did not end in time", where)
                leaving.cancel()
            elif leaving.cancelled():
                self._log.error("%s was cancelled while it ended", where)
            elif leaving.exception() is None:
                self._log.error("%s yielded twice; what follows its second yield is not run", where)
            elif not isinstance(leaving.exception(), _Over):
                self._log.error("%s failed at its end", where, exc_info=leaving.exception())
        self._thread.end()

    async def _enter(self, lifespan: Lifespan, keywords: Mapping[str, Any]) -> Any:
        """The value of one lifespan; raises StartError, or CancelledError where the start itself is given up."""
        where = _place(lifespan)
        try:
            generator = lifespan.function(**keywords)
            value = await self._next(generator)
        except _Over:
            raise StartError(f"{where} ended without a yield") from None
        except Exception as error:
            raise StartError(f"{where} raised {type(error).__name__}: {error}") from error
        self._entered.append((lifespan, generator))
        if lifespan.yields is not None:
            _check(value, lifespan.yields, where)
        return value

    async def _next(self, generator: _Generator) -> Any:
        """The next value of a generator; raises _Over at its end, and never what would end the loop."""
        if isinstance(generator, Generator):
            return await self._thread.run(partial(_step, generator))
        return await _step_async(generator)


def _place(lifespan: Lifespan) -> str:
    return f"{lifespan.file}:{lifespan.line}: lifespan {lifespan.function.__name__}"


def _step(generator: Generator[Any, None, None]) -> Any:
    try:
        return next(generator)
    except StopIteration:
        raise _Over from None


async def _step_async(generator: AsyncGenerator[Any, None]) -> Any:
    try:
        return await anext(generator)
    except StopAsyncIteration:
        raise _Over from None
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        raise _carried(error) from error


def _check(value: Any, kind: type, where: str) -> None:
    if not getattr(kind, "_is_protocol", False) and not isinstance(value, kind):
        raise StartError(f"{where} yielded a {type(value).__name__}, and says that it yields a {kind.__name__}")
