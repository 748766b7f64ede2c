"""Events, both ways: who hears what, in which order, and what is told of those that were missed."""

from __future__ import annotations

import os
import signal

import pytest
from applications.application import Application, capability, worker
from applications.puppets import Puppet, Raised

COMMANDS = """
from typing import Any
from stockade import Caller, Event, Events, command, listener

heard_by_core = []

@listener("editor/*")
async def on_editor(event: Event) -> None:
    heard_by_core.append([event.name, event.payload, event.source, event.generation])

@command("events.emit", inline=True)
def emit(name: str, payload: Any, events: Events) -> None:
    events.emit(name, payload)

@command("events.emit_to", inline=True)
def emit_to(label: str, name: str, payload: Any, events: Events) -> None:
    events.emit_to(label, name, payload)

@command("events.emit_from_a_thread")
def emit_from_a_thread(name: str, count: int, events: Events) -> None:
    for number in range(count):
        events.emit(name, number)

@command("events.flood", inline=True)
def flood(name: str, count: int, size: int, events: Events) -> None:
    payload = bytes(size)
    for _ in range(count):
        events.emit(name, payload)

@command("core.heard", inline=True)
def heard(payload: Any) -> list[Any]:
    return [each for each in heard_by_core if each[1] == payload]
"""

#: Wait until so many events have been handled, and return them.
HEAR = """
while len(heard) < count:
    core.poll(None)
heard
"""
NOTE = "lambda event: heard.append([event.name, event.payload, event.source, event.seq])"


@pytest.fixture(scope="module", params=["puppet.py", "aio_puppet.py"], ids=["blocking", "asyncio"])
def house(request, shared_applications) -> Application:
    """Two workers with the same stub and the same rights, and one that lives as briefly as a test asks."""
    made = shared_applications()
    made.aio = request.param == "aio_puppet.py"
    made.configure(
        *(worker(label, request.param, capabilities=["all"], limits={"calls": 4096}) for label in ("one", "two")),
        worker("brief", capabilities=["all"]),
        capability("all", commands=["**"], events={"listen": ["**"], "emit": ["editor/*", "notes/**"]}),
        commands=COMMANDS,
    )
    made.start()
    made.ready("one", "two", "brief")
    return made


@pytest.fixture
def one(house) -> Puppet:
    """A worker that listens to nothing yet."""
    return house.puppet("one")


@pytest.fixture
def two(house) -> Puppet:
    """Another."""
    return house.puppet("two")


def do(house: Application, puppet: Puppet, code: str, **names: object):
    """Have the puppet run it; its verbs that are coroutines with asyncio stand behind an ``A``."""
    return puppet.do(code.replace("A ", "await " if house.aio else ""), **names)


def listen(house: Application, puppet: Puppet, *names: str, how: str = "listen") -> None:
    """Have the puppet note all that it hears of these, from now on, in `heard`."""
    do(
        house,
        puppet,
        f"heard = []\nsubscriptions = [A core.{how}(name, {NOTE}) for name in names]\nNone",
        names=names,
    )


def heard(house: Application, puppet: Puppet, count: int) -> list[list[object]]:
    """What the puppet has heard, once it is so many."""
    if house.aio:  # it is in `run`, which handles events meanwhile
        return puppet.do("while len(heard) < count:\n    await asyncio.sleep(0.002)\nheard", count=count)
    return puppet.do(HEAR, count=count)


def silence(house: Application, *puppets: Puppet) -> None:
    """Have them listen to nothing again, and the core know it: what it sends until then would count as missed."""
    for puppet in puppets:
        puppet.do("[each.unlisten() for each in subscriptions] and None")
        do(house, puppet, "last = A core.listen('notes/silence', print)\nlast.unlisten()")  # answered in their order


def names_and_payloads(events: list[list[object]]) -> list[tuple[object, object]]:
    return [(name, payload) for name, payload, _, _ in events]


def test_an_event_of_a_worker_is_heard_by_other_workers_and_the_core(house, one, two) -> None:
    """With its name, its payload and who emitted it, which nobody can choose."""
    payload = [1, 2.5, "text", b"bytes", None, True, {"deep": [{}]}]
    listen(house, two, "editor/opened")
    do(house, one, "A core.emit('editor/opened', payload)", payload=payload)
    [[name, got, source, _]] = heard(house, two, 1)
    assert (name, got, source) == ("editor/opened", payload, "one")
    assert do(house, two, "A core.invoke('core.heard', payload=payload)", payload=payload) == [
        ["editor/opened", payload, "one", 1]
    ]
    silence(house, two)


def test_an_event_to_one_worker_is_heard_by_that_one_alone(house, one, two) -> None:
    """From a worker, and from the core."""
    listen(house, one, "notes/mine", "notes/end")
    listen(house, two, "notes/mine", "notes/end")
    do(house, one, "A core.emit('notes/mine', 'for two', to='two')")
    do(house, one, "A core.invoke('events.emit_to', label='one', name='notes/mine', payload='for one')")
    # Emits and calls travel on two sockets: only two of the same have an order.
    do(house, one, "A core.emit('notes/end', 1)")
    do(house, one, "A core.invoke('events.emit', name='notes/end', payload=2)")
    assert sorted(names_and_payloads(heard(house, one, 3)), key=str) == [
        ("notes/end", 1),
        ("notes/end", 2),
        ("notes/mine", "for one"),
    ]
    assert sorted(names_and_payloads(heard(house, two, 3)), key=str) == [
        ("notes/end", 1),
        ("notes/end", 2),
        ("notes/mine", "for two"),
    ]
    silence(house, one, two)


