"""Several workers of one kind: each has a life of its own, and together they have a name."""

from __future__ import annotations

import os
import signal
from typing import Any

from applications.application import Application, capability, worker
from applications.processes import until

COMMANDS = """
from stockade import Caller, Events, command

@command("who")
def who(caller: Caller) -> list[object]:
    return [caller.worker, caller.generation]

@command("tell")
def tell(events: Events, to: str) -> None:
    events.emit_to(to, "a/told", to)
"""
EVERYTHING = capability("all", commands=["**"], events={"listen": ["a/**", "core:worker/*"], "emit": ["a/*"]})


def configure(application: Application, **how: Any) -> Application:
    """Three puppets that are replicas, and one that is not."""
    trio = worker("trio", capabilities=["all"], replicas=3, **how)
    application.configure(worker("ui", capabilities=["all"]), trio, EVERYTHING, commands=COMMANDS)
    application.start().ready("ui", "trio.1", "trio.2", "trio.3")
    return application


def test_each_replica_is_known_by_its_own_label(application: Application) -> None:
    """To itself, to the core, to commands and in the log; what they may do is the same."""
    configure(application)
    for number in (1, 2, 3):
        label = f"trio.{number}"
        puppet = application.puppet(label)
        assert puppet.do("import os; os.environ['STOCKADE_WORKER']") == label
        assert puppet.do("core.invoke('who')") == [label, 1]
        puppet.do("print('here I am')")
        until(lambda label=label: "here I am" in application.log.lines_of(f"{label}@1"), f"{label} has printed")


def test_there_can_be_one_for_each_core(application: Application) -> None:
    """So many as the supervisor may use; of a single one the label has no number."""
    many = worker("many", capabilities=["all"], replicas="cores")
    application.configure(worker("ui", capabilities=["all"]), many, EVERYTHING, commands=COMMANDS)
    count = len(os.sched_getaffinity(0))
    labels = [f"many.{number}" for number in range(1, count + 1)] if count > 1 else ["many"]
    application.start().ready("ui", *labels)
    assert [application.puppet(label).do("core.invoke('who')") for label in labels] == [[label, 1] for label in labels]
    assert application.log.find(event="worker_started", worker=f"many.{count + 1}") == []


def test_the_death_of_one_is_its_own(application: Application) -> None:
    """It alone is started again, and everyone hears of it by its label."""
    configure(application)
    ui = application.puppet("ui")
    ui.do("core.listen('core:worker/exited', lambda event: heard.append(event.payload['worker'])) and None")
    os.kill(application.pid("trio.2"), signal.SIGKILL)
    assert application.puppet("trio.2", 2).do("core.invoke('who')") == ["trio.2", 2]
    for label in ("trio.1", "trio.3"):
        assert application.puppet(label).do("core.invoke('who')") == [label, 1]
    until(lambda: ui.do("heard"), "the end was heard of")
    assert ui.do("heard") == ["trio.2"]


def test_each_is_given_up_for_itself(application: Application) -> None:
    """One that fails too often is left out; the others run on, and the system with them."""
    configure(application, restart_limit={"times": 1})
    for generation in (1, 2):
        os.kill(application.pid("trio.1", generation), signal.SIGKILL)
    assert application.log.wait(event="worker_given_up")["worker"] == "trio.1"
    assert application.puppet("trio.2").do("core.invoke('who')") == ["trio.2", 1]


def test_events_reach_all_replicas_or_one(application: Application) -> None:
    """By the label of all, each of them once; by that of one, that one; from a command and from a worker."""
    configure(application)
    trio = [application.puppet(f"trio.{number}") for number in (1, 2, 3)]
    for puppet in trio:
        puppet.do("core.listen('a/', lambda event: heard.append(event.payload)) and None")
    ui = application.puppet("ui")
    ui.do("core.invoke('tell', to='trio')")
    ui.do("core.invoke('tell', to='trio.2')")
    ui.do(
        "core.emit('a/said', 'said', to='trio')\ncore.emit('a/said', 'alone', to='trio.3')\ncore.emit('a/said', 'last')"
    )
    for puppet in trio:
        until(lambda puppet=puppet: "last" in puppet.do("heard"), "the last was heard")
    assert [puppet.do("heard") for puppet in trio] == [
        ["trio", "said", "last"],
        ["trio", "trio.2", "said", "last"],
        ["trio", "said", "alone", "last"],
    ]
    raised = ui.do("core.invoke('tell', to='trio.4')")
    assert raised.code == "failed"
