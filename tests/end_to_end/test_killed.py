"""Processes that are killed at the worst moment: what the others notice, and that nothing is left."""

from __future__ import annotations

import os
import signal

import pytest
from applications.application import Application, capability, worker
from applications.processes import children, until
from applications.puppets import Gone

COMMANDS = """
import asyncio, logging, threading
from stockade import command

log = logging.getLogger("application")
open_now = []

@command("add", inline=True)
def add(a: int, b: int) -> int:
    return a + b

@command("wait")
async def wait(number: int) -> None:
    log.info("begun", extra={"event": "begun", "fields": {"number": number}})
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        log.info("cancelled", extra={"event": "cancelled", "fields": {"number": number}})
        raise
    finally:
        log.info("left", extra={"event": "left", "fields": {"number": number}})

gate = threading.Event()

@command("block")
def block() -> str:
    log.info("blocks", extra={"event": "blocks"})
    gate.wait()
    log.info("goes on", extra={"event": "goes_on"})
    return "late"

@command("threaded")
def threaded() -> str:
    return "done"

@command("spin", inline=True)
def spin() -> None:
    log.info("spins", extra={"event": "spins"})
    while True:
        pass

@command("let_go", inline=True)
def let_go() -> None:
    gate.set()
"""


def configure(application: Application, *tables: str, **core: object) -> Application:
    """Puppets that may do everything."""
    everything = capability("all", commands=["**"], events={"listen": ["a/**", "core:worker/*"], "emit": ["a/*"]})
    application.configure(*tables, everything, commands=COMMANDS, core=core)
    return application.start()


def test_the_calls_of_a_killed_worker_are_cancelled_and_nothing_of_it_is_left(application) -> None:
    """Its handlers, sockets and directory go; its next generation never sees an answer of its."""
    configure(
        application,
        worker("victim", capabilities=["all"]),
        worker("witness", capabilities=["all"]),
        debuggable=True,  # so that the core's descriptors can be counted
    )
    application.ready("victim", "witness")
    witness = application.puppet("witness")
    witness.do("core.listen('core:worker/exited', lambda event: heard.append(event.payload)) and None")
    core = application.core()
    descriptors = len(os.listdir(f"/proc/{core}/fd"))
    directories = application.runtime / application.directories()[0]

    for generation in (1, 2, 3):
        victim = application.puppet("victim", generation)
        victim.begin("[core.call('wait', number=n) for n in range(3)]; core.invoke('wait', number=generation + 10)",
                     generation=generation)  # fmt: skip
        application.log.wait(event="begun", number=generation + 10)
        os.kill(victim.pid, signal.SIGKILL)
        for event in ("cancelled", "left"):
            application.log.wait_for(generation * 3, event=event, number=lambda number: number < 10)
            application.log.wait(event=event, number=generation + 10)
        counted = application.closed(victim.name)
        assert (counted["calls"], counted["in_flight"]) == (4, 4)
        with pytest.raises(Gone):
            victim.answer()

    successor = application.puppet("victim", 4)
    assert successor.do("core.invoke('add', a=1, b=1)") == 2
    assert successor.do("core.statistics()._asdict()")["late"] == 0
    until(lambda: len(os.listdir(f"/proc/{core}/fd")) == descriptors, "the core has as many descriptors as before")
    until(lambda: len(os.listdir(directories)) == 5, "a lock, and two directories for each of two workers")
    heard = witness.do("while len(heard) < 3:\n    core.poll(None)\nheard")
    assert [(each["worker"], each["generation"], each["code"], each["breach"]) for each in heard] == [
        ("victim", generation, -9, None) for generation in (1, 2, 3)
    ]
    assert all(each["reason"] == "signal SIGKILL" for each in heard)


def test_the_answer_of_a_thread_that_outlives_its_caller_is_for_nobody(application) -> None:
    """A thread cannot be stopped; what it returns is dropped."""
    configure(application, worker("victim", capabilities=["all"]))
    victim = application.puppet("victim")
    victim.begin("core.invoke('block')")
    application.log.wait(event="blocks")
    os.kill(victim.pid, signal.SIGKILL)
    successor = application.puppet("victim", 2)
    successor.begin("core.call('let_go').result(); core.ping(); core.invoke('add', a=2, b=3)")
    application.log.wait(event="goes_on")
    assert successor.answer() == 5
    assert successor.do("core.ping(); core.statistics().pending") == 0


def test_threads_that_outlive_their_callers_are_missed_by_nobody_else(application) -> None:
    """Two workers leave as many hanging as all share: others still have one each, their own successors hear `busy`."""
    configure(
        application,
        *(worker(label, capabilities=["all"]) for label in ("one", "two", "witness")),
        threads=4,
        threads_per_worker=2,
    )
    for label in ("one", "two"):
        application.puppet(label).begin("[core.call('block') for _ in range(2)]; core.ping()")
    application.log.wait_for(4, event="blocks")
    assert application.puppet("witness").do("core.invoke('threaded')") == "done"
    for label in ("one", "two"):
        os.kill(application.puppet(label).pid, signal.SIGKILL)
        assert application.puppet(label, 2).do("core.options(wait=False).invoke('threaded')").code == "busy"
    assert application.puppet("witness").do("core.invoke('threaded')") == "done"
    application.puppet("witness").do("core.invoke('let_go')")
    application.log.wait_for(4, event="goes_on")
    until(lambda: application.puppet("one", 2).do("core.invoke('threaded')") == "done", "it has its threads back")


