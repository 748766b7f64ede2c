"""`max_concurrency`: so many calls of a command run at once, and one more is busy at once."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stockade import Caller
from stockade.core.commands.dispatch import Dispatcher, Running
from stockade.core.commands.registry import Registry
from stockade.errors import CommandError

Application = Callable[..., Registry]
Call = Callable[..., "tuple[Running | None, asyncio.Future[Any]]"]

COMMANDS = """
import asyncio, threading
gate, begun = threading.Event(), []

@command("wait", max_concurrency=2)
def wait() -> None:
    begun.append(1)
    gate.wait(30)

@command("sleep", max_concurrency=2)
async def sleep() -> None:
    await asyncio.Event().wait()

@command("stubborn", max_concurrency=1)
async def stubborn() -> None:
    while not gate.is_set():
        try:
            await asyncio.sleep(0.001)
        except asyncio.CancelledError:
            begun.append(1)

@command("fails", max_concurrency=1)
async def fails() -> None:
    raise ValueError
"""


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (statistics tell nobody when they change)
        await asyncio.sleep(0.001)


def run(registry: Registry, test: Callable[[Dispatcher, Call], Awaitable[None]], threads: int = 4) -> None:
    """Run `test` with a dispatcher, and with what calls a command: it gives the Running and a future of the answer."""
    assert registry.faults == ()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        dispatcher = Dispatcher(registry, loop, threads, threads, {}, logging.getLogger("test"))

        def call(command: str, worker: str = "editor", /, **arguments: Any) -> tuple[Running | None, Any]:
            answer: asyncio.Future[Any] = loop.create_future()

            def answered(value: Any, error: CommandError | None) -> None:
                answer.set_result(value if error is None else error.code)

            caller = Caller(worker, 1, command, None)  # type: ignore[arg-type]
            return dispatcher.dispatch(caller, registry.commands[command], arguments, answered), answer

        async with asyncio.timeout(20):
            await test(dispatcher, call)
            await until(lambda: not dispatcher.statistics().coroutines and not dispatcher.statistics().threads)

    asyncio.run(main())


@pytest.mark.parametrize("command", ["wait", "sleep"])
def test_one_more_is_busy_at_once_whoever_calls(application: Application, command: str) -> None:
    """The limit is of all callers together; what is refused is counted, and never runs."""
    registry = application(app=COMMANDS)

    async def test(dispatcher: Dispatcher, call: Call) -> None:
        running = [call(command, worker)[0] for worker in ("editor", "other")]
        for worker in ("editor", "other", "third"):
            none, answer = call(command, worker)
            assert none is None
            assert answer.result() == "busy"
        assert dispatcher.statistics().over_concurrency == {"wait": 0, "sleep": 0, "stubborn": 0, "fails": 0} | {
            command: 3
        }
        for each in running:
            assert each is not None
            each.cancel()
        sys.modules["app"].gate.set()

    run(registry, test)
    assert len(sys.modules["app"].begun) <= 2


def test_a_place_comes_back_with_the_end_of_a_call(application: Application) -> None:
    """Of one that returned, one that raised and one that was cancelled before it ran."""
    registry = application(app=COMMANDS)

    async def test(dispatcher: Dispatcher, call: Call) -> None:
        for _ in range(3):
            assert await call("fails")[1] == "failed"
            running, answer = call("sleep")
            assert running is not None
            running.cancel()
            assert await answer == "cancelled"
            await asyncio.sleep(0)
        sys.modules["app"].gate.set()
        for _ in range(3):
            assert await call("wait")[1] is None

    run(registry, test)


def test_a_call_that_waits_for_a_thread_has_its_place(application: Application) -> None:
    """And gives it back when it is taken back before it has run."""
    registry = application(app=COMMANDS)

    async def test(dispatcher: Dispatcher, call: Call) -> None:
        call("wait")
        waiting, answer = call("wait")
        assert dispatcher.statistics().queued == 1
        assert call("wait")[1].result() == "busy"
        assert waiting is not None
        waiting.cancel()
        assert answer.result() == "cancelled"
        last = call("wait")[1]
        assert not last.done()
        sys.modules["app"].gate.set()
        assert await last is None

    run(registry, test, threads=1)
    assert len(sys.modules["app"].begun) == 2


@pytest.mark.parametrize("command", ["stubborn", "wait"])
def test_what_was_cancelled_and_goes_on_keeps_its_place(application: Application, command: str) -> None:
    """Its caller has its answer, but what the limit protects is still in use."""
    registry = application(app=COMMANDS)

    async def test(dispatcher: Dispatcher, call: Call) -> None:
        running = [call(command)[0] for _ in range(1 if command == "stubborn" else 2)]
        if command == "wait":
            await until(lambda: len(sys.modules["app"].begun) == 2)
        await asyncio.sleep(0)
        for each in running:
            assert each is not None
            each.cancel()
        await until(lambda: len(sys.modules["app"].begun) == len(running))
        assert call(command)[1].result() == "busy"
        sys.modules["app"].gate.set()
        await until(lambda: not dispatcher.statistics().abandoned)
        assert await call(command)[1] is None

    run(registry, test)


def test_a_limit_that_is_none_is_a_fault(application: Application) -> None:
    """With the line of the command; an inline command runs alone anyway."""
    registry = application(
        app="""
        @command("a", max_concurrency=0)
        def a() -> None: ...

        @command("b", max_concurrency=True)
        def b() -> None: ...

        @command("c", inline=True, max_concurrency=2)
        def c() -> None: ...
        """
    )
    assert [str(fault) for fault in registry.faults] == [
        "app.py:3: max_concurrency is 0; write how many calls may run at once, 1 or more",
        "app.py:6: max_concurrency is True; write how many calls may run at once, 1 or more",
        "app.py:9: c is inline and has max_concurrency; leave it out: an inline command runs alone",
    ]
