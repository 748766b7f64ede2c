"""Workers that make the core remember, wait or work: what they can is bounded, and the others do not notice."""

from __future__ import annotations

import time

import pytest
from applications.application import Application, capability, worker
from applications.processes import until
from watching import resident, serve, sleeps

COMMANDS = """
import asyncio
from stockade import command

@command("add", inline=True)
def add(a: int, b: int) -> int:
    return a + b

@command("keep")
async def keep(data: bytes) -> int:
    await asyncio.sleep(0.2)
    return len(data)

@command("take", inline=True)
def take(value: object = None) -> int:
    return 1

@command("large")
def large(size: int) -> bytes:
    return bytes(size)
"""
MIB = 1024 * 1024


@pytest.fixture
def system(application) -> Application:
    """A bystander, and a rogue that may do everything."""
    application.configure(
        worker("bystander", capabilities=["all"]),
        worker("rogue", "raw_puppet.py", capabilities=["all"], limits={"message": 16 * MIB}),
        capability("all", commands=["**"], events={"listen": ["a/**"], "emit": ["a/**"]}),
        commands=COMMANDS,
    )
    application.start()
    application.ready("bystander")
    return application


def test_sockets_that_are_bound_late_are_connected_all_the_same(system) -> None:
    """A worker that says hello before it binds its other two costs nothing but the wait, and then hears its events."""
    rogue = system.puppet("rogue")
    rogue.do("bind(sockets=['commands']); say(['hello', {'protocol': 1, 'stub': 'late'}]); hear('welcome')")
    before = resident(system.core())
    serve(system, 300)
    assert resident(system.core()) < before + 5
    rogue.do("bind(sockets=['events', 'emits']); emits.recv()")
    assert rogue.do("subscribe(b'a/x|')") == ["listening", "a/x|"]
    system.puppet("bystander").do("core.emit('a/x', 5)")
    assert rogue.do("hear_event()").startswith(b"a/x|")


@pytest.mark.parametrize("socket", ["commands", "emits"])
def test_a_message_of_a_million_frames_is_not_read_to_its_end(system, socket) -> None:
    """Its first two frames are a breach, and the others are nobody's business."""
    rogue = system.puppet("rogue")
    rogue.do("greet()")
    rogue.begin(f"for _ in range(1_000_000): {socket}.send(b'', zmq.SNDMORE)\n{socket}.send(b'')")
    ended = system.log.wait(event="breach", worker="rogue@1")
    assert ended["code"] in ("bad_frame", "bad_event")
    serve(system, 100)


def test_the_last_emits_of_a_worker_are_handled_fairly(system) -> None:
    """A queue full of large ones does not hold the core while they are read; what a second is too short for is told."""
    rogue, bystander = system.puppet("rogue"), system.puppet("bystander")
    bystander.do("heard = []; core.listen('a/x', lambda event: heard.append(1))")
    rogue.do("greet(); commands.linger = emits.linger = 5000")
    rogue.begin("""
body = [[]] * 20_000
for number in range(300): emit('a/x', body, number + 1)
commands.close(), events.close(), emits.close(), context.term()
os._exit(0)
""")
    system.log.wait(event="worker_exited", worker="rogue")
    serve(system)
    handled = system.log.wait(event="worker_closed", worker="rogue@1")["emits"]
    assert handled == 300 or system.log.find(event="emits_lost", worker="rogue@1")
    assert handled > 0


def test_denied_subscriptions_cannot_fill_the_core(system) -> None:
    """libzmq remembers a topic until it is taken back, so there is an end to those that are not."""
    rogue = system.puppet("rogue")
    rogue.do("greet()")
    rogue.begin("number = 0\nwhile True: events.subscribe(b'b/%d|' % (number := number + 1)); events.get(zmq.EVENTS)")
    assert system.log.wait(event="breach", worker="rogue@1")["code"] == "too_many"
    assert resident(system.core()) < 100
    serve(system)


