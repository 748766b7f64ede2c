"""Middleware: an application's own rules around its commands, wherever these run."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stockade import Caller
from stockade.core.commands.context import Context
from stockade.core.commands.dispatch import Dispatcher, Running
from stockade.core.commands.registry import Registry
from stockade.errors import CommandError

Application = Callable[..., Registry]


class Calls:
    """What calls commands of a dispatcher: `await calls("f", a=1)` is the answer."""

    def __init__(self, registry: Registry, injected: dict[type, Any]) -> None:
        self.registry, self.loop = registry, asyncio.get_running_loop()
        self.dispatcher = Dispatcher(registry, self.loop, 2, 2, injected, logging.getLogger("test"))
        self.running: Running | None = None

    def __call__(self, command: str, /, *, deadline: float | None = None, **arguments: Any) -> asyncio.Future[Any]:
        """The answer, or the error: a CommandError as a value."""
        outcome: asyncio.Future[Any] = self.loop.create_future()

        def answer(value: Any, error: CommandError | None) -> None:
            outcome.set_result(value if error is None else error)

        caller = Caller("editor", 3, command, None)  # type: ignore[arg-type]
        context = None if deadline is None else Context("editor", self.loop.time() + deadline)
        self.running = self.dispatcher.dispatch(caller, self.registry.commands[command], arguments, answer, context)
        return outcome

    async def settled(self) -> None:
        """Nothing runs any more."""
        await until(lambda: self.now == (0, 0, 0, 0))

    @property
    def now(self) -> tuple[int, int, int, int]:
        """Tasks, threads, jobs that wait for one, and what was abandoned."""
        counts = self.dispatcher.statistics()
        return counts.coroutines, counts.threads, counts.queued, counts.abandoned


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (statistics tell nobody when they change)
        await asyncio.sleep(0.001)


def run(registry: Registry, test: Callable[[Calls], Awaitable[None]], injected: dict[type, Any] | None = None) -> Any:
    """Run `test` with a dispatcher of this registry, until nothing runs any more; the application's module."""
    assert registry.faults == ()

    async def main() -> None:
        async with asyncio.timeout(20):
            calls = Calls(registry, injected or {})
            await test(calls)
            await calls.settled()

    asyncio.run(main())
    return sys.modules["app"]


COMMANDS = """
import asyncio, threading
from typing import Any
said = []
gate = threading.Event()

@command("notes.inline", inline=True)
def inline(a: int, caller: Caller) -> tuple[int, ...]:
    said.append(f"inline {caller.worker}")
    return (a,)

@command("notes.thread")
def in_thread(a: int, caller: Caller) -> tuple[int, ...]:
    said.append(f"thread {caller.worker}")
    return (a,)

@command("notes.coroutine")
async def coroutine(a: int, caller: Caller) -> tuple[int, ...]:
    said.append(f"coroutine {caller.worker}")
    return (a,)

@command("notes.fails")
def fails() -> None:
    raise ValueError("the inside of the core")

@command("notes.locked")
async def locked() -> None:
    raise CommandError("notes.locked", "by ada")

@command("notes.hang")
async def hang() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        said.append("cleaned")

@command("notes.hold", max_concurrency=1)
def hold(caller: Caller) -> None:
    said.append("held")
    gate.wait(30)
    said.append(caller.cancelled)

"""
WHERE = ("inline", "thread", "coroutine")


@pytest.mark.parametrize("where", WHERE)
def test_it_sees_the_call_and_its_answer(application: Application, where: str) -> None:
    """Caller, command, arguments as they came and deadline before; the answer in values of the wire after."""
    registry = application(
        app=COMMANDS
        + """
        @middleware
        async def audit(call: Call, proceed: Proceed) -> Any:
            said.append((call.caller.worker, call.command, dict(call.arguments), 0 < call.deadline <= 9))
            said.append(await proceed())
            return "changed", 1
        """.replace("\n        ", "\n")
    )

    async def test(calls: Calls) -> None:
        assert await calls(f"notes.{where}", a=1, deadline=9) == ["changed", 1]
        assert calls.running is not None
        assert calls.dispatcher.statistics().answered == {"result": 1}

    said = run(registry, test).said
    assert said == [("editor", f"notes.{where}", {"a": 1}, True), f"{where} editor", [1]]


