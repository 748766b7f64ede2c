"""Commands: what they are given, what becomes of those that fail, block or never return, and who is harmed.

Everything here holds with asyncio's own loop and with uvloop.
"""

from __future__ import annotations

import pytest
from applications.application import Application, capability, worker
from applications.puppets import Gone, Puppet, Raised

COMMANDS = """
import asyncio, logging, os, sys, threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import attrs
from stockade import Caller, CommandError, Events, command, lifespan, settings

log = logging.getLogger("application")

@settings
@attrs.frozen
class Settings:
    greeting: str
    times: int = 1

@attrs.define
class Database:
    rows: list[str]

@attrs.define
class Cache:
    database: Database

@lifespan
def database(settings: Settings) -> Iterator[Database]:
    log.info("opened", extra={"event": "database_opened"})
    yield Database([settings.greeting] * settings.times)
    log.info("closed", extra={"event": "database_closed"})

@lifespan
async def cache(database: Database) -> AsyncIterator[Cache]:
    log.info("opened", extra={"event": "cache_opened"})
    yield Cache(database)
    await asyncio.sleep(0)
    log.info("closed", extra={"event": "cache_closed"})

@command("rows")
def rows(database: Database, cache: Cache, settings: Settings, caller: Caller) -> dict[str, Any]:
    return {"rows": database.rows, "same": cache.database is database, "times": settings.times,
            "caller": [caller.worker, caller.generation, caller.command]}

@command("loop", inline=True)
def loop() -> str:
    return type(asyncio.get_running_loop()).__module__

@command("echo")
async def echo(value: Any) -> Any:
    return value

@command("raise_in_thread")
def raise_in_thread() -> None:
    raise ValueError("the secret is 42")

@command("raise_in_task")
async def raise_in_task() -> None:
    raise ValueError("the secret is 42")

@command("raise_inline", inline=True)
def raise_inline() -> None:
    raise ValueError("the secret is 42")

@command("exit_in_thread")
def exit_in_thread() -> None:
    sys.exit("the secret is 42")

@command("exit_in_task")
async def exit_in_task() -> None:
    sys.exit("the secret is 42")

@command("bad_value")
def bad_value() -> Any:
    return object()

@command("bad_text", inline=True)
def bad_text() -> str:
    return "\\udc80"

@command("bad_number")
async def bad_number() -> int:
    return 2 ** 64

@command("bad_code")
async def bad_code() -> None:
    raise CommandError("nonsense", "the secret is 42")

@command("large")
def large(size: int) -> bytes:
    return bytes(size)

gates = {}

@command("block")
def block(name: str) -> str:
    gate = gates.setdefault(name, threading.Event())
    log.info("blocks", extra={"event": "blocks", "fields": {"name": name}})
    gate.wait()
    return name

@command("unblock", inline=True)
def unblock(name: str) -> None:
    gates.setdefault(name, threading.Event()).set()

@command("never")
async def never() -> None:
    await asyncio.Event().wait()

@command("thread")
def thread() -> str:
    return threading.current_thread().name
"""

MESSAGE = 100_000


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def system(request, shared_applications) -> Application:
    """Two workers, and a core with three threads, of which one worker may hold two."""
    made = shared_applications()
    made.configure(
        *(
            worker(label, capabilities=["all"], limits={"message": MESSAGE}, grace={"stop": 0.3, "stdin": 2})
            for label in ("one", "two")
        ),
        capability("all", commands=["**"]),
        commands=COMMANDS,
        core={"loop": request.param, "threads": 3, "threads_per_worker": 2},
        greeting="hello",
        times=2,
    )
    made.loop = request.param
    made.start()
    made.ready("one", "two")
    return made


@pytest.fixture
def one(system) -> Puppet:
    """A worker."""
    return system.puppet("one")


@pytest.fixture
def two(system) -> Puppet:
    """Another, that must not notice what the first does."""
    return system.puppet("two")


def test_the_core_runs_on_the_loop_that_is_configured(system, one) -> None:
    """Not on whichever is there."""
    assert one.do("core.invoke('loop')").partition(".")[0] == system.loop


def test_commands_are_given_what_lifespans_yield_settings_and_caller(one) -> None:
    """By annotation; none of it crosses the wire or can be sent."""
    assert one.do("core.invoke('rows')") == {
        "rows": ["hello", "hello"],
        "same": True,
        "times": 2,
        "caller": ["one", 1, "rows"],
    }
    for name in ("database", "settings", "caller"):
        raised = one.do("core.invoke('rows', **{name: 'mine'})", name=name)
        assert (raised.code, raised.data["path"]) == ("invalid_args", name)


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**63), 2**63 - 1, 1.5, float("inf"), "", "päth/\u0000", b"\xff\x00", [], {"": [{"a": [None]}]}],
    ids=repr,
)  # fmt: skip
def test_every_value_comes_back_as_it_went(one, value) -> None:
    """Through both codecs, both ways."""
    assert one.do("core.invoke('echo', value=value)", value=value) == value