def test_a_name_is_heard_exactly_and_a_prefix_with_all_below_it(house, one, two) -> None:
    """`notes/a` is neither `notes/ab` nor `notes/a/b`; `notes/` is all three."""
    listen(house, one, "notes/a")
    listen(house, two, "notes/")
    for name in ("notes/ab", "notes/a/b", "notes/a", "editor/x"):
        do(house, one, "A core.invoke('events.emit', name=name, payload=None)", name=name)
    assert [name for name, _ in names_and_payloads(heard(house, two, 3))] == ["notes/ab", "notes/a/b", "notes/a"]
    assert [name for name, _ in names_and_payloads(heard(house, one, 1))] == ["notes/a"]
    silence(house, one, two)


def test_once_is_one_event_and_unlisten_ends_it(house, one) -> None:
    """Subscribed again, it is heard again."""
    listen(house, one, "notes/x", how="once")
    for number in range(3):
        do(house, one, "A core.invoke('events.emit', name='notes/x', payload=number)", number=number)
    assert names_and_payloads(heard(house, one, 1)) == [("notes/x", 0)]
    listen(house, one, "notes/x", "notes/y")
    one.do("subscriptions[0].unlisten()")
    for name in ("notes/x", "notes/y"):
        do(house, one, "A core.invoke('events.emit', name=name, payload=3)", name=name)
    assert names_and_payloads(heard(house, one, 1)) == [("notes/y", 3)]
    silence(house, one)


def test_events_of_one_source_come_in_their_order_with_rising_numbers(house, one, two) -> None:
    """All of them: the queues are long enough here, and nothing is missed."""
    listen(house, two, "notes/many", "editor/many")
    before = two.do("core.missed")
    do(house, one, "for n in range(300):\n    A core.emit('editor/many', n)")
    do(house, one, "A core.invoke('events.emit_from_a_thread', name='notes/many', count=300)")
    events = heard(house, two, 600)
    for name in ("notes/many", "editor/many"):
        assert [payload for each, payload, _, _ in events if each == name] == list(range(300))
    numbers = [seq for *_, seq in events]
    assert numbers == list(range(numbers[0], numbers[0] + 600))
    assert two.do("core.missed") == before
    silence(house, two)


def test_what_a_worker_has_no_room_for_is_counted_as_missed(house, one, two) -> None:
    """A flood in one turn of the core, to one who cannot read meanwhile: what is not there is counted."""
    listen(house, two, "notes/flood", "notes/end")
    before = two.do("core.missed")
    os.kill(two.pid, signal.SIGSTOP)  # else, on another processor, it may keep up and miss nothing
    try:
        do(house, one, "A core.invoke('events.flood', name='notes/flood', count=20000, size=100)")
    finally:
        os.kill(two.pid, signal.SIGCONT)
    do(house, one, "A core.invoke('events.emit_to', label='two', name='notes/end', payload='first')")
    # The end may be missed too. Then it is sent again: there is room by now.
    seen = 0
    while not any(name == "notes/end" for name, *_ in heard(house, two, seen)):
        do(house, one, "A core.invoke('events.emit_to', label='two', name='notes/end', payload='again')")
        seen += 1
    events = heard(house, two, seen)
    ends = sum(name == "notes/end" for name, *_ in events)
    missed = two.do("core.missed") - before
    first, last = events[0][3], events[-1][3]
    assert missed > 0
    assert len(events) + missed >= 20000 + ends
    assert last - first + 1 <= len(events) + missed
    silence(house, two)


def test_a_worker_hears_how_others_start_are_ready_and_end(house, one) -> None:
    """The core's own events, with the fields that the protocol gives them."""
    listen(house, one, "core:worker/started", "core:worker/ready", "core:worker/exited")
    house.puppet("brief").begin("import os; os._exit(3)")
    exited, started, ready = heard(house, one, 3)
    assert exited[:3] == [
        "core:worker/exited",
        {
            "worker": "brief",
            "generation": 1,
            "reason": "exit status 3",
            "code": 3,
            "breach": None,
            "restart_in": 0,
        },
        "core",
    ]
    assert started[:3] == ["core:worker/started", {"worker": "brief", "generation": 2}, "core"]
    assert ready[:3] == ["core:worker/ready", {"worker": "brief", "generation": 2}, "core"]
    silence(house, one)


def test_an_event_over_the_limit_is_refused_before_it_is_sent(house, one) -> None:
    """By the stub, and by the core's own `Events`; neither does harm to the worker."""
    limit = one.do("core.limits.event")
    raised = do(house, one, "A core.emit('editor/large', bytes(size))", size=limit)
    assert isinstance(raised, Raised)
    assert raised.kind == "TooLarge"
    assert do(house, one, "A core.emit('editor/large', bytes(size))", size=limit - 30) is None
    raised = do(house, one, "A core.invoke('events.emit', name='notes/large', payload=bytes(size))", size=limit)
    assert isinstance(raised, Raised)
    assert raised.code == "failed"
    assert house.log.find(event="breach") == []


def test_a_reserved_name_is_not_the_applications_to_emit(house, one) -> None:
    """Nor is a label that there is not to be emitted to."""
    for command in (
        "A core.invoke('events.emit', name='core:worker/exited', payload=None)",
        "A core.invoke('events.emit_to', label='nobody', name='notes/x', payload=None)",
    ):
        assert do(house, one, command).code == "failed"