def around(*lines: str, pattern: str = "**", name: str = "rule") -> str:
    """A middleware of these lines."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"\n@middleware({pattern!r})\nasync def {name}(call: Call, proceed: Proceed) -> Any:\n{body}\n"


@pytest.mark.parametrize("where", WHERE)
def test_it_may_refuse_before_anything_runs(application: Application, where: str) -> None:
    """A CommandError that it raises is the answer, and the command is never reached."""
    registry = application(app=COMMANDS + around("raise CommandError('notes.closed', 'until nine', {'at': 9})"))

    async def test(calls: Calls) -> None:
        error = await calls(f"notes.{where}", a=1)
        assert (error.code, error.message, error.data) == ("notes.closed", "until nine", {"at": 9})

    assert run(registry, test).said == []


def test_it_may_answer_by_itself(application: Application) -> None:
    """What it returns without proceeding is the answer."""
    registry = application(app=COMMANDS + around("return {1, 2}"))

    async def test(calls: Calls) -> None:
        assert await calls("notes.coroutine", a=1) == [1, 2]

    assert run(registry, test).said == []


def test_the_first_that_is_registered_stands_outermost(application: Application) -> None:
    """In the order of the modules, and in a module of the definitions; only those that match."""
    shown = ("said.append('{0} in')", "answer = await proceed()", "said.append('{0} out')", "return answer")

    def rule(name: str, pattern: str) -> str:
        return around(*(line.format(name) for line in shown), name=name, pattern=pattern)

    registry = application(
        "first app",
        first="from app import said\nfrom typing import Any\n" + rule("outer", "**"),
        app=COMMANDS + rule("middle", "notes.*") + rule("other", "notes.thread") + rule("inner", "notes.inline"),
    )

    async def test(calls: Calls) -> None:
        assert await calls("notes.inline", a=1) == [1]

    said = run(registry, test).said
    assert said == ["outer in", "middle in", "inner in", "inline editor", "inner out", "middle out", "outer out"]


def test_what_none_matches_runs_as_ever(application: Application) -> None:
    """An inline command stays inline: it is answered before dispatch returns."""
    registry = application(app=COMMANDS + around("return await proceed()", pattern="notes.thread"))

    async def test(calls: Calls) -> None:
        assert calls("notes.inline", a=1).done()
        assert calls.running is None
        assert await calls("notes.thread", a=1) == [1]

    run(registry, test)


OUTCOMES = {
    "notes.fails": "failed",
    "notes.locked": "notes.locked",
    "notes.thread": "invalid_args",
}


@pytest.mark.parametrize("command", OUTCOMES)
def test_it_sees_errors_as_the_caller_does(application: Application, command: str) -> None:
    """A CommandError with the code, also where the command raised something else: that is in the log already."""
    registry = application(
        app=COMMANDS
        + around(
            "try:",
            "    return await proceed()",
            "except CommandError as error:",
            "    said.append((error.code, 'inside' in str(error)))",
            "    raise",
        )
    )

    async def test(calls: Calls) -> None:
        assert (await calls(command)).code == OUTCOMES[command]
        assert sum(calls.dispatcher.statistics().answered.values()) == 1

    assert run(registry, test).said == [(OUTCOMES[command], False)]


RAISING = ["raise ValueError('inside')", "raise SystemExit", "raise asyncio.CancelledError", "return object()"]


@pytest.mark.parametrize("raising", RAISING)
def test_a_rule_that_is_broken_refuses(
    application: Application, caplog: pytest.LogCaptureFixture, raising: str
) -> None:
    """`failed` with a reference, the traceback in the log; an outer one sees it like any other error."""
    outer = around(
        "try:",
        "    return await proceed()",
        "except CommandError as error:",
        "    said.append(error.code)",
        "    raise",
        name="outer",
    )
    registry = application(app=COMMANDS + (outer if "object" not in raising else "") + around(raising))

    async def test(calls: Calls) -> None:
        error = await calls("notes.inline", a=1)
        assert error.code == "failed"
        assert error.data["reference"] in caplog.text
        assert "inside" not in error.message

    assert run(registry, test).said == (["failed"] if "object" not in raising else [])
    assert "called by editor@3" in caplog.text


def test_a_second_proceed_is_refused(application: Application) -> None:
    """The command has run once, whatever the middleware does with its answer."""
    registry = application(app=COMMANDS + around("await proceed()", "return await proceed()"))

    async def test(calls: Calls) -> None:
        assert (await calls("notes.inline", a=1)).code == "failed"

    assert run(registry, test).said == ["inline editor"]


def test_a_cancelled_call_ends_what_stands_behind(application: Application) -> None:
    """The command's own clean-up runs, and so does the middleware's."""
    registry = application(app=COMMANDS + around("try:", "    await proceed()", "finally:", "    said.append('rule')"))

    async def test(calls: Calls) -> None:
        answer = calls("notes.hang")
        for _ in range(4):
            await asyncio.sleep(0)
        assert calls.running is not None
        calls.running.cancel()
        assert (await answer).code == "cancelled"

    assert sorted(run(registry, test).said) == ["cleaned", "rule"]


def test_a_deadline_holds_for_both(application: Application) -> None:
    """The caller has its answer, a thread is told, and holds its place till its end."""
    registry = application(app=COMMANDS + around("return await proceed()"))

    async def test(calls: Calls) -> None:
        module = sys.modules["app"]
        answer = calls("notes.hold", deadline=0.05)
        await until(lambda: module.said)
        assert (await answer).code == "deadline_exceeded"
        await until(lambda: calls.now == (0, 1, 0, 1))  # the rule has ended, the thread cannot be
        assert (await calls("notes.hold")).code == "busy"
        assert calls.dispatcher.statistics().over_concurrency == {"notes.hold": 1}
        module.gate.set()
        await calls.settled()
        assert await calls("notes.hold") is None

    assert run(registry, test).said == ["held", True, "held", False]


def test_a_rule_may_wait_for_less_than_the_caller(application: Application) -> None:
    """Its own time limit ends the command, and it answers as it likes."""
    registry = application(
        app=COMMANDS
        + around(
            "try:",
            "    async with asyncio.timeout(0.01):",
            "        return await proceed()",
            "except TimeoutError:",
            "    return 'too slow'",
        )
    )

    async def test(calls: Calls) -> None:
        assert await calls("notes.hang") == "too slow"

    assert run(registry, test).said == ["cleaned"]


def test_calls_in_a_rule_are_cancelled_with_all_others(application: Application) -> None:
    """When the core ends."""
    registry = application(app=COMMANDS + around("return await proceed()"))

    async def test(calls: Calls) -> None:
        answers = [calls("notes.hang"), calls("notes.hang")]
        await asyncio.sleep(0)
        calls.dispatcher.close()
        assert [(await answer).code for answer in answers] == ["cancelled"] * 2

    run(registry, test)


def test_values_are_injected(application: Application) -> None:
    """What lifespans yield, by annotation."""
    registry = application(
        app="""
        from typing import Any, Iterator
        class Database:
            name = "db"
        @lifespan
        def database() -> Iterator[Database]: yield Database()
        @command("f", inline=True)
        def f() -> None: ...
        @middleware
        async def rule(store: Database, proceed: Proceed) -> Any:
            return store.name, await proceed()
        """
    )
    kind = registry.lifespans[0].yields
    assert kind is not None

    async def test(calls: Calls) -> None:
        assert await calls("f") == ["db", None]

    run(registry, test, {kind: kind()})


def test_a_rule_around_nothing_is_a_fault(application: Application) -> None:
    """It would let pass what it is to stop: its pattern is misspelt, or means what a worker exports."""
    registry = application(
        app="""
        @command("notes.purge")
        def purge() -> None: ...

        @middleware("note.*")
        async def never(proceed: Proceed) -> None: ...

        @middleware("*.purge")
        async def always(proceed: Proceed) -> None: ...
        """
    )
    [fault] = registry.faults
    assert str(fault).startswith("app.py:6: middleware never stands around no command: none matches 'note.*'; write")


def test_faults_of_middleware(application: Application) -> None:
    """Each with file and line, and what to write instead."""
    registry = application(
        app="""
        @middleware("notes.x*")
        async def first(proceed: Proceed) -> None: ...

        @middleware("notes/**")
        async def second(proceed: Proceed) -> None: ...

        @middleware
        def third(proceed: Proceed) -> None: ...

        @middleware
        async def fourth(proceed: Proceed, name: str, other) -> None: ...
        """
    )
    instead = "write segments as of a command's name, * or **, joined by dots"
    assert [str(fault) for fault in registry.faults] == [
        f"app.py:3: 'notes.x*' is no pattern: it has the segment 'x*'; {instead}",
        f"app.py:6: 'notes/**' can match no command; {instead}",
        "app.py:9: middleware third is no coroutine function; write it as async def",
        "app.py:12: parameter name of fourth: nothing injects str; take one of Call, Events, Proceed, Workers",
        "app.py:12: parameter other of fourth has no type hint; write one of docs/types.md",
    ]
