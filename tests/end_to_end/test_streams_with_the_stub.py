"""Streams, channels, bytes, times and room, as a program in Python has them: both faces of the stub, a real core."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from applications.application import Application, capability, worker
from applications.puppets import Puppet, Raised

COMMANDS = """
import asyncio, logging, threading, time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from stockade import Caller, CommandError, ReceiveChannel, SendChannel, command

log = logging.getLogger("application")

def note(event, **fields):
    log.info(event, extra={"event": event, "fields": fields})

@command("rows")
async def rows(count: int, fault: bool = False) -> AsyncIterator[int]:
    sent = 0
    try:
        for number in range(count):
            yield number
            sent += 1
        if fault:
            raise CommandError("rows.broken", "the table is broken", {"row": sent})
    finally:
        note("closed", sent=sent)

@command("rows.thread")
def rows_thread(count: int) -> Iterator[int]:
    yield from range(count)

@command("copy")
async def copy(data: ReceiveChannel[bytes], back: SendChannel[bytes]) -> int:
    size = 0
    async for piece in data:
        size += len(piece)
        await back.send(piece)
    await back.end()
    return size

@command("total")
def total(numbers: ReceiveChannel[int]) -> int:
    return sum(numbers)

@command("first")
async def first(numbers: ReceiveChannel[int]) -> int:
    async for number in numbers:
        await numbers.drop()
        return number

@command("tail")
async def tail(lines: SendChannel[str]) -> str:
    async def go_on():
        for number in range(3):
            await lines.send(f"line {number}")
        await lines.end()
    asyncio.create_task(go_on())
    return "tailing"

@command("echo")
async def echo(value: Any) -> Any:
    return value

@command("sleep")
async def sleep(seconds: float) -> str:
    note("sleeps")
    try:
        await asyncio.sleep(seconds)
        return "slept"
    except asyncio.CancelledError:
        note("cancelled")
        raise

@command("narrow", max_concurrency=1)
async def narrow(number: int) -> int:
    await asyncio.sleep(0.01)
    return number

@command("caller.left")
async def left(caller: Caller) -> float | None:
    return caller.deadline
