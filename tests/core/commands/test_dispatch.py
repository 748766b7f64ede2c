"""Dispatch: each call gets one answer, whatever its command does; nobody else is harmed."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from stockade import Caller, Event, Events
from stockade.core.commands.dispatch import Dispatcher, Running
from stockade.core.commands.refusals import Failures
from stockade.core.commands.registry import Registry, collect
from stockade.errors import Code, CommandError, StartError
from stockade.limits import DELIVERIES, LOGGED_REFUSALS

Application = Callable[..., Registry]
Outcome = tuple[Any, CommandError | None]

#: Longer than any machine needs: reached only where something hangs for ever.
PATIENCE = 20


@attrs.define
class Published:
    """Where `Events` of tests go."""

    events: list[tuple[str, Any, str | None]] = attrs.field(factory=list)

    def publish(self, name: str, payload: Any, to: str | None) -> None:
        self.events.append((name, payload, to))


@attrs.define
class Bench:
    """A dispatcher and what its calls were answered, in order."""

    registry: Registry
    dispatcher: Dispatcher
    answers: list[Outcome] = attrs.field(factory=list)

    def call(self, command: str, worker: str = "editor", /, **arguments: Any) -> Running | None:
        caller = Caller(worker, 3, command, None)  # type: ignore[arg-type]  # no command here asks for its scope
        return self.dispatcher.dispatch(
            caller,
            self.registry.commands[command],
            arguments,
            lambda value, error: self.answers.append((value, error)),
        )

    async def answered(self, count: int) -> list[Outcome]:
        """The first answers, once there are so many."""
        await until(lambda: len(self.answers) >= count)
        return list(self.answers)

    async def settled(self) -> None:
        """Nothing runs any more."""
        await until(lambda: self.now == (0, 0, 0, 0))

    @property
    def now(self) -> tuple[int, int, int, int]:
        counts = self.dispatcher.statistics()
        return counts.coroutines, counts.threads, counts.queued, counts.abandoned


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (statistics tell nobody when they change)
            await asyncio.sleep(0.001)


def bench(registry: Registry, injected: Mapping[type, Any] | None = None, threads: int = 4, share: int = 2) -> Bench:
    assert registry.faults == ()
    log = logging.getLogger("test")
    loop = asyncio.get_running_loop()
    return Bench(registry, Dispatcher(registry, loop, threads, share, injected or {}, log))


KINDS = {
    "inline": "@command('f', inline=True)\ndef f",
    "thread": "@command('f')\ndef f",
    "coroutine": "@command('f')\nasync def f",
}


@pytest.mark.parametrize("kind", KINDS)
def test_result_is_answered_in_values_of_the_wire(application: Application, kind: str) -> None:
    """Every kind of command gets its arguments and the Caller, and its result is encoded."""
    registry = application(app=f"{KINDS[kind]}(caller: Caller, a: int, b: int = 2): return (caller.worker, {{a + b}})")

    async def main() -> None:
        tried = bench(registry)
        running = tried.call("f", a=1)
        assert (running is None) == (kind == "inline")
        assert bool(tried.answers) == (kind == "inline")
        assert await tried.answered(1) == [(["editor", [3]], None)]
        await tried.settled()
        assert tried.dispatcher.statistics().answered == {"result": 1}

    asyncio.run(main())


RAISING = {
    "exception": "raise ValueError('the inside of the core')",
    "exit": "raise SystemExit(3)",
    "interrupt": "raise KeyboardInterrupt",
    "stop iteration": "next(iter(()))",
    "generator exit": "raise GeneratorExit",
    "cancelled": "import asyncio; raise asyncio.CancelledError",
    "recursion": "f = lambda: f(); f()",
    "unencodable": "return object()",
    "too large an integer": "return 2 ** 64",
    "unknown code": "raise CommandError('locked')",
    "code that is no name": "raise CommandError('notes. ')",
    "data that cannot be encoded": "raise CommandError('notes.locked', data=object())",
    "message that cannot be text": """
        class Mute:
            def __str__(self): raise RuntimeError
        raise CommandError('notes.locked', Mute())
    """,
    "exception without words": """
        class Mute(Exception):
            def __str__(self): raise RuntimeError
        raise Mute
    """,
}


@pytest.mark.parametrize("raising", RAISING)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_meant_to_be_seen_is_failed_with_a_reference(
    application: Application, caplog: pytest.LogCaptureFixture, kind: str, raising: str
) -> None:
    """The caller learns a reference, under which the log has the traceback; the core goes on."""
    body = textwrap.indent(textwrap.dedent(RAISING[raising]).strip(), "    ")
    registry = application(app=f"{KINDS[kind]}():\n{body}")

    async def main() -> CommandError:
        tried = bench(registry)
        tried.call("f")
        ((value, error),) = await tried.answered(1)
        await tried.settled()
        tried.call("f")
        await tried.answered(2)
        assert value is None
        assert tried.dispatcher.statistics().answered == {"failed": 2}
        return error or CommandError("none")

    error = asyncio.run(main())
    assert error.code == Code.FAILED
    assert "inside" not in error.message
    assert len(error.data["reference"]) == 8
    assert error.data["reference"] in error.message
    (record, _) = caplog.records
    assert error.data["reference"] in record.getMessage()
    assert "command f, called by editor@3, failed" in record.getMessage()
    assert record.exc_info


@pytest.mark.parametrize("kind", KINDS)
def test_flood_of_failures_is_counted_and_not_logged(
    application: Application, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """Each caller gets a reference and hears whether the log has it; the count follows by itself."""
    registry = application(app=f"{KINDS[kind]}(): 1 / 0")

    async def main() -> list[CommandError]:
        tried = bench(registry, threads=1, share=1)  # one thread for each worker: its failures come in order
        for _ in range(LOGGED_REFUSALS + 30):
            tried.call("f")
        errors = [error for _, error in await tried.answered(LOGGED_REFUSALS + 30)]
        tried.call("f", "other")
        await tried.answered(LOGGED_REFUSALS + 31)
        await until(lambda: "more failed" in caplog.text)
        return [error for error in errors if error is not None]

    errors = asyncio.run(main())
    mine = [each.getMessage() for each in caplog.records if "by editor@3" in each.getMessage()]
    logged = [error for error in errors if any(error.data["reference"] in message for message in mine)]
    assert [error for error in errors if "log has the reason" in error.message] == logged
    assert LOGGED_REFUSALS <= len(mine) == len(logged) < len(errors)  # a slow machine may take two seconds
    assert len({error.data["reference"] for error in errors}) == len(errors)
    assert any("called by other@3" in each.getMessage() for each in caplog.records)
    counts = [vars(each)["fields"] for each in caplog.records if "more failed" in each.getMessage()]
    assert counts == [{"worker": "editor", "count": len(errors) - len(logged)}]


@pytest.mark.parametrize("kind", KINDS)
def test_command_error_is_for_the_caller_to_see(application: Application, kind: str) -> None:
    """Code, message and data pass, the data encoded, and nothing is logged."""
    registry = application(
        app=f"{KINDS[kind]}(): raise CommandError('notes.locked', 'by \\ud800', {{'who': ('ada', b'x')}})"
    )

    async def main() -> None:
        tried = bench(registry)
        tried.call("f")
        ((_, error),) = await tried.answered(1)
        assert error is not None
        assert (error.code, error.message, error.data) == ("notes.locked", "by \\ud800", {"who": ["ada", b"x"]})
        assert tried.dispatcher.statistics().answered == {"application": 1}

    asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_that_do_not_fit_never_reach_the_command(application: Application, kind: str) -> None:
    """The caller gets `invalid_args`; injected parameters are no arguments, whoever names them."""
    registry = application(app=f"called = []\n{KINDS[kind]}(caller: Caller, a: int): called.append(a)")

    async def main() -> None:
        tried = bench(registry)
        tried.call("f", a="1")
        tried.call("f", a=1, caller="me")
        errors = [error for _, error in await tried.answered(2)]
        assert [error.code for error in errors if error] == ["invalid_args"] * 2

    asyncio.run(main())
    assert sys.modules["app"].called == []


def test_values_are_injected_by_their_class(application: Application) -> None:
    """Events, settings and what lifespans yield come by annotation."""
    registry = application(
        app="""
        from typing import Iterator
        class Database:
            name = "db"
        @lifespan
        def database() -> Iterator[Database]: yield Database()
        @command("f", inline=True)
        def f(events: Events, store: Database, name: str) -> str:
            events.emit("notes/changed", name)
            return store.name
        """
    )

    async def main() -> None:
        kind = registry.lifespans[0].yields
        assert kind is not None
        published = Published()
        tried = bench(registry, {Events: Events(published), kind: kind()})
        tried.call("f", name="a")
        assert await tried.answered(1) == [("db", None)]
        assert published.events == [("notes/changed", "a", None)]
        with pytest.raises(StartError, match=r"app\.py:8: there is no Database to inject"):
            bench(registry, {Events: Events(published)})

    asyncio.run(main())


def test_a_fault_of_the_core_in_a_task_is_answered(
    application: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """`internal`, and nothing is left of the call: a caller never waits for what the core has got wrong."""
    registry = application(app=f"{KINDS['coroutine']}(): raise ValueError")

    def broken(*_: object) -> CommandError:
        raise RuntimeError("the core itself")

    monkeypatch.setattr(Failures, "refusal", broken)

    async def main() -> None:
        tried = bench(registry)
        tried.call("f")
        ((_, error),) = await tried.answered(1)
        assert error is not None
        assert error.code == Code.INTERNAL
        await tried.settled()

    asyncio.run(main())
    assert "the core itself" in caplog.text


SLOW = """
import asyncio, threading
gates = {}
begun = []

