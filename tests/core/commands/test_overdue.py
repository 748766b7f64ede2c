"""Deadlines and cancellation in the dispatcher: enforced whatever a handler does, told to it, and inherited."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from stockade import Caller, limits
from stockade.core.commands.context import Context
from stockade.core.commands.dispatch import Dispatcher, Running
from stockade.core.commands.registry import Registry
from stockade.errors import CommandError

Application = Callable[..., Registry]

PATIENCE = 20

APP = """
import asyncio, threading
from stockade.core.commands.context import CURRENT
from stockade.errors import Cancelled
seen, gates = [], {}
def gate(name): return gates.setdefault(name, threading.Event())
@command("deaf")
def deaf(name: str) -> str:
    seen.append(name)
    gate(name).wait()
    return name
@command("attentive")
def attentive(caller: Caller) -> str:
    seen.append(("cancelled", caller.cancelled))
    try:
        while True:
            caller.check()
            threading.Event().wait(0.001)
    except Cancelled:
        seen.append("noticed")
        raise
@command("stubborn")
async def stubborn() -> str:
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError:
        await asyncio.to_thread(gate("stubborn").wait)
    return "late"
@command("left")
async def left(caller: Caller) -> float | None: return caller.deadline
@command("left in a thread")
def left_in_a_thread(caller: Caller) -> float | None: return caller.deadline
@command("left.inline", inline=True)
def left_inline(caller: Caller) -> float | None: return caller.deadline
@command("current")
async def current() -> str | None: return getattr(CURRENT.get(), "trace", None)
@command("current.thread")
def current_thread() -> str | None: return getattr(CURRENT.get(), "trace", None)
@command("current.inline", inline=True)
def current_inline() -> str | None: return getattr(CURRENT.get(), "trace", None)
""".replace('"left in a thread"', '"left.thread"')


@attrs.define
class Bench:
    """A dispatcher and what its calls were answered, in order."""

    registry: Registry
    dispatcher: Dispatcher
    answers: list[tuple[Any, CommandError | None]] = attrs.field(factory=list)

    def call(self, command: str, left: float | None = None, /, worker: str = "editor", **arguments: Any) -> Any:
        deadline = None if left is None else time.monotonic() + left
        context = Context(worker, deadline, trace="t")
        return self.start(command, context, arguments)

    def start(self, command: str, context: Context | None, arguments: dict[str, Any]) -> Running | None:
        worker = context.worker if context else "editor"
        caller = Caller(worker, 1, command, None)  # type: ignore[arg-type]  # no command here asks for its scope
        return self.dispatcher.dispatch(
            caller, self.registry.commands[command], arguments, lambda *outcome: self.answers.append(outcome), context
        )

    async def answered(self, count: int) -> list[Any]:
        """Values, and codes of errors, once there are so many."""
        await until(lambda: len(self.answers) >= count)
        return [error.code if error else value for value, error in self.answers]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.001)


@pytest.fixture
def registry(application: Application) -> Registry:
    made = application(app=APP)
    assert made.faults == ()
    return made


def bench(registry: Registry, deadline: float | None = None, threads: int = 4, share: int = 2) -> Bench:
    log = logging.getLogger("test")
    return Bench(registry, Dispatcher(registry, asyncio.get_running_loop(), threads, share, {}, log, deadline))


@pytest.mark.parametrize("command", ["deaf", "stubborn"])
def test_deadline_ends_a_call_whatever_its_handler_does(registry: Registry, command: str) -> None:
    """A thread cannot be stopped and a task may refuse: the answer comes all the same, once, and the work is counted
    until it ends.
    """

    async def main() -> None:
        tried = bench(registry)
        begin = time.monotonic()
        tried.call(command, 0.05, **({"name": "x"} if command == "deaf" else {}))
        assert await tried.answered(1) == ["deadline_exceeded"]
        assert 0.05 <= time.monotonic() - begin < PATIENCE / 2
        assert tried.dispatcher.statistics().abandoned == 1
        sys.modules["app"].gate("x" if command == "deaf" else "stubborn").set()
        await until(lambda: tried.dispatcher.statistics().abandoned == 0)
        assert len(tried.answers) == 1

    asyncio.run(main())


def test_call_without_a_deadline_gets_the_default_one(registry: Registry) -> None:
    """A call that states none has the dispatcher's; one that asks for none has none."""

    async def main() -> None:
        tried = bench(registry, deadline=0.05)
        tried.call("deaf", None, name="asked for none")
        tried.start("deaf", None, {"name": "said nothing"})
        assert await tried.answered(1) == ["deadline_exceeded"]
        app = sys.modules["app"]
        app.gate("asked for none").set()
        app.gate("said nothing").set()
        assert await tried.answered(2) == ["deadline_exceeded", "asked for none"]

    asyncio.run(main())


