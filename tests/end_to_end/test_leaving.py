"""Leave-taking: nothing that a worker has said before it goes is lost."""

from __future__ import annotations

import signal

import pytest
from applications.application import capability, worker

COMMANDS = """
import asyncio, logging, pathlib, time
from stockade import Event, command, listener

log = logging.getLogger("application")
seen = {"events": 0, "calls": 0}

@listener("a/*")
async def on_event(event: Event) -> None:
    seen["events"] += 1

@command("count", inline=True)
def count() -> int:
    seen["calls"] += 1
    return seen["calls"]

@command("slow")
async def slow() -> str:
    await asyncio.sleep(0.05)
    return "done"

@command("endless")
async def endless() -> None:
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        log.info("cancelled", extra={"event": "cancelled"})
        raise

@command("hold", inline=True)
def hold(until: str) -> None:
    log.info("held", extra={"event": "held"})
    while not pathlib.Path(until).exists():
        time.sleep(0.005)

@command("seen", inline=True)
def what_was_seen() -> dict[str, int]:
    return seen
"""

BLOCKING = """
from stockade_frontend import connect

with connect() as core:
    core.ready()
    for number in range(1000):
        core.emit("a/x", number)
    calls = [core.call("count") for _ in range(300)]
    slow = core.call("slow")
print("pending", core.statistics().pending, "emitted", core.statistics().emitted)
"""

ASYNCIO = """
import asyncio
from stockade_frontend import aio

async def main():
    async with aio.connect() as core:
        core.ready()
        for number in range(1000):
            await core.emit("a/x", number)
        calls = [asyncio.ensure_future(core.invoke("count")) for _ in range(300)]
        slow = asyncio.ensure_future(core.invoke("slow"))
        await asyncio.sleep(0)
    print("pending", core.statistics().pending, "emitted", core.statistics().emitted)
    await asyncio.gather(*calls, slow)

asyncio.run(main())
"""

EMITS_ALONE = """
from stockade_frontend import connect

with connect() as core:
    core.ready()
    for number in range(1000):
        core.emit("a/x", number)
print("pending 0 emitted", core.statistics().emitted)
"""

LEAVES_A_CALL = """
from stockade_frontend import connect

with connect() as core:
    core.ready()
    endless = core.call("endless")
print("left")
"""

# Without a leave: what is emitted is still handled if it has reached the core's machine, and nothing hangs.
NO_LEAVE = """
import os, time
from stockade_frontend import connect

core = connect()
core.ready()
for number in range(1000):
    core.emit("a/x", number)
core.ping()
os._exit(0)
"""


def run(application, program: str):
    """One worker with this program, to its end; what the core has counted of it, and the application."""
    application.write("brief.py", program)
    application.configure(
        worker("brief", "brief.py", capabilities=["all"]),
        worker("witness", capabilities=["all"]),
        capability("all", commands=["*"], events={"emit": ["a/*"]}),
        commands=COMMANDS,
    )
    application.start()
    return application.closed("brief@1")


@pytest.mark.parametrize("program", [BLOCKING, ASYNCIO], ids=["blocking", "asyncio"])
def test_who_emits_and_calls_and_closes_at_once_is_heard_to_the_last_word(application, program) -> None:
    """A thousand emits and three hundred calls, one of them slow, then `bye`: all handled, all answered."""
    counted = run(application, program)
    assert (counted["emits"], counted["calls"], counted["in_flight"]) == (1000, 301, 0)
    assert not application.log.find(event="emits_lost")
    seen = application.puppet("witness").do(
        "import time\nwhile (seen := core.invoke('seen'))['events'] < 1000:\n    time.sleep(0.002)\nseen"
    )
    assert seen == {"events": 1000, "calls": 300}
    application.log.wait(source="brief@1", message="pending 0 emitted 1000")
    ended = application.log.wait(event="worker_exited", worker="brief")
    assert (ended["code"], ended["left"]) == (0, True)


def test_who_closes_cancels_what_it_has_called(application) -> None:
    """Once the second is over that its calls are given to end by themselves."""
    counted = run(application, LEAVES_A_CALL)
    application.log.wait(event="cancelled")
    assert (counted["calls"], counted["in_flight"]) == (1, 0)
    ended = application.log.wait(event="worker_exited", worker="brief")
    assert (ended["code"], ended["left"]) == (0, True)


def test_emits_are_waited_for_where_there_is_nothing_else_to_wait_for(application) -> None:
    """They travel on another socket than `bye`, which counts them."""
    counted = run(application, EMITS_ALONE)
    assert (counted["emits"], counted["calls"]) == (1000, 0)
    assert application.log.lines_of("brief@1") == ["pending 0 emitted 1000"]  # the stub has nothing to complain of


def test_what_a_worker_left_in_its_link_when_it_went_is_handled(application) -> None:
    """Its words have reached the core's process, which is busy with something else; then the worker is gone."""
    application.configure(
        worker("brief", "raw_puppet.py", capabilities=["all"]),
        worker("witness", capabilities=["all"]),
        capability("all", commands=["*"], events={"emit": ["a/*"]}),
        commands=COMMANDS,
    )
    application.start()
    brief, witness = application.puppet("brief"), application.puppet("witness")
    brief.do("greet()")
    witness.begin("core.invoke('hold', until='gone')")
    application.log.wait(event="held")
    brief.begin("""
for number in range(1, 501):
    emit("a/x", None, number)
for socket in (commands, events, emits):
    socket.close(linger=5000)
context.term()  # returns when all is sent
os._exit(0)
""")
    application.log.wait(event="worker_exited", worker="brief")
    application.write("gone", "")
    witness.answer()
    assert application.closed("brief@1")["emits"] == 500


def test_who_goes_without_a_word_has_its_emits_handled_all_the_same(application) -> None:
    """As far as they were on their way; nobody hangs."""
    counted = run(application, NO_LEAVE)
    ended = application.log.wait(event="worker_exited", worker="brief")
    assert (ended["code"], ended.get("left")) == (0, None)
    assert 0 < counted["emits"] <= 1000
    assert application.puppet("witness").do("core.ping() > 0")
    application.signal(signal.SIGTERM)
    assert application.wait() == 0