@pytest.mark.parametrize(
    "command",
    ["raise_in_thread", "raise_in_task", "raise_inline", "exit_in_thread", "exit_in_task", "bad_value", "bad_text",
     "bad_number", "bad_code"],
)  # fmt: skip
def test_a_command_that_fails_tells_its_caller_no_more_than_where_to_look(system, one, two, command) -> None:
    """The traceback stands in the core's log under the reference that the caller gets; nobody else is harmed."""
    raised = one.do("core.invoke(command)", command=command)
    assert (raised.kind, raised.code) == ("Failed", "failed")
    assert "secret" not in raised.message
    reference = raised.data["reference"]
    record = system.log.wait(level="error", message=lambda message: reference in message)
    assert f"command {command}, called by one@1" in record["message"]
    assert any("Error" in line or "SystemExit" in line for line in record["lines"])
    assert two.do("core.invoke('echo', value=1)") == 1


def test_a_result_over_the_limit_is_too_large_for_its_caller_alone(one) -> None:
    """Exactly at the limit it arrives; the worker goes on."""
    overhead = 3 + len(b"\x84\x66result\x19\xff\xff\xf6\xa1\x63raw\x18\x3f")
    assert len(one.do("core.invoke('large', size=size)", size=MESSAGE - overhead)) == MESSAGE - overhead
    raised = one.do("core.invoke('large', size=size)", size=MESSAGE)
    assert (raised.kind, raised.code) == ("TooLarge", "too_large")
    assert one.do("core.invoke('echo', value=1)") == 1


def test_arguments_over_the_limit_are_not_sent(one) -> None:
    """The stub knows the limit, and raises before the core would end the worker."""
    raised = one.do("core.invoke('echo', value=bytes(size))", size=MESSAGE)
    assert raised.kind == "TooLarge"
    assert len(one.do("core.invoke('echo', value=bytes(size))", size=MESSAGE - 100)) == MESSAGE - 100


def test_threads_that_one_worker_blocks_leave_some_for_the_others(system, one, two) -> None:
    """Two of three may be its own; its third call waits, another worker's runs."""
    one.do("calls = [core.call('block', name=f'{system}-{n}') for n in range(3)]; core.ping()", system=system.loop)
    system.log.wait(event="blocks", name=f"{system.loop}-0")
    system.log.wait(event="blocks", name=f"{system.loop}-1")
    assert isinstance(two.do("core.invoke('thread')"), str)
    assert one.do("core.invoke('echo', value='not in a thread')") == "not in a thread"
    assert not system.log.find(event="blocks", name=f"{system.loop}-2")
    for n in (1, 0, 2):
        two.do("core.invoke('unblock', name=name)", name=f"{system.loop}-{n}")
        assert one.do("calls[n].result()", n=n) == f"{system.loop}-{n}"


def test_a_command_that_never_returns_harms_its_caller_alone(one, two) -> None:
    """And that one can set itself a time, in which the core stops it too; answers that have crossed are ignored."""
    raised = one.do("core.options(timeout=0.05).invoke('never')")
    assert isinstance(raised, Raised)
    assert raised.kind == "DeadlineExceeded"
    raised = one.do("core.options(timeout=0.05).invoke('block', name='late')")
    assert raised.kind == "DeadlineExceeded"
    two.do("core.invoke('unblock', name='late')")
    one.do("core.ping()")
    assert one.do("core.statistics().late") <= 2
    assert one.do("core.invoke('echo', value=1)") == 1


def test_at_the_end_calls_are_cancelled_and_lifespans_left_in_reverse(system, one, two) -> None:
    """Each once; the last test of this module, for it stops the system."""
    one.begin("core.invoke('never')")
    two.do("core.ping()")
    assert system.stop() == 0
    events = [
        record["event"] for record in system.log.find(event=lambda event: str(event).startswith(("data", "cache")))
    ]
    assert events == ["database_opened", "cache_opened", "cache_closed", "database_closed"]
    statistics = system.log.wait(event="core_statistics")
    assert (statistics["dispatch"]["coroutines"], statistics["dispatch"]["queued"]) == (0, 0)
    with pytest.raises(Gone):
        one.answer()  # it waits in `invoke`, so it ends with its lifeline
    assert system.log.wait(event="worker_exited", worker="one")["code"] == 0
    assert system.log.wait(event="worker_exited", worker="two")["left"]


def test_many_calls_of_an_asyncio_worker_are_answered_each(application) -> None:
    """A thousand in flight, sent as batches, each with its own answer."""
    application.configure(
        worker("aio", "aio_puppet.py", capabilities=["all"]),
        capability("all", commands=["echo"]),
        commands=COMMANDS,
        greeting="",
    )
    application.start()
    aio = application.puppet("aio")
    answers = aio.do("await asyncio.gather(*(core.invoke('echo', value=n) for n in range(1000)))")
    assert answers == list(range(1000))
    statistics = aio.do("core.statistics()._asdict()")
    assert (statistics["calls"], statistics["answered"], statistics["pending"]) == (1000, 1000, 0)
    assert statistics["batches"] < 100
    raised = aio.do("await core.options(timeout=0.05).invoke('echo', value=2 ** 64)")
    assert raised.kind == "EncodeError"