@pytest.mark.parametrize("command", ["left", "left.thread", "left.inline"])
def test_call_over_its_deadline_never_runs(registry: Registry, command: str) -> None:
    """Nothing is left: it is answered at once, and no handler sees it."""

    async def main() -> None:
        tried = bench(registry)
        assert tried.call(command, 0.0) is None
        assert [error.code for _, error in tried.answers if error] == ["deadline_exceeded"]

    asyncio.run(main())


@pytest.mark.parametrize("command", ["left", "left.thread", "left.inline"])
def test_caller_says_how_much_time_is_left(registry: Registry, command: str) -> None:
    """`caller.deadline` is in seconds, or None."""

    async def main() -> None:
        tried = bench(registry)
        tried.call(command, 50.0)
        tried.call(command, None)
        first, second = sorted(await tried.answered(2), key=str)
        assert 40 < first <= 50
        assert second is None

    asyncio.run(main())


@pytest.mark.parametrize("how", ["cancel", "deadline"])
def test_thread_learns_that_nobody_waits_for_it(registry: Registry, how: str) -> None:
    """`caller.check()` raises once the call was cancelled or is over its deadline."""

    async def main() -> None:
        tried = bench(registry)
        app = sys.modules["app"]
        running = tried.call("attentive", 0.1 if how == "deadline" else None)
        await until(lambda: app.seen == [("cancelled", False)])
        if how == "cancel":
            running.cancel()
        assert await tried.answered(1) == ["cancelled" if how == "cancel" else "deadline_exceeded"]
        await until(lambda: app.seen[1:] == ["noticed"])
        await until(lambda: tried.dispatcher.statistics().abandoned == 0)

    asyncio.run(main())


def test_call_that_waits_for_a_thread_is_over_at_its_deadline_too(registry: Registry) -> None:
    """It never runs then, and holds no place."""

    async def main() -> None:
        tried = bench(registry, share=1)
        app = sys.modules["app"]
        tried.call("deaf", None, name="first")
        tried.call("deaf", 0.05, name="waits")
        assert await tried.answered(1) == ["deadline_exceeded"]
        app.gate("first").set()
        assert await tried.answered(2) == ["deadline_exceeded", "first"]
        assert app.seen == ["first"]

    asyncio.run(main())


def test_what_waits_behind_abandoned_threads_alone_is_busy_before_long(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call without a deadline does not wait for ever for threads that may never come back."""
    monkeypatch.setattr(limits, "STUCK", 0.05)

    async def main() -> None:
        tried = bench(registry, share=2)
        app = sys.modules["app"]
        for name in ("a", "b"):
            tried.call("deaf", 0.05, name=name)
        waiting = tried.call("deaf", None, name="waits")
        tried.call("deaf", None, "reader", name="other")
        assert await tried.answered(3) == ["deadline_exceeded", "deadline_exceeded", "busy"]
        waiting.cancel()
        app.gate("other").set()
        assert (await tried.answered(4))[3] == "other"
        app.gate("a").set()
        await until(lambda: tried.dispatcher.statistics().threads == 1)
        tried.call("left.thread", None)
        assert (await tried.answered(5))[4] is None
        app.gate("b").set()
        assert "waits" not in app.seen

    asyncio.run(main())


@pytest.mark.parametrize("command", ["current", "current.thread", "current.inline"])
def test_context_is_the_running_calls_own(registry: Registry, command: str) -> None:
    """What a command does finds the call it runs for, and what follows in the same thread does not."""

    async def main() -> None:
        tried = bench(registry, threads=1, share=1)
        tried.call(command)
        assert await tried.answered(1) == ["t"]
        tried.start(command, None, {})
        assert await tried.answered(2) == ["t", None]

    asyncio.run(main())


def test_cancelling_tells_what_was_registered_once_and_what_comes_late_at_once() -> None:
    """`when_cancelled` is for what must stop with the call; taken back, it hears nothing."""
    context, heard = Context("editor"), []
    context.when_cancelled(lambda: heard.append("first"))
    context.when_cancelled(lambda: heard.append("taken back"))()
    context.cancel()
    context.cancel()
    context.when_cancelled(lambda: heard.append("late"))
    assert heard == ["first", "late"]