def test_after_the_core_is_killed_everything_comes_back(application) -> None:
    """Who was in mid-call ends instead of hanging, and every worker has a new generation."""
    configure(application, worker("caller", capabilities=["all"]), worker("idle", capabilities=["all"]),
              worker("aio", "aio_puppet.py", capabilities=["all"]))  # fmt: skip
    application.ready("caller", "idle", "aio")
    application.puppet("caller").begin("core.invoke('wait', number=1)")
    application.puppet("aio").begin("await core.invoke('wait', number=2)")
    application.log.wait(event="begun", number=1)
    application.log.wait(event="begun", number=2)

    os.kill(application.core(), signal.SIGKILL)

    for label in ("caller", "aio"):
        with pytest.raises(Gone):
            application.puppet(label).answer()
    for label in ("caller", "idle", "aio"):
        how = "await " if label == "aio" else ""
        assert application.puppet(label, 2).do(f"{how}core.invoke('add', a=4, b=5)") == 9
    ended = application.log.wait(event="core_exited", generation=1)
    assert (ended["code"], ended["reason"]) == (-9, "signal SIGKILL")
    assert sorted(ended["suspects"]) == ["aio@1", "caller@1", "idle@1"]
    assert application.core(2) != application.core(1)
    assert application.stop() == 0


def test_a_core_that_is_silent_is_replaced(application) -> None:
    """Stopped, it answers no ping: that is its failure."""
    configure(application, worker("idle", capabilities=["all"]), silence=1.0)
    application.ready("idle")
    until(lambda: application.puppet("idle").do("core.ping() > 0"), "the core answers")
    os.kill(application.core(), signal.SIGSTOP)
    assert application.puppet("idle", 2).do("core.invoke('add', a=4, b=5)") == 9
    ended = application.log.wait(event="core_exited", generation=1)
    assert ended["reason"] == "no answer for 1 s"
    assert "suspects" not in ended


def test_after_the_supervisor_is_killed_nothing_is_left(application) -> None:
    """No core, no worker, no child of a worker, no directory: under load, without a moment's notice."""
    configure(application, *(worker(f"parent-{n}", "parent.py", capabilities=["all"]) for n in range(3)))
    application.ready(*(f"parent-{n}" for n in range(3)))
    for n in range(3):
        application.log.wait(source=f"parent-{n}@1", message=lambda message: message.startswith("my child is"))
    before = application.processes()
    assert sum(each.command == "sleep 1000" for each in before) == 3
    assert len(before) == 8  # the supervisor, the core, three workers with a child each

    application.signal(signal.SIGKILL)

    application.check_that_nothing_is_left()


def test_after_the_supervisor_is_killed_while_the_core_starts_nothing_is_left(application) -> None:
    """Then the workers die before the core has heard of them; their children must not live on."""
    configure(application, worker("parent", "parent.py", capabilities=["all"]))
    application.write("commands.py", "import pathlib, time\n"
                      "while not pathlib.Path('go').exists():\n    time.sleep(0.005)\n" + COMMANDS)  # fmt: skip
    parent = application.pid("parent")
    until(lambda: any(each.command == "sleep 1000" for each in children(parent)), "the worker has its child")

    application.signal(signal.SIGKILL)

    until(lambda: parent not in {each.pid for each in application.processes()}, "the worker has died")
    application.write("go", "")
    application.check_that_nothing_is_left()


def test_after_the_supervisor_is_killed_a_core_that_does_not_come_to_an_end_of_its_start_goes_too(application) -> None:
    """It may hang in the application's import, where nobody is left who could count its silence."""
    application.configure(
        worker("parent", "parent.py"),
        commands="import threading\nprint('hangs', flush=True)\nthreading.Event().wait()\n",
    )
    application.start()
    parent = application.pid("parent")
    application.log.wait(source="core", message="hangs")
    until(lambda: any(each.command == "sleep 1000" for each in children(parent)), "the worker has its child")

    application.signal(signal.SIGKILL)

    application.check_that_nothing_is_left()


def test_after_the_supervisor_is_killed_a_core_that_spins_goes_too(application) -> None:
    """A command holds its loop, which cannot see that; its worker, the child of that and the directory go as well."""
    configure(application, worker("caller", capabilities=["all"]), worker("parent", "parent.py", capabilities=["all"]))
    application.ready("caller", "parent")
    application.puppet("caller").begin("core.invoke('spin')")
    application.log.wait(event="spins")

    application.signal(signal.SIGKILL)

    application.check_that_nothing_is_left()


def test_after_supervisor_and_core_are_killed_the_next_start_sweeps(applications) -> None:
    """Nobody was left to remove the directory."""
    application = applications()
    configure(application, worker("idle", capabilities=["all"]))
    application.ready("idle")
    [left] = application.directories()
    core = application.core()
    application.signal(signal.SIGSTOP)  # so that it does not start another core
    os.kill(core, signal.SIGKILL)
    application.signal(signal.SIGKILL)
    until(lambda: not application.processes(), "no process is left")
    assert application.directories() == [left]
    application.wait()

    application.start()
    application.ready("idle")
    swept = application.log.wait(event="run_swept")
    assert swept["path"].endswith(left)
    until(lambda: left not in application.directories(), "the dead run's directory is removed")
    assert application.stop() == 0