def gate(name):
    return gates.setdefault(name, threading.Event())

@command("wait")
def wait(name: str) -> str:
    begun.append(name)
    gate(name).wait(30)
    return name

@command("sleep")
async def sleep() -> None:
    await asyncio.Event().wait()

@command("stubborn")
async def stubborn(times: int) -> str:
    for _ in range(times):
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            begun.append("cancelled")
    return "late"

@command("cleanup")
async def cleanup() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        begun.append("cleaned")
"""


def test_cancelled_task_is_answered_at_once_and_cleans_up(application: Application) -> None:
    """`cancelled` is the one answer; the command's own `finally` runs."""
    registry = application(app=SLOW)

    async def main() -> None:
        tried = bench(registry)
        for name in ("cleanup", "sleep"):
            running = tried.call(name)
            assert running is not None
            if name == "cleanup":
                await asyncio.sleep(0)  # it has begun; the other is cancelled before its first step
            running.cancel()
            running.cancel()
        assert [error.code for _, error in await tried.answered(2) if error] == ["cancelled"] * 2
        await tried.settled()
        assert len(tried.answers) == 2
        assert sys.modules["app"].begun == ["cleaned"]
        assert tried.dispatcher.statistics().answered == {"cancelled": 2}

    asyncio.run(main())


def test_task_that_swallows_its_cancellation_is_abandoned(application: Application) -> None:
    """Its caller has its answer, its late result is dropped, and meanwhile it is counted."""
    registry = application(app=SLOW)

    async def main() -> None:
        tried = bench(registry)
        running = tried.call("stubborn", times=3)
        assert running is not None
        await asyncio.sleep(0)
        running.cancel()
        assert tried.now == (1, 0, 0, 1)
        await tried.settled()
        assert sys.modules["app"].begun == ["cancelled"]
        assert [error.code for _, error in await tried.answered(1) if error] == ["cancelled"]

    asyncio.run(main())


