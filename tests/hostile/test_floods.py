"""Workers that do not stop, do not read, do not go on, or write without end: the others do not notice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from applications.application import Application, capability, worker
from applications.processes import until
from watching import resident, serve

COMMANDS = """
from typing import Any
from stockade import Events, command

@command("add", inline=True)
def add(a: int, b: int) -> int:
    return a + b

@command("large")
def large(size: int) -> bytes:
    return bytes(size)

@command("publish", inline=True)
def publish(count: int, size: int, events: Events) -> None:
    payload = bytes(size)
    for _ in range(count):
        events.emit("b/large", payload)
"""


def configure(application: Application, *tables: str) -> Application:
    """A bystander, and others that may do everything."""
    application.configure(
        worker("bystander", capabilities=["all"]),
        *tables,
        capability("all", commands=["**"], events={"listen": ["a/**", "b/**"], "emit": ["a/**"]}),
        commands=COMMANDS,
    )
    application.start()
    application.ready("bystander")
    return application


FLOODS = {
    "calls": "while True: say(*[['call', last_id := last_id + 1, 'add', {'a': 1, 'b': 2}] for _ in range(64)])",
    "refused calls": "while True: say(*[['call', last_id := last_id + 1, 'no', {}] for _ in range(64)])",
    "pings": "while True: say(*[['ping', 1]] * 1024)",
    "emits": "number = 0\nwhile True: emit('a/x', 'flood', number := number + 1)",
    "refused emits": "number = 0\nwhile True: emit('c', None, number := number + 1)",
    "subscriptions": "while True: events.subscribe(b'a/x|'); events.get(zmq.EVENTS); events.unsubscribe(b'a/x|')",
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS.keys())
def test_a_worker_that_floods_does_not_keep_others_from_being_served(application, flood) -> None:
    """And the stop works, as ever."""
    configure(application, worker("rogue", "raw_puppet.py", capabilities=["all"], grace={"stop": 0.1, "stdin": 0.1}))
    rogue = application.puppet("rogue")
    rogue.do("greet()")
    rogue.begin(flood)
    serve(application)
    if "say" in flood:  # it reads no answers: in the end its own outbox is full, and it is held back
        until(
            lambda: Path(f"/proc/{rogue.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S", "it is held back"
        )
    serve(application, 100)
    assert resident(application.core()) < 200
    assert application.stop() == 0


def test_answers_that_are_not_read_become_errors_in_the_end(application) -> None:
    """What waits for a worker is bounded by its outbox; above it, a result becomes an error, and no call hangs."""
    size, count = 90_000, 100
    configure(
        application,
        worker("rogue", "raw_puppet.py", capabilities=["all"], limits={"message": 100_000, "outbox": 200_000}),
    )
    rogue = application.puppet("rogue")
    rogue.do("greet()")
    rogue.do("say(*[['call', n, 'large', {'size': size}] for n in range(1, count + 1)])", size=size, count=count)
    answers = rogue.do("[hear('result', 'error') for _ in range(count)]")
    assert sorted(number for _, number, *_ in answers) == list(range(1, count + 1))
    errors = [outcome["code"] for verb, _, outcome, *_ in answers if verb == "error"]
    assert errors
    assert set(errors) == {"too_large"}  # not busy: what has run is not to be tried again
    assert any(verb == "result" for verb, *_ in answers)
    assert rogue.do("last_id = count; call('add', {'a': 1, 'b': 2})") == 3
    rogue.begin("os._exit(9)")
    assert application.closed("rogue@1")["refusals"] == {"call too_large": len(errors)}


def test_a_stopped_worker_harms_only_itself(application) -> None:
    """SIGSTOP: others are served, what waits for it is bounded, its events are dropped and counted; SIGCONT: it learns
    how many it has missed.
    """
    configure(application, worker("victim", capabilities=["all"]))
    application.ready("victim")
    victim, bystander = application.puppet("victim"), application.puppet("bystander")
    victim.do("core.listen('b/large', lambda event: heard.append(event.seq)) and None")
    core = application.core()
    before = resident(core)
    os.kill(victim.pid, signal.SIGSTOP)

    events, size = 6000, 60_000  # 360 MB in all
    for _ in range(events // 100):
        bystander.do("core.invoke('publish', count=100, size=size)", size=size)
    serve(application)
    # Its queue is 1024 events of at most 64 KiB, and libzmq's and the kernel's own.
    assert resident(core) < before + 120

    os.kill(victim.pid, signal.SIGCONT)
    # When one that comes last is there, so is all that has not been dropped. It is dropped too until there is room.
    last = events
    while victim.do("core.poll(0.05); heard[-1] if heard else 0") <= events:
        bystander.do("core.invoke('publish', count=1, size=1)")
        last += 1
    victim.do("core.ping()")
    missed, heard = victim.do("core.missed"), victim.do("len(heard)")
    assert missed > 0
    assert missed + heard == last
    assert victim.do("core.invoke('add', a=1, b=2)") == 3
    assert application.stop() == 0
    counted = application.closed("victim@1")
    assert (counted["events"], counted["events_dropped"]) == (last, missed)


def test_a_stopped_worker_does_not_keep_the_system_from_stopping(application) -> None:
    """It cannot read its `stop`, nor see its stdin's end; SIGTERM is sent with a SIGCONT."""
    configure(application, worker("victim", capabilities=["all"], grace={"stop": 0.1, "stdin": 0.1, "term": 20}))
    application.ready("victim")
    os.kill(application.pid("victim"), signal.SIGSTOP)
    assert application.stop() == 0
    assert application.log.wait(event="worker_exited", worker="victim")["code"] in (0, -signal.SIGTERM)


def test_megabytes_without_a_newline_are_cut_bounded_and_counted(application) -> None:
    """Neither the log nor the supervisor's memory grows with what a worker writes."""
    configure(application)
    bystander, supervisor = application.puppet("bystander"), application.supervisor
    before = resident(supervisor)
    bystander.do(
        "import os\nfor _ in range(160): os.write(1, b'x' * 65536)"  # 10 MiB
    )
    dropped = application.log.wait(event="output_dropped", worker="bystander")
    assert dropped["lines_dropped"] > 0
    lines = application.log.find(source="bystander@1", stream="stdout")
    assert all(len(line["message"]) <= 8192 + len(" [continues]") for line in lines)
    assert resident(supervisor) < before + 20
    serve(application)


def test_what_a_worker_writes_cannot_forge_a_record(application) -> None:
    """In JSON lines its words are a text in a record that says whose they are."""
    configure(application)
    forged = '{"level": "error", "source": "core", "event": "breach", "worker": "victim@1"}'
    application.puppet("bystander").do("print(forged); print('\\x1b[2J\\rcore: all is well')", forged=forged)
    record = application.log.wait(message=forged)
    assert (record["source"], record["stream"]) == ("bystander@1", "stdout")
    record = application.log.wait(message="\x1b[2J\rcore: all is well")
    assert record["source"] == "bystander@1"
    assert application.log.find(event="breach") == []