def test_a_worker_that_does_not_read_does_not_wake_the_core(system) -> None:
    """The core sleeps until there is room for the answers that wait: a descriptor that is writable must not spin it."""
    rogue = system.puppet("rogue")
    rogue.do("greet()")
    rogue.do("say(*[['call', number, 'large', {'size': 3_000_000}] for number in range(1, 20)])")
    system.log.wait(event="refused", worker="rogue@1", code="too_large")
    serve(system)
    core = system.core()
    before = sleeps(core)
    time.sleep(1.0)  # nothing is awaited here: the second itself is what is looked at
    assert sleeps(core) <= before + 20  # the supervisor's ping, and what libzmq's own thread hands over
    until(lambda: sleeps(core) > before, "it sleeps: what spins never does")
    serve(system)


def test_large_calls_in_flight_are_bounded_in_bytes(system) -> None:
    """The core stops reading the worker until some are answered; all are, in the end."""
    rogue = system.puppet("rogue")
    rogue.do("greet()")
    count = 30
    rogue.begin("""
for number in range(1, count + 1): say(['call', number, 'keep', {'data': bytes(size)}])
sorted(hear('result', 'error')[1:] for _ in range(count))
""", count=count, size=15 * MIB)  # fmt: skip
    most = 0.0
    while not rogue.has_answered():
        most = max(most, resident(system.core()))
        serve(system, 1)
    assert rogue.answer() == [[number, 15 * MIB] for number in range(1, count + 1)]
    assert most < 420  # four in flight and the frames behind them in ZeroMQ's queues; thirty would be 450 alone


def test_a_frame_that_takes_long_to_decode_holds_nobody_for_long(system) -> None:
    """Millions of empty arrays in one frame cost their sender the turns that follow."""
    rogue = system.puppet("rogue")
    rogue.do("greet()")
    rogue.begin("""
body = b'\\x81\\x84\\x64call%b\\x64take\\xa1\\x65value\\x9a\\x00\\x20\\x00\\x00' + b'\\x80' * 2**21
for number in range(6): commands.send(body % bytes([number + 1]))
[hear('result', 'error')[1] for _ in range(6)]
""")
    serve(system, 50)
    assert rogue.answer() == [1, 2, 3, 4, 5, 6]


def test_what_comes_after_the_answered_bye_is_nobodys(system) -> None:
    """Neither a breach nor an event: the worker has left."""
    rogue, bystander = system.puppet("rogue"), system.puppet("bystander")
    bystander.do("heard = []; core.listen('a/x', lambda event: heard.append(event.payload))")
    rogue.do("greet(); emit('a/x', 'before'); say(['bye', {'emitted': 1}]); hear('bye')")
    rogue.do("emit('a/x', 'after', 2); commands.send(b'garbage'); emits.send(b'garbage')")
    rogue.begin("os._exit(0)")
    assert system.closed("rogue@1")["emits"] == 1
    assert bystander.do("core.poll(0.0); core.ping(); core.poll(0.0); heard") == ["before"]


def test_a_batch_is_handled_in_turns_with_the_others(system) -> None:
    """A thousand calls in one batch are answered all, and in order."""
    rogue = system.puppet("rogue")
    rogue.do("greet()")
    rogue.begin("""
for _ in range(40): say(*[['call', last_id := last_id + 1, 'add', {'a': last_id, 'b': 0}] for _ in range(1000)])
[hear('result', 'error')[2] for _ in range(last_id)] == list(range(1, last_id + 1))
""")
    serve(system, 50)
    assert rogue.answer() is True


def test_an_event_that_grows_when_it_is_relayed_is_refused(system) -> None:
    """Half floats come out as doubles: what would then be over the limit reaches nobody, and is counted."""
    rogue = system.puppet("rogue")
    rogue.do("greet(); emits.send(b'a/x|\\x82\\x01\\x99\\x40\\x00' + b'\\xf9\\x3e\\x01' * 0x4000)")
    assert system.log.wait(event="refused", worker="rogue@1")["code"] == "too_large"