"""
PROGRAMS = {"blocking": "puppet.py", "asyncio": "aio_puppet.py"}
#: `start` begins a call, and returns what waits for its result.
START = {
    "blocking": "def start(command, **arguments): return core.call(command, **arguments).result",
    "asyncio": (
        "async def start(command, **arguments):\n"
        "    task = asyncio.create_task(core.invoke(command, **arguments))\n"
        "    await asyncio.sleep(0)\n"
        "    return lambda: task"
    ),
}
LARGE = 3_000_000


class Face:
    """The worker of one face, told in the words of the asyncio one: the other is the same without its awaits."""

    def __init__(self, name: str, puppet: Puppet) -> None:
        self.name, self.puppet = name, puppet
        self.puppet.do(START[name])

    def begin(self, code: str, **names: Any) -> None:
        self.puppet.begin(code if self.name == "asyncio" else re.sub(r"\b(await|async) ", "", code), **names)

    def do(self, code: str, **names: Any) -> Any:
        self.begin(code, **names)
        return self.puppet.answer()


@pytest.fixture(scope="module")
def shared(shared_applications: Callable[[], Application]) -> Application:
    """A worker of each face that may do everything, and one whose rate is limited."""
    application = shared_applications()
    application.configure(
        *(worker(label, program, capabilities=["all"]) for label, program in PROGRAMS.items()),
        worker("paced", "aio_puppet.py", capabilities=["all"], limits={"rate": 40, "calls": 4}),
        capability("all", commands=["**"]),
        commands=COMMANDS,
    )
    application.start()
    application.ready(*PROGRAMS, "paced")
    return application


@pytest.fixture(params=PROGRAMS)
def face(shared: Application, request: pytest.FixtureRequest) -> Face:
    """Each face in its turn, in an application that no test disturbs for the next."""
    return Face(request.param, shared.puppet(request.param))


# -- streams ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["rows", "rows.thread"])
@pytest.mark.parametrize("credit", [1, 7, 64, 5000])
def test_stream_has_every_row_in_its_order(face: Face, command: str, credit: int) -> None:
    """However far the command may be ahead."""
    code = "[row async for row in core.stream(command, credit=credit, count=1000)]"
    assert face.do(
        f"rows = {code}\nrows if len(rows) else await core.invoke('echo', value=0)", command=command, credit=credit
    ) == list(range(1000))


def test_stream_ends_with_the_error_of_its_command(face: Face) -> None:
    """Behind all the rows that there were."""
    raised = face.do(
        "rows = []\nasync for row in core.stream('rows', count=3, fault=True): rows.append(row)\nawait core.ping()"
    )
    assert raised == Raised("CommandError", "rows.broken: the table is broken", "rows.broken", {"row": 3})
    assert face.do("rows") == [0, 1, 2]


def test_stream_that_is_left_closes_its_command(shared: Application, face: Face) -> None:
    """It had gone on no further than its credit."""
    shared.log.forget()
    face.do("async for row in core.stream('rows', count=10**9, credit=5):\n    if row == 7: break\nawait core.ping()")
    assert 8 <= shared.log.wait(event="closed")["sent"] <= 13
    assert face.do("core.statistics().channels") == 0


def test_what_is_no_stream_is_not_streamed(face: Face) -> None:
    """And what is one is not invoked."""
    raised = face.do("async for row in core.stream('echo', value=1): pass\nawait core.ping()")
    assert (raised.kind, raised.code) == ("InvalidArgs", "invalid_args")
    assert face.do("await core.invoke('rows', count=1)").kind == "InvalidArgs"


# -- channels ---------------------------------------------------------------------------------------------------------


def test_file_goes_there_and_back(shared: Application, face: Face) -> None:
    """In pieces, both ways at once, and is the same."""
    data = os.urandom(LARGE)
    (shared.folder / "source").write_bytes(data)
    seen = face.do("""
seen = []
data, back = core.send_channel(), core.receive_channel(credit=100)
result = await start('copy', data=data, back=back)
await data.send_file('source', seen.append)
await back.receive_file('target', seen.append)
[await result(), seen]
""")
    assert seen[0] == LARGE
    assert seen[1].count(LARGE) == 2
    assert (shared.folder / "target").read_bytes() == data


def test_producer_sends_more_than_there_is_credit_for(face: Face) -> None:
    """It waits, and all arrives."""
    assert face.do("""
numbers = core.send_channel()
result = await start('total', numbers=numbers)
await numbers.send_all(range(1000))
async with numbers:
    for number in range(1000): await numbers.send(number)
await result()
""") == 2 * sum(range(1000))


def test_producer_that_is_not_wanted_any_more_is_told(face: Face) -> None:
    """Where it waits for credit; the result comes all the same."""
    assert face.do("""
numbers = core.send_channel()
result = await start('first', numbers=numbers)
try:
    for number in range(10**6): await numbers.send(number)
except Exception as error: told = type(error).__name__
[told, await result()]
""") == ["Dropped", 0]


def test_channel_lives_on_after_its_call(face: Face) -> None:
    """The result comes while the lines are still to come."""
    assert face.do("""
