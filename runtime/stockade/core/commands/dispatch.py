"""Runs commands and listeners: on the loop, as tasks, or in threads, each call answered exactly once.

Knows no socket, no message and no policy: whoever dispatches has decided that the caller may, and sends the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

import attrs

from stockade import limits
from stockade.core.commands.caller import Caller
from stockade.core.commands.encoding import encode
from stockade.core.commands.refusals import Failures
from stockade.core.commands.registry import Command, Kind, Listener, Registry
from stockade.core.commands.signatures import Injection
from stockade.core.commands.threads import Job, Threads
from stockade.core.events.event import Event
from stockade.core.policy.patterns import Pattern
from stockade.core.policy.quota import Places
from stockade.errors import Code, CommandError, StartError

__all__ = ["Answer", "DispatchStatistics", "Dispatcher", "Running"]

#: Gets the answer of a call: a value of the wire and None, or None and the error, its data in values of the wire.
Answer = Callable[[Any, CommandError | None], None]
_Outcome = tuple[Any, CommandError | None]

_CODES = frozenset(Code)


@attrs.frozen
class DispatchStatistics:
    """Counts of a dispatcher. The first four are of now, the others since the start."""

    coroutines: int
    threads: int  # jobs that hold a thread, abandoned ones and listeners' too
    queued: int  # jobs that wait for a thread
    abandoned: int  # cancelled and answered, but not ended yet
    answered: Mapping[str, int]  # "result", a code of errors.Code, or "application" for all codes with a dot
    delivered: int  # events handed to listeners
    deliveries_failed: int
    deliveries_dropped: int  # because too many of the same source were in flight
    over_concurrency: Mapping[str, int]  # calls that a command's max_concurrency has refused, where it has one


@attrs.frozen
class _Ready:
    """A command or listener with all that is known before a call."""

    name: str
    kind: Kind
    function: Callable[..., Any]
    bind: Callable[[Mapping[str, Any]], dict[str, Any]]
    encode: Callable[[Any], Any]
    refuse: Callable[[BaseException, str, str], CommandError]
    constants: Mapping[str, Any]
    given: tuple[str, ...]  # parameters that get the Caller of each call, or the Event of each delivery
    places: Places | None = None  # of its max_concurrency

    def keywords(self, given: Caller | Event, arguments: Mapping[str, Any]) -> dict[str, Any]:
        keywords = self.bind(arguments)
        for name in self.given:
            keywords[name] = given
        if self.constants:
            keywords.update(self.constants)
        return keywords


@attrs.define(eq=False)
class Running:
    """A call that is not answered yet. Its `answer` is called once, on the loop's thread."""

    _dispatcher: Dispatcher
    _answer: Answer | None
    _places: Places | None
    #: Stops the work if that can be done; True where it will now never run, so that no end of it will come.
    _stop: Callable[[], bool] = attrs.field(init=False)

    def cancel(self) -> None:
        """Answer `cancelled` at once and stop the work; nothing happens where the call is answered.

        A task is cancelled, a call that waits for a thread is taken back. A thread that runs cannot be stopped, and a
        task may refuse: such work is abandoned. Its result is dropped when it ends, and it holds its place till then.
        """
        if self._answer is not None:
            self._dispatcher._abandon(self, never_runs=self._stop())
            self._say(None, CommandError(Code.CANCELLED, "the call was cancelled"))

    def _say(self, value: Any, error: CommandError | None) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(value, error)


