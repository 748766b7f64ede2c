"""How a system is stopped: the order, the ladder of each worker, and the exit code."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
from applications.application import Application, capability, worker
from applications.processes import until

#: A worker without stub and sockets, that says what happens to it.
BY_HAND = """
import signal, sys, time

def on_term(*_):
    print("TERM", flush=True)
    {on_term}

signal.signal(signal.SIGTERM, on_term)
sys.stdin.readline()
print("here", flush=True)
sys.stdin.read()
print("stdin ended", flush=True)
{at_end}
"""

SLOW = """
import time
from stockade_frontend import connect

with connect() as core:
    core.run()
    print("stops", flush=True)
    while True:
        time.sleep(1)
"""

STUCK = """
import threading
from collections.abc import Iterator
from stockade import lifespan

@lifespan
def stuck() -> Iterator[threading.Event]:
    yield threading.Event()
    threading.Event().wait()
"""


@pytest.fixture
def three(application) -> Application:
    """Three workers, of which none has anything to do."""
    application.configure(*(worker(label, capabilities=["all"]) for label in ("first", "second", "third")),
                          capability("all", commands=["**"]))  # fmt: skip
    return application


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_stops_workers_in_reverse_order_then_the_core(three, number) -> None:
    """Each with `stop`, which it answers with its leave; the exit code is 0."""
    three.start("--log-level", "debug")
    three.ready("first", "second", "third")
    core = three.core()
    three.signal(number)
    assert three.wait() == 0
    ends = three.log.find(event=lambda event: event in ("worker_exited", "core_exited"))
    assert [end.get("worker", "core") for end in ends] == ["third", "second", "first", "core"]
    assert [(end["code"], end.get("left")) for end in ends] == [(0, True)] * 3 + [(0, None)]
    assert ends[-1]["pid"] == core
    assert three.log.find(event="stopping")[0]["signal"] == number.name
    assert three.log.find()[-1]["event"] == "stopped"


def test_ctrl_c_reaches_the_supervisor_alone(three) -> None:
    """Workers and core have sessions of their own: what the terminal sends to the group does not end them."""
    three.start(process_group=0)
    three.ready("first", "second", "third")
    sessions = {os.getsid(each.pid) for each in three.processes()}
    assert len(sessions) == 5
    os.killpg(three.supervisor, signal.SIGINT)
    assert three.wait() == 0
    assert [end["left"] for end in three.log.find(event="worker_exited")] == [True] * 3


def test_a_second_signal_kills_everything_at_once(application) -> None:
    """For who cannot wait; the exit code is that of the signal."""
    application.write("slow.py", SLOW)
    application.configure(worker("slow", "slow.py", grace={"stop": 600, "stdin": 600, "term": 600}))
    application.start()
    application.ready("slow")
    application.signal(signal.SIGINT)
    application.log.wait(source="slow@1", message="stops")
    application.signal(signal.SIGTERM)  # another one: the same twice within a moment counts as one
    assert application.wait() == 128 + signal.SIGTERM
    assert application.log.wait(event="worker_exited", worker="slow")["code"] == -signal.SIGKILL


def test_the_ladder_goes_from_stdin_to_term_to_kill(application) -> None:
    """Who heeds a step ends with it, in its own way; who heeds none is killed."""
    programs = {
        "heeds-stdin": BY_HAND.format(on_term="pass", at_end="sys.exit(0)"),
        "heeds-term": BY_HAND.format(on_term="sys.exit(7)", at_end="while True: time.sleep(1)"),
        "heeds-none": BY_HAND.format(on_term="pass", at_end="while True: time.sleep(1)"),
    }
    for name, program in programs.items():
        application.write(f"{name}.py", program)
    application.write("slow.py", SLOW)
    # Long where the next step would be a fault, short where a worker will not heed this one.
    graces = {
        "heeds-stdin": {"stdin": 20.0},
        "heeds-term": {"stdin": 0.1, "term": 20.0},
        "heeds-none": {"stdin": 0.1, "term": 0.1},
    }
    application.configure(
        *(worker(name, f"{name}.py", grace=grace) for name, grace in graces.items()),
        worker("slow", "slow.py", grace={"stop": 0.1, "stdin": 0.1, "term": 20.0}),
    )
    application.start()
    for name in programs:
        application.log.wait(source=f"{name}@1", message="here")
    application.ready("slow")

    assert application.stop() == 0

    codes = {end["worker"]: end["code"] for end in application.log.find(event="worker_exited")}
    assert codes == {"heeds-stdin": 0, "heeds-term": 7, "heeds-none": -signal.SIGKILL, "slow": -signal.SIGTERM}
    assert application.log.lines_of("heeds-stdin@1") == ["here", "stdin ended"]
    assert application.log.lines_of("heeds-term@1") == ["here", "stdin ended", "TERM"]
    assert application.log.lines_of("heeds-none@1") == ["here", "stdin ended", "TERM"]
    assert application.log.lines_of("slow@1") == ["stops"]


def test_a_stop_in_the_middle_of_a_start_leaves_nothing(three) -> None:
    """Before anybody has said hello."""
    three.start()
    three.pid("third")
    assert three.stop() == 0
    three.check_that_nothing_is_left()


def test_a_lifespan_that_does_not_end_is_not_waited_for(application) -> None:
    """It has the core's grace, and then the core ends all the same, which is said."""
    application.configure(
        worker("idle"),
        commands=STUCK,
        core={"grace": 0.2},
    )
    application.start()
    application.ready("idle")
    code = application.stop()
    assert code in (0, 4)
    assert application.log.find(level=lambda level: level in ("warning", "error"))


def test_a_reader_that_goes_away_stops_nothing(three) -> None:
    """`stockade run 2>&1 | head -1`: the system runs on, and can be stopped."""
    read, write = os.pipe()
    head = subprocess.Popen(["head", "-1"], stdin=read, stdout=subprocess.PIPE)
    os.close(read)
    three.start(stderr=write)
    os.close(write)
    first, _ = head.communicate(timeout=20)
    assert b'"core_started"' in first
    for label in ("first", "second", "third"):
        assert isinstance(three.puppet(label).do("core.ping()"), float)
    assert three.stop() == 0


def test_a_reader_that_does_not_read_stops_nothing(three) -> None:
    """`stockade run | less`: what waits for it is bounded, and everybody else goes on."""
    read, write = os.pipe()
    three.start(stderr=write)
    os.close(write)
    first = three.puppet("first")
    first.do("print('x' * 5000 + '\\n' * 3, flush=True)")
    for _ in range(3):
        first.do("for _ in range(300): print('x' * 5000)")
        assert isinstance(three.puppet("second").do("core.ping()"), float)
    until(lambda: three.puppet("third").do("core.ping()") < 5, "the core answers")
    assert three.stop() == 0
    os.close(read)