lines = core.receive_channel()
rows = [await core.invoke('tail', lines=lines)]
async for line in lines: rows.append(line)
await core.ping()
rows
""") == ["tailing", "line 0", "line 1", "line 2"]


# -- bytes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 65_536, 1_000_000])
def test_bytes_are_the_same_however_they_travel(face: Face, size: int) -> None:
    """Raw or not; as bytes, a bytearray or a view; a view comes where one is asked for."""
    for made in ("bytes(data)", "bytearray(data)", "memoryview(data)"):
        assert face.do(f"await core.invoke('echo', value={made}) == data", data=os.urandom(size)) is True
    assert face.do(
        "value = await core.options(view=True).invoke('echo', value=data)\n[type(value).__name__, value == data]"
    ) == ["memoryview", True]


def test_too_large_names_the_way(face: Face) -> None:
    """Nothing is sent."""
    raised = face.do("await core.invoke('echo', value=bytes(core.limits.message))")
    assert (raised.code, "channel" in raised.message) == ("too_large", True)


# -- time and room ----------------------------------------------------------------------------------------------------


def test_time_that_is_over_cancels_the_command(shared: Application, face: Face) -> None:
    """The caller knows at once, and the handler too."""
    shared.log.forget()
    assert face.do("await core.options(timeout=0.1).invoke('sleep', seconds=60)").code == "deadline_exceeded"
    shared.log.wait(event="cancelled")
    assert face.do("await core.invoke('echo', value=1)") == 1


def test_interrupt_cancels_the_command(shared: Application) -> None:
    """Ctrl-C in a blocking invoke; the connection stays usable."""
    shared.log.forget()
    face = Face("blocking", shared.puppet("blocking"))
    face.do("import signal; signal.signal(signal.SIGALRM, signal.default_int_handler)")
    face.begin("signal.setitimer(signal.ITIMER_REAL, 0.2)\ncore.invoke('sleep', seconds=60)")
    assert face.puppet.answer().kind == "KeyboardInterrupt"
    shared.log.wait(event="cancelled")
    assert face.do("core.invoke('echo', value=1)") == 1


def test_task_that_is_cancelled_cancels_the_command(shared: Application) -> None:
    """As asyncio does it: by `cancel`, or by a timeout of its own."""
    shared.log.forget()
    face = Face("asyncio", shared.puppet("asyncio"))
    raised = face.do("await asyncio.wait_for(core.invoke('sleep', seconds=60), 0.1)")
    assert raised.kind == "TimeoutError"
    shared.log.wait(event="cancelled")


def test_options_say_how_much_time_there_is(face: Face) -> None:
    """The core's own unless a call says otherwise; none at all only on purpose."""
    assert 59 < face.do("await core.invoke('caller.left')") <= 60
    assert 4 < face.do("await core.options(timeout=5).invoke('caller.left')") <= 5
    assert face.do("await core.options(timeout=None).invoke('caller.left')") is None


def test_busy_command_is_waited_for(shared: Application) -> None:
    """Eight at once of what runs one at a time; without waiting all but one are refused."""
    face = Face("asyncio", shared.puppet("asyncio"))
    assert face.do("await asyncio.gather(*(core.invoke('narrow', number=n) for n in range(8)))") == list(range(8))
    assert face.do("core.statistics().tries") > 0
    assert sorted(
        face.do(
            "calls = (core.options(wait=False).invoke('narrow', number=n) for n in range(8))\n"
            "[getattr(one, 'code', 'ran') for one in await asyncio.gather(*calls, return_exceptions=True)]"
        )
    ) == ["busy"] * 7 + ["ran"]


def test_rate_and_calls_in_flight_are_kept_by_the_stub(shared: Application) -> None:
    """The core has to refuse next to none: sixty calls, of which forty may come at once."""
    puppet = shared.puppet("paced")
    assert puppet.do("await asyncio.gather(*(core.invoke('echo', value=n) for n in range(60)))") == list(range(60))
    # One may come a moment before the core has counted its share: it is refused, and tried again.
    assert puppet.do("core.statistics().tries") < 5


# -- exports ----------------------------------------------------------------------------------------------------------

EXPORTER = """
import asyncio, os, time
from stockade_frontend import CommandError
from stockade_frontend import {module}
{head}
    @core.export("work.echo", concurrency=4)
    async def echo(value): return [value, core.handling.caller]

    @core.export("work.rows")
    async def rows(count):
        for number in range(count): yield number

    @core.export("work.double")
    async def double(numbers, doubled):
        async for number in numbers: await doubled.send(2 * number)
        await doubled.end()
        return "doubled"

    @core.export("work.nested")
    async def nested(): return await core.invoke("caller.left")

    @core.export("work.slow")
    async def slow(): return await core.invoke("sleep", seconds=60)

    @core.export("work.pid")
    async def pid(): return os.getpid()

    @core.export("work.locked")
    async def locked(): raise CommandError("taken", {{"by": "x"}}, code="work.locked")

    await core.run()
"""
HEADS = {
    "blocking": ("connect", "with connect() as core:", ""),
    "asyncio": ("aio", "async def main():\n  async with aio.connect() as core:", "asyncio.run(main())\n"),
}