@attrs.define(eq=False)
class Dispatcher:
    """Runs the commands and listeners of a registry. Every method is for the loop's thread.

    `injected` has a value for each class that the registry injects, but Caller and Event, which come with each call;
    StartError where one is missing.
    """

    _registry: Registry
    _loop: asyncio.AbstractEventLoop
    _common_threads: int
    _threads_per_worker: int
    _injected: Mapping[type, Any]
    _log: logging.Logger
    _commands: dict[str, _Ready] = attrs.field(init=False)
    _listeners: list[tuple[Pattern, _Ready]] = attrs.field(init=False)
    _threads: Threads = attrs.field(init=False)
    _failures: Failures = attrs.field(init=False)
    _running: set[Running] = attrs.field(factory=set, init=False)
    _abandoned: set[Running] = attrs.field(factory=set, init=False)
    _tasks: set[asyncio.Task[_Outcome]] = attrs.field(factory=set, init=False)
    _in_delivery: Counter[str] = attrs.field(factory=Counter, init=False)
    _answered: Counter[str] = attrs.field(factory=Counter, init=False)
    _delivered: Counter[str] = attrs.field(factory=Counter, init=False)

    def __attrs_post_init__(self) -> None:
        registry = self._registry
        failures = self._failures = Failures(self._log, time.monotonic, self._flush_later)
        self._commands = {
            each.name: self._ready(each.name, each, each.binder.bind, encode, failures.refusal)
            for each in registry.commands.values()
        }
        self._listeners = [
            (each.pattern, self._ready(each.function.__name__, each, dict, _nothing, failures.logged))
            for each in registry.listeners
        ]
        self._threads = Threads(self._loop, self._common_threads, self._threads_per_worker, self._log)

    def dispatch(
        self, caller: Caller, command: Command, arguments: Mapping[str, Any], answer: Answer
    ) -> Running | None:
        """Run a command of the registry for `caller`; `answer` is called exactly once, on the loop's thread.

        An inline command is answered before this returns None, and so is one that is `busy`: over its max_concurrency,
        or if it could get a thread only when what was abandoned ends. Any other returns its Running. What the command
        raises, be it SystemExit, is answered, never raised here. Measured: 1.7 µs for an inline command of two ints.
        """
        ready = self._commands[command.name]
        if ready.kind is Kind.INLINE:
            value, error = self._attempt(ready, caller, arguments)
        elif ready.kind is Kind.THREAD and self._threads.is_stuck(caller.worker):
            value, error = None, CommandError(Code.BUSY, _STUCK)
        elif ready.places is not None and not ready.places.take():
            reason = f"{ready.places.limit} calls of {ready.name} run already"
            value, error = None, CommandError(Code.BUSY, reason)
        else:
            return self._start(ready, caller, arguments, caller.worker, self._counting(answer))
        self._answered["result" if error is None else _counted(error)] += 1
        answer(value, error)
        return None

    def deliver(self, event: Event) -> None:
        """Hand an event to every listener that matches it. Nothing comes back: failures are logged and counted.

        A listener that is slow makes its events wait, up to a bound for each source; what comes above is dropped,
        counted and logged.
        """
        for pattern, ready in self._listeners:
            if not pattern.matches(event.name):
                continue
            if self._in_delivery[event.source] >= limits.DELIVERIES:
                self._drop(ready, event)
                continue
            self._in_delivery[event.source] += 1
            self._start(ready, event, {}, event.source, partial(self._delivery_ended, event.source))

    def close(self) -> None:
        """Cancel all that runs, calls and deliveries; what waits for an answer is answered `cancelled`."""
        for running in list(self._running):
            running.cancel()
        self._failures.flush()

    def statistics(self) -> DispatchStatistics:
        """What runs now, and what has been."""
        return DispatchStatistics(
            coroutines=len(self._tasks),
            threads=self._threads.busy,
            queued=self._threads.queued,
            abandoned=len(self._abandoned),
            answered=dict(self._answered),
            delivered=self._delivered["ended"],
            deliveries_failed=self._delivered["failed"],
            deliveries_dropped=self._delivered["dropped"],
            over_concurrency={
                each.name: each.places.statistics().refused for each in self._commands.values() if each.places
            },
        )

    # -- preparing ----------------------------------------------------------------------------------------------------

    def _ready(
        self,
        name: str,
        what: Command | Listener,
        bind: Callable[[Mapping[str, Any]], dict[str, Any]],
        encode: Callable[[Any], Any],
        refuse: Callable[[BaseException, str, str], CommandError],
    ) -> _Ready:
        constants = {each.name: self._value(each, what) for each in what.injections if each.kind not in _GIVEN}
        given = tuple(each.name for each in what.injections if each.kind in _GIVEN)
        limit = what.max_concurrency if isinstance(what, Command) else None
        places = None if limit is None else Places(limit)
        return _Ready(name, what.kind, what.function, bind, encode, refuse, constants, given, places)

    def _value(self, injection: Injection, what: Command | Listener) -> Any:
        if injection.kind not in self._injected:
            raise StartError(f"{what.file}:{what.line}: there is no {injection.kind.__name__} to inject")
        return self._injected[injection.kind]

    # -- running ------------------------------------------------------------------------------------------------------

    def _attempt(self, ready: _Ready, given: Caller | Event, arguments: Mapping[str, Any]) -> _Outcome:
        """Call the function, in whichever thread this is. Never raises."""
        try:
            return ready.encode(ready.function(**ready.keywords(given, arguments))), None
        except BaseException as error:  # noqa: BLE001 (a command's SystemExit must not end the core)
            return None, ready.refuse(error, *_subject(ready, given))

    async def _attempt_async(self, ready: _Ready, given: Caller | Event, arguments: Mapping[str, Any]) -> _Outcome:
        """Await the function. Raises CancelledError alone, and that only where this task is cancelled."""
        try:
            return ready.encode(await ready.function(**ready.keywords(given, arguments))), None
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return None, ready.refuse(error, *_subject(ready, given))  # of something that it awaited
        except BaseException as error:  # noqa: BLE001 (a command's SystemExit would end the loop)
            return None, ready.refuse(error, *_subject(ready, given))

    def _start(
        self, ready: _Ready, given: Caller | Event, arguments: Mapping[str, Any], owner: str, answer: Answer
    ) -> Running:
        running = Running(self, answer, ready.places)
        self._running.add(running)
        if ready.kind is Kind.COROUTINE:
            self._start_task(running, self._attempt_async(ready, given, arguments))
        else:
            # Its arguments are bound in the thread too: large ones must not hold the loop.
            work = partial(self._attempt, ready, given, arguments)
            job = Job(owner, work, lambda outcome: self._ended(running, outcome))
            running._stop = partial(self._threads.withdraw, job)
            self._threads.submit(job)
        return running

    def _start_task(self, running: Running, work: Coroutine[Any, Any, _Outcome]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)  # the loop itself holds its tasks weakly

        def ended(task: asyncio.Task[_Outcome]) -> None:
            self._tasks.discard(task)
            if task.cancelled():  # by `cancel`, which has answered, or by whoever closes the loop
                self._ended(running, (None, CommandError(Code.CANCELLED, "the call was cancelled")))
            else:
                self._ended(running, task.result())

        def stop() -> bool:
            task.cancel()
            return False

        task.add_done_callback(ended)
        running._stop = stop

    def _ended(self, running: Running, outcome: _Outcome) -> None:
        self._running.discard(running)
        self._abandoned.discard(running)
        if running._places is not None:
            running._places.give_back()
        running._say(*outcome)

    def _abandon(self, running: Running, *, never_runs: bool) -> None:
        self._running.discard(running)
        if not never_runs:
            self._abandoned.add(running)
        elif running._places is not None:
            running._places.give_back()

    def _counting(self, answer: Answer) -> Answer:
        def counted(value: Any, error: CommandError | None) -> None:
            self._answered["result" if error is None else _counted(error)] += 1
            answer(value, error)

        return counted

    def _flush_later(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the core is on its way out
            self._loop.call_soon_threadsafe(self._loop.call_later, 1.0, self._failures.flush)

    # -- deliveries ---------------------------------------------------------------------------------------------------

    def _delivery_ended(self, source: str, _value: Any, error: CommandError | None) -> None:
        self._in_delivery[source] -= 1
        if not self._in_delivery[source]:
            del self._in_delivery[source]
        self._delivered["ended" if error is None else "failed"] += 1

    def _drop(self, ready: _Ready, event: Event) -> None:
        self._delivered["dropped"] += 1
        dropped = self._delivered["dropped"]
        if dropped & (dropped - 1) == 0:  # the first, the second, the fourth ...: a flood must not flood the log too
            self._log.warning(
                "%s is too slow for the events of %s: %d dropped in all, now %s",
                ready.name,
                event.source,
                dropped,
                event.name,
            )


_GIVEN = (Caller, Event)
_STUCK = "calls that were cancelled and have not ended hold every thread that you may have"


def _nothing(_value: Any) -> None:
    """What a listener returns concerns nobody."""


def _subject(ready: _Ready, given: Caller | Event) -> tuple[str, str]:
    """What has failed, in words, and whose it was."""
    if isinstance(given, Caller):
        return f"command {ready.name}, called by {given.worker}@{given.generation},", given.worker
    return f"listener {ready.name}, given {given.name} of {given.source},", given.source


def _counted(error: CommandError) -> str:
    """What an error is counted under: an application's codes are together, they may be any number."""
    return error.code if error.code in _CODES else "application"