def test_running_thread_is_abandoned_and_holds_its_place(application: Application) -> None:
    """A thread cannot be stopped: its caller is answered, its share stays taken until it ends."""
    registry = application(app=SLOW)

    async def main() -> None:
        tried = bench(registry, threads=2, share=1)
        app = sys.modules["app"]
        first = tried.call("wait", name="a")
        tried.call("wait", name="b")
        await until(lambda: app.begun == ["a"])
        assert first is not None
        first.cancel()
        assert [error.code for _, error in await tried.answered(1) if error] == ["cancelled"]
        assert tried.now == (0, 1, 1, 1)
        app.gate("b").set()
        app.gate("a").set()
        assert (await tried.answered(2))[1] == ("b", None)
        await tried.settled()
        assert len(tried.answers) == 2

    asyncio.run(main())


def test_queued_call_is_taken_back(application: Application) -> None:
    """A call that waits for a thread never begins once it is cancelled."""
    registry = application(app=SLOW)

    async def main() -> None:
        tried = bench(registry, share=1)
        app = sys.modules["app"]
        tried.call("wait", name="a")
        queued = tried.call("wait", name="b")
        assert queued is not None
        queued.cancel()
        app.gate("a").set()
        assert [error.code if error else value for value, error in await tried.answered(2)] == ["cancelled", "a"]
        await tried.settled()
        assert app.begun == ["a"]

    asyncio.run(main())


