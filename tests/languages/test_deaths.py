"""Workers in each language among processes that are killed: nothing is left, nobody hangs, what comes next is new."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from applications.application import Application, capability, table

COMMANDS = """
import asyncio, logging
from typing import Any
from stockade import Caller, command

log = logging.getLogger("application")
told = {}

def say(event: str, **fields: Any) -> None:
    log.info(event, extra={"event": event, "fields": fields})

@command("certify.next")
async def next_task(caller: Caller, offers: list[str] | None = None, report: Any = None) -> dict[str, Any]:
    tasks = TASKS.get(caller.generation, TASKS[0])
    count = told[caller.generation] = told.get(caller.generation, 0) + 1
    say("asked", generation=caller.generation, turn=count, report=report)
    return tasks[count - 1] if count <= len(tasks) else {"do": "run"}

@command("certify.hang")
async def hang(caller: Caller, number: int) -> None:
    say("begun", number=number, generation=caller.generation)
    try:
        await asyncio.Event().wait()
    finally:
        say("left", number=number, generation=caller.generation)

@command("certify.double", inline=True)
def double(number: int) -> int:
    return 2 * number
"""
HANG = {"do": "invoke", "command": "certify.hang", "arguments": {"number": 7}}
DOUBLE = {"do": "invoke", "command": "certify.double", "arguments": {"number": 21}}


def start(application: Application, face: Any, tasks: dict[int, list[dict[str, Any]]]) -> Application:
    """Run the echo worker of a face, its generations told to do these tasks and then to run."""
    worker = table(
        "[[worker]]",
        label="echo",
        run=face.certify,
        restart="always",
        backoff={"first": 0.0, "longest": 0.0},
        restart_limit={"times": 100},
        exports=["echo.*"],
        capabilities=["all"],
    )
    everything = capability("all", commands=["certify.*"], events={"listen": ["certify/**"], "emit": ["certify/**"]})
    application.configure(
        worker, everything, commands=f"TASKS = { ({0: []} | tasks)!r}\n{COMMANDS}", core={"deadline": "none"}
    )
    return application.start()


def test_a_worker_killed_within_a_call_leaves_nothing_and_its_next_life_is_new(application, face) -> None:
    """Its handler is cancelled; the next generation has the answers to its own calls alone."""
    start(application, face, {1: [HANG], 2: [DOUBLE]})
    application.log.wait(event="begun", generation=1)
    os.kill(application.pid("echo"), signal.SIGKILL)
    application.log.wait(event="left", generation=1)
    assert application.log.wait(event="asked", generation=2, turn=2)["report"] == {"value": 42}
    assert application.stop() == 0


@pytest.mark.parametrize("tasks", [[HANG], []], ids=["within a call", "within run"])
def test_nothing_is_left_when_the_supervisor_is_killed(application, face, tasks) -> None:
    """The end of its standard input ends the worker, whatever it waits for, though nobody is there to kill it."""
    start(application, face, {1: tasks})
    application.log.wait(event="begun") if tasks else application.ready("echo")
    os.kill(application.supervisor, signal.SIGKILL)
    application.wait()
    application.check_that_nothing_is_left()


def test_the_end_of_its_lifeline_ends_a_worker_that_waits(application, face) -> None:
    """Of a core that stands still it hears nothing; its standard input ends, and it goes before it is killed."""
    start(application, face, {1: [HANG]})
    application.log.wait(event="begun")
    os.kill(application.core(), signal.SIGSTOP)
    application.signal(signal.SIGTERM)
    ended = application.log.wait(event="worker_exited", worker="echo")
    os.kill(application.core(), signal.SIGCONT)
    assert ended["code"] == 0
    application.wait()


def test_a_killed_core_comes_back_with_its_workers(application, face) -> None:
    """The worker of the old core ends; one of the new core gets its answers."""
    start(application, face, {1: [HANG], 2: [DOUBLE]})
    application.log.wait(event="begun", generation=1)
    os.kill(application.core(), signal.SIGKILL)
    told = application.log.wait(event="asked", report={"value": 42})
    assert told["generation"] > 1
    assert application.stop() == 0


def test_a_worker_that_is_asked_to_stop_leaves_by_itself(application, face) -> None:
    """It says bye and exits with 0: nobody has to end it."""
    start(application, face, {})
    application.log.wait(event="asked")
    application.ready("echo")
    assert application.stop() == 0
    ended = application.log.wait(event="worker_exited", worker="echo")
    assert (ended["code"], ended.get("breach")) == (0, None)