@pytest.fixture(scope="module", params=HEADS)
def exporting(shared_applications: Callable[[], Application], request: pytest.FixtureRequest) -> Application:
    """A worker of one face that exports, and another that asks it through the core."""
    application = shared_applications()
    module, head, tail = HEADS[request.param]
    program = EXPORTER.format(module=module, head=head) + tail
    if request.param == "blocking":
        program = re.sub(r"\b(await|async) ", "", program)
    (application.folder / "work.py").write_text(program)
    application.configure(
        worker("work", "work.py", capabilities=["all"], exports=["work.*"]),
        worker("ui", "aio_puppet.py", capabilities=["all"]),
        capability("all", commands=["**"]),
        commands=COMMANDS,
    )
    application.start()
    application.ready("ui", "work")
    return application


@pytest.fixture
def ui(exporting: Application) -> Puppet:
    return exporting.puppet("ui")


def test_exports_are_called_like_commands(ui: Puppet) -> None:
    """Values of every size, errors of the application, streams and channels go through the core."""
    assert ui.do("await core.invoke('work.echo', value={'a': [1, None]})") == [{"a": [1, None]}, "ui"]
    assert ui.do("(await core.invoke('work.echo', value=bytes(10**6)))[0] == bytes(10**6)") is True
    assert ui.do("await core.invoke('work.locked')") == Raised(
        "CommandError", "work.locked: taken", "work.locked", {"by": "x"}
    )
    assert ui.do("await core.invoke('work.echo', number=1)").code == "invalid_args"
    assert ui.do("rows = [row async for row in core.stream('work.rows', count=300)]\nawait core.ping()\nrows") == list(
        range(300)
    )
    assert ui.do("await core.invoke('work.rows', count=1)").code == "invalid_args"


def test_channels_lead_through_the_core(ui: Puppet) -> None:
    """From one worker to another and back."""
    assert ui.do("""
numbers, doubled = core.send_channel(), core.receive_channel()
call = asyncio.create_task(core.invoke('work.double', numbers=numbers, doubled=doubled))
await asyncio.sleep(0)
async def feed():
    async with numbers: await numbers.send_all(range(200))
feeding = asyncio.create_task(feed())
found = [number async for number in doubled]
[await call, found]
""") == ["doubled", [2 * number for number in range(200)]]


def test_nested_call_has_no_more_time_than_its_parent(ui: Puppet) -> None:
    """The exported handler says nothing of it."""
    assert 0 < ui.do("await core.options(timeout=5).invoke('work.nested')") <= 5


def test_cancel_goes_all_the_way_down(exporting: Application, ui: Puppet) -> None:
    """From the task that asks, through the handler, to the command that it waits for; the next call is handled."""
    exporting.log.forget()
    ui.do("task = asyncio.create_task(core.invoke('work.slow'))\nawait core.ping()")
    exporting.log.wait(event="sleeps")
    ui.do("task.cancel()")
    exporting.log.wait(event="cancelled")
    assert ui.do("(await core.invoke('work.echo', value=1))[0]") == 1


def test_death_of_the_exporter_answers_its_calls(exporting: Application, ui: Puppet) -> None:
    """With `unavailable`; its next generation is asked next."""
    pid = ui.do("await core.invoke('work.pid')")
    exporting.log.forget()
    ui.do("stream = core.stream('work.rows', count=10**9)\nawait stream.__anext__()")
    ui.begin("async for row in stream: pass\nawait core.ping()")
    os.kill(pid, signal.SIGKILL)
    assert ui.answer().code == "unavailable"
    exporting.log.wait(event="worker_ready", worker="work")
    assert ui.do("(await core.invoke('work.echo', value=2))[0]") == 2