def test_worker_whose_calls_hang_leaves_threads_to_the_others(application: Application) -> None:
    """Of a worker's calls no more than its share are in threads; another's go past those that wait."""
    registry = application(app=SLOW)

    async def main() -> None:
        tried = bench(registry, threads=3, share=2)
        app = sys.modules["app"]
        for number in range(5):
            tried.call("wait", "hog", name=f"hog{number}")
        app.gate("meek").set()
        tried.call("wait", "meek", name="meek")
        assert await tried.answered(1) == [("meek", None)]
        assert tried.now == (0, 2, 3, 0)
        for number in range(5):
            app.gate(f"hog{number}").set()
        await tried.answered(6)
        assert sorted(app.begun) == ["hog0", "hog1", "hog2", "hog3", "hog4", "meek"]

    asyncio.run(main())


def test_workers_that_hold_all_common_threads_for_ever_harm_nobody_else(application: Application) -> None:
    """Each other worker still has a thread; the hogs' next calls, of a later generation too, are `busy` at once."""
    registry = application(app=SLOW)

    async def main() -> None:
        tried = bench(registry, threads=4, share=3)
        app = sys.modules["app"]
        hogs = [tried.call("wait", worker, name=worker) for worker in ("a", "b") for _ in range(3)]
        await until(lambda: len(app.begun) == 6)
        for running in hogs:
            assert running is not None
            running.cancel()
        assert tried.now == (0, 6, 0, 6)
        for worker in ("meek", "mild"):
            app.gate(worker).set()
            tried.call("wait", worker, name=worker)
        assert sorted(value for value, _ in (await tried.answered(8))[6:]) == ["meek", "mild"]
        assert tried.call("wait", "a", name="again") is None
        ((_, error),) = tried.answers[8:]
        assert error is not None
        assert error.code == Code.BUSY
        app.gate("again").set()
        app.gate("a").set()
        await until(lambda: tried.now == (0, 3, 0, 3))
        tried.call("wait", "a", name="again")
        assert (await tried.answered(10))[9] == ("again", None)
        app.gate("b").set()
        await tried.settled()
        assert tried.dispatcher.statistics().answered == {"cancelled": 6, "result": 3, "busy": 1}

    asyncio.run(main())


def test_answers_come_on_the_loops_thread(application: Application) -> None:
    """Whoever sends answers needs no lock."""
    registry = application(
        app="""
        import threading
        @command("who")
        def who() -> str: return threading.current_thread().name
        """
    )

    async def main() -> None:
        threads: list[str] = []
        done = asyncio.Event()

        def answer(value: Any, error: CommandError | None) -> None:
            threads.extend((value, threading.current_thread().name))
            done.set()

        tried = bench(registry)
        caller = Caller("editor", 1, "who", None)  # type: ignore[arg-type]  # see above
        tried.dispatcher.dispatch(caller, registry.commands["who"], {}, answer)
        await done.wait()
        assert threads == ["stockade-command-1", threading.current_thread().name]

    asyncio.run(main())


def test_close_cancels_all_that_runs(application: Application) -> None:
    """At the core's end every caller still gets an answer."""
    registry = application(app=SLOW)

    async def main() -> None:
        tried = bench(registry, share=1)
        app = sys.modules["app"]
        tried.call("wait", name="a")
        tried.call("wait", name="b")
        tried.call("sleep")
        tried.dispatcher.close()
        assert [error.code for _, error in await tried.answered(3) if error] == ["cancelled"] * 3
        app.gate("a").set()
        await tried.settled()

    asyncio.run(main())


def test_thread_that_never_ends_does_not_keep_the_core_from_exiting() -> None:
    """The pool's threads are daemons: a process with a hanging handler ends when its main thread does."""
    program = """
    import asyncio, logging, time, types, sys
    from stockade import Caller, command
    from stockade.core.commands.dispatch import Dispatcher
    from stockade.core.commands.registry import collect
    app = types.ModuleType("app"); sys.modules["app"] = app
    begun = []
    @command("hang")
    def hang() -> None:
        begun.append(1)
        time.sleep(3600)
    app.hang = hang
    registry = collect(["app"])
    async def main():
        dispatcher = Dispatcher(registry, asyncio.get_running_loop(), 2, 2, {}, logging.getLogger())
        dispatcher.dispatch(Caller("a", 1, "hang", None), registry.commands["hang"], {}, print)
        while not begun:
            await asyncio.sleep(0.001)
    asyncio.run(main())
    print("over")
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "over\n", "")


LISTENING = """
import asyncio, threading
heard = []
gate = threading.Event()

@listener("editor/*")
def in_thread(event: Event) -> object:
    heard.append(("thread", event.name))
    return object()

@listener("editor/**")
async def on_loop(given: Event, events: Events) -> None:
    heard.append(("loop", given.payload))

@listener("bad")
async def bad() -> None:
    raise CommandError("notes.locked")

@listener("worse")
def worse() -> None:
    raise SystemExit

@listener("slow")
def slow(event: Event) -> None:
    gate.wait(30)
"""


def test_event_reaches_every_listener_that_matches(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    """Both kinds are given the event; a listener that fails is logged and harms nobody."""
    registry = application(app=LISTENING)

    async def main() -> None:
        tried = bench(registry, {Events: Events(Published())})
        for name in ("bad", "worse", "editor/opened", "editor/opened/twice", "other"):
            tried.dispatcher.deliver(Event(name, 7, "editor", 3))
        await tried.settled()
        counts = tried.dispatcher.statistics()
        assert (counts.delivered, counts.deliveries_failed, counts.deliveries_dropped) == (3, 2, 0)

    asyncio.run(main())
    assert sorted(sys.modules["app"].heard, key=str) == [("loop", 7), ("loop", 7), ("thread", "editor/opened")]
    messages = sorted(record.getMessage() for record in caplog.records)
    assert messages[0].startswith("listener bad, given bad of editor, failed (reference ")
    assert messages[1].startswith("listener worse, given worse of editor, failed (reference ")


TYPED = """
import attrs
heard = []

@attrs.frozen
class Opened:
    name: str

@listener("editor/opened")
def in_thread(event: Event[Opened]) -> None:
    heard.append(event.payload)

@listener("editor/opened")
async def on_loop(events: Events, event: Event[Opened]) -> None:
    heard.append(event.payload)
"""


def test_a_typed_listener_gets_typed_payloads_alone(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    """A payload that does not fit is logged with its path as the listener's failure, and the listener does not run."""
    registry = application(app=TYPED)

    async def main() -> None:
        tried = bench(registry, {Events: Events(Published())})
        tried.dispatcher.deliver(Event("editor/opened", {"name": "todo"}, "editor", 3))
        tried.dispatcher.deliver(Event("editor/opened", {"name": 7}, "editor", 3))
        await tried.settled()
        counts = tried.dispatcher.statistics()
        assert (counts.delivered, counts.deliveries_failed) == (2, 2)

    asyncio.run(main())
    app = sys.modules["app"]
    assert app.heard == [app.Opened("todo")] * 2
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == [
        "an event editor/opened of editor: payload.name: expected text, got int"
    ] * 2


def test_flood_of_events_is_bounded_for_each_source(application: Application, caplog: pytest.LogCaptureFixture) -> None:
    """What one source sends above the bound is dropped, counted and logged, but not once for each; others are heard."""
    registry = application(app=LISTENING)

    async def main() -> None:
        tried = bench(registry, {Events: Events(Published())})
        for _ in range(DELIVERIES + 100):
            tried.dispatcher.deliver(Event("slow", None, "flooder", 1))
        tried.dispatcher.deliver(Event("editor/opened", 1, "editor", 1))
        assert tried.dispatcher.statistics().deliveries_dropped == 100
        sys.modules["app"].gate.set()
        await tried.settled()
        assert tried.dispatcher.statistics().delivered == DELIVERIES + 2
        tried.dispatcher.deliver(Event("slow", None, "flooder", 1))
        assert tried.dispatcher.statistics().deliveries_dropped == 100
        await tried.settled()

    asyncio.run(main())
    assert len(caplog.records) == 7


def test_registry_of_nothing_dispatches_nothing() -> None:
    """No module, no command, no fault."""
    assert collect([]) == Registry()
