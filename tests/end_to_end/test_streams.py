"""Channels, cancelling, deadlines and raw frames, said by workers that have only pyzmq, and cut off at each step.

What is kept of a stream, and what its handler hears of its end, stands in the core's log; the application writes it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from applications.application import Application, capability, worker
from applications.puppets import Puppet

COMMANDS = """
import asyncio, logging, threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from stockade import Call, Caller, Channel, CommandError, Dropped, Proceed, ReceiveChannel, SendChannel, command
from stockade import middleware

log = logging.getLogger("application")

def note(event, **fields):
    log.info(event, extra={"event": event, "fields": fields})

def note_error(error):
    note("ended", error=type(error).__name__, code=getattr(error, "code", None), message=str(error))

@command("rows")
async def rows(count: int, pause: bool = False, fault: bool = False) -> AsyncIterator[dict[str, int]]:
    sent = 0
    try:
        for number in range(count):
            yield {"number": number}
            sent += 1
        if fault:
            raise CommandError("rows.broken", "the table is broken", {"row": sent})
        if pause:
            await asyncio.Event().wait()
    except BaseException as error:
        note_error(error)
        raise
    finally:
        note("closed", sent=sent)

@command("rows.thread")
def rows_thread(caller: Caller, count: int, pause: bool = False, fault: bool = False) -> Iterator[dict[str, int]]:
    try:
        for number in range(count):
            yield {"number": number}
        if fault:
            raise CommandError("rows.broken", "the table is broken", {"row": count})
        while pause:
            caller.check()
            threading.Event().wait(0.001)
    finally:
        note("closed")

@command("blobs")
async def blobs(count: int, size: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * size

@command("tail")
async def tail(lines: SendChannel[str], count: int = 3) -> int:
    for number in range(count):
        await lines.send(f"line {number}")
    await lines.end()
    return count

@command("tail.thread")
def tail_thread(lines: SendChannel[str], count: int = 3) -> int:
    for number in range(count):
        lines.send_blocking(f"line {number}")
    lines.end_blocking()
    return count

@command("total")
async def total(numbers: ReceiveChannel[int]) -> int:
    try:
        return sum([number async for number in numbers])
    except BaseException as error:
        note_error(error)
        raise

@command("total.thread")
def total_thread(numbers: ReceiveChannel[int]) -> int:
    try:
        return sum(numbers)
    except BaseException as error:
        note_error(error)
        raise

kept = []

async def follow(lines):
    number = 0
    try:
        while True:
            await lines.send(f"line {number}")
            number += 1
            note("followed", number=number)
    except BaseException as error:
        note_error(error)
        raise

@command("keep")
async def keep(lines: SendChannel[str]) -> str:
    kept.append(asyncio.create_task(follow(lines)))
    return "kept"

@command("let_go")
async def let_go(lines: SendChannel[str]) -> str:
    return "not kept"

async def break_off(lines: SendChannel[str]) -> None:
    await lines.send("first")
    raise CommandError("lines.broken", "no more lines")

def break_off_in_a_thread(lines: SendChannel[str]) -> None:
    lines.send_blocking("first")
    lines.flush_blocking()
    raise CommandError("lines.broken", "no more lines")

for form, function in {"": break_off, ".thread": break_off_in_a_thread}.items():
    command(f"break_off{form}")(function)
    command(f"guarded.break_off{form}")(function)

@middleware("guarded.**")
async def guard(call: Call, proceed: Proceed) -> Any:
    try:
        return await proceed()
    finally:
        await asyncio.sleep(0)  # time enough for what the command left behind to be heard of

@command("echo_items")
async def echo_items(incoming: ReceiveChannel[bytes], outgoing: SendChannel[bytes]) -> int:
    count = 0
    async for item in incoming:
        await outgoing.send(item)
        count += 1
    await outgoing.end()
    return count

@command("either")
async def either(way: Channel[int]) -> str:
    if way.sends:
        await way.send(1)
        await way.end()
        return "sent"
    return f"received {[item async for item in way]}"

@command("hoard")
async def hoard(pieces: ReceiveChannel[bytes], after: float) -> int:
    await asyncio.sleep(after)
    return sum([len(piece) async for piece in pieces])

@command("third_first")
async def third_first(
    first: ReceiveChannel[bytes], second: ReceiveChannel[bytes], third: ReceiveChannel[bytes], small: int
) -> list[int]:
    for channel in (first, second):
        for _ in range(small):
            await anext(channel)
    return [sum([len(piece) async for piece in channel]) for channel in (third, first, second)]

@command("copy")
async def copy(source: ReceiveChannel[bytes], target: SendChannel[bytes]) -> list[int]:
    seen = []
    await source.receive_file("copied", seen.append)
    await target.send_file("copied", seen.append)
    return [seen[-1], len(seen)]

@command("copy.thread")
def copy_thread(source: ReceiveChannel[bytes], target: SendChannel[bytes]) -> list[int]:
    seen = []
    source.receive_file_blocking("copied.thread", seen.append)
    target.send_file_blocking("copied.thread", seen.append)
    return [seen[-1], len(seen)]

@command("size")
async def size(data: bytes, view: memoryview) -> list[str | int]:
    return [type(data).__name__, len(data), type(view).__name__, len(view)]

@command("reverse")
def reverse(data: bytes) -> bytes:
    return data[::-1]

@command("wait")
async def wait() -> None:
    note("begun")
    try:
        await asyncio.Event().wait()
    finally:
        note("left")

@command("wait.thread")
def wait_thread(caller: Caller) -> None:
    note("begun")
    while True:
        if caller.cancelled:
            note("left")
        caller.check()
        threading.Event().wait(0.001)

@command("plain", inline=True)
def plain() -> int:
    return 1
"""

MESSAGE = 1_000_000


@pytest.fixture(scope="module")
def shared(shared_applications: Callable[[], Application]) -> Application:
    """Raw puppets that may call everything, and start again when they are killed."""
    application = shared_applications()
    everything = capability("all", commands=["**"])
    limits = {"message": MESSAGE, "channels": 4}
    keys = {"capabilities": ["all"], "limits": limits, "restart": "always"}
    workers = [worker(label, "raw_puppet.py", **keys) for label in ("one", "two")]
    application.configure(*workers, everything, commands=COMMANDS, core={"deadline": 15.0})
    return application.start()


@pytest.fixture
def system(shared: Application) -> Iterator[Application]:
    """The application with a log that begins anew, and with fresh workers in the end."""
    shared.log.forget()
    yield shared
    for label in ("one", "two"):
        puppet = shared.puppets.latest(label)
        with contextlib.suppress(ProcessLookupError):
            os.kill(puppet.pid, signal.SIGKILL)
        shared.puppet(label, puppet.generation + 1)


@pytest.fixture
def one(system: Application) -> Puppet:
    """A greeted worker."""
    puppet = system.puppets.latest("one")
    puppet.do("greet(); say(['ready'])")
    return puppet


@pytest.fixture
def two(system: Application) -> Puppet:
    """Another."""
    puppet = system.puppets.latest("two")
    puppet.do("greet()")
    return puppet


STREAM = "begin(command, arguments, {'channels': {'yield': {'id': 1, 'to': 'caller', 'credit': credit}}})"
RECEIVE = "begin(command, {}, {'channels': {'lines': {'id': 1, 'to': 'caller', 'credit': 9}}})"
SEND = "begin(command, {**arguments}, {'channels': {name: {'id': 1, 'to': 'callee'}}})"


def killed(system: Application, puppet: Puppet) -> None:
    os.kill(puppet.pid, signal.SIGKILL)
    system.closed(puppet.name)


@pytest.mark.parametrize("command", ["rows", "rows.thread"])
def test_what_a_command_yields_comes_then_its_end_then_null(one: Puppet, command: str) -> None:
    """Items in order, `end`, `result` null; the stream has ended by then."""
    one.do(STREAM, command=command, arguments={"count": 3}, credit=10)
    heard = one.do("[hear('item', 'end', 'result', 'error') for _ in range(5)]")
    assert heard == [*(["item", 1, {"number": n}] for n in range(3)), ["end", 1], ["result", 1, None]]


@pytest.mark.parametrize("command", ["rows", "rows.thread"])
def test_no_item_comes_over_the_credit(one: Puppet, command: str) -> None:
    """A producer waits for each; what is granted comes, and no more."""
    one.do(STREAM, command=command, arguments={"count": 10}, credit=2)
    assert one.do("[hear('item')[2]['number'] for _ in range(2)]") == [0, 1]
    one.do("say(['ping', 7]); message = hear('item', 'pong')")
    assert one.do("message[0]") == "pong"
    assert one.do("say(['credit', 1, 3]); [hear('item')[2]['number'] for _ in range(3)]") == [2, 3, 4]
    one.do("say(['credit', 1, 100]); hear('end')")
    assert one.do("hear('result')") == ["result", 1, None]


@pytest.mark.parametrize("command", ["rows", "rows.thread"])
def test_a_stream_that_fails_ends_with_its_error(one: Puppet, command: str) -> None:
    """What came before it has arrived; the error is the call's answer."""
    one.do(STREAM, command=command, arguments={"count": 2, "fault": True}, credit=10)
    heard = one.do("[hear('item', 'end', 'result', 'error') for _ in range(3)]")
    assert [message[0] for message in heard[:2]] == ["item", "item"]
    if heard[2][0] == "end":
        heard[2] = one.do("hear('error')")
    assert heard[2][2] == {"code": "rows.broken", "message": "the table is broken", "data": {"row": 2}}


@pytest.mark.parametrize("command", ["rows", "rows.thread"])
@pytest.mark.parametrize("where", ["in a send", "elsewhere"])
def test_dropping_a_stream_closes_its_generator(system: Application, one: Puppet, command: str, where: str) -> None:
    """Whatever it awaits; the answer is null, and the channel's place is free again."""
    count = 1000 if where == "in a send" else 1
    one.do(STREAM, command=command, arguments={"count": count, "pause": True}, credit=2)
    one.do("hear('item'); say(['drop', 1])")
    assert one.do("hear('result', 'error')") == ["result", 1, None]
    system.log.wait(event="closed")
    assert one.do("say(['ping', 1]); hear('pong', 'end', 'error')") == ["pong", 1]


@pytest.mark.parametrize("command", ["rows", "rows.thread"])
def test_a_cancelled_stream_is_answered_so_and_closed(system: Application, one: Puppet, command: str) -> None:
    """The error answer ends the channel too."""
    one.do(STREAM, command=command, arguments={"count": 1, "pause": True}, credit=2)
    one.do("hear('item'); say(['cancel', 1])")
    assert one.do("hear('result', 'error', 'end')")[2]["code"] == "cancelled"
    system.log.wait(event="closed")
    one.do("say(['drop', 1], ['credit', 1, 1])")  # it has crossed: nothing happens
    assert one.do("say(['ping', 1]); hear('pong', 'breach')") == ["pong", 1]


@pytest.mark.parametrize("command", ["tail", "tail.thread"])
def test_a_command_sends_on_a_channel_that_its_caller_opened(one: Puppet, command: str) -> None:
    """The result may come while items still wait for credit, for the handler has given them away."""
    one.do(
        "begin(command, {}, {'channels': {'lines': {'id': 3, 'to': 'caller'}}})\n"
        "say(['ping', 1])\nfirst = hear('pong', 'item')",
        command=command,
    )
    assert one.do("first[0]") == "pong"
    one.do("say(['credit', 3, 9])")
    heard = one.do("[hear('item', 'end', 'result') for _ in range(5)]")
    assert [m for m in heard if m[0] != "result"] == [*(["item", 3, f"line {n}"] for n in range(3)), ["end", 3]]
    assert ["result", 1, 3] in heard


@pytest.mark.parametrize("command", ["total", "total.thread"])
def test_a_command_receives_what_its_caller_sends(one: Puppet, command: str) -> None:
    """Against the credit that it grants, any number of items; they are bound like arguments."""
    one.do(SEND, command=command, arguments={}, name="numbers")
    sent = one.do("""
sent = room = 0
while sent < 1000:
    while not room:
        room += hear('credit')[2]
    say(['item', 1, sent])
    sent += 1
    room -= 1
say(['end', 1])
sent
""")
    assert sent == 1000
    assert one.do("hear('result', 'error')") == ["result", 1, sum(range(1000))]


def test_an_item_over_the_credit_ends_the_worker(system: Application, one: Puppet) -> None:
    """As many as were granted may come, and not one more."""
    one.do(SEND, command="hoard", arguments={"after": 60}, name="pieces")
    one.do("room = hear('credit')[2]; say(*[['item', 1, b'x']] * room)")
    one.do("say(['ping', 1]); hear('pong')")
    assert one.do("say(['item', 1, b'x']); hear('breach')")[1]["code"] == "no_credit"
    system.closed(one.name)


@pytest.mark.parametrize("command", ["total", "total.thread"])
def test_an_item_that_does_not_fit_is_the_callers_fault(one: Puppet, command: str) -> None:
    """The handler does not see it; the answer says which channel."""
    one.do(SEND, command=command, arguments={}, name="numbers")
    one.do("hear('credit'); say(['item', 1, 1], ['item', 1, 'two'])")
    error = one.do("hear('result', 'error')")[2]
    assert (error["code"], error["data"]) == ("invalid_args", {"path": "numbers"})


@pytest.mark.parametrize("command", ["total", "total.thread"])
def test_a_stream_that_its_sender_fails_raises_in_the_handler(system: Application, one: Puppet, command: str) -> None:
    """With the sender's own code."""
    one.do(SEND, command=command, arguments={}, name="numbers")
    one.do("hear('credit'); say(['item', 1, 1], ['end', 1, {'code': 'mine.gone', 'message': 'no more'}])")
    assert one.do("hear('result', 'error')")[2]["code"] == "mine.gone"
    assert system.log.wait(event="ended")["code"] == "mine.gone"


def test_a_channel_outlives_its_call_while_the_handler_keeps_it(system: Application, one: Puppet) -> None:
    """After the result it goes on; dropped, the handler hears so."""
    one.do("begin('keep', {}, {'channels': {'lines': {'id': 1, 'to': 'caller', 'credit': 2}}}); hear('result')")
    assert one.do("[hear('item')[2] for _ in range(0)]; say(['credit', 1, 1]); hear('item', patience=20)[0]") == "item"
    system.log.wait(event="followed", number=3)
    one.do("say(['drop', 1])")
    assert system.log.wait(event="ended")["error"] == "Dropped"


def test_a_channel_that_nobody_keeps_ends(one: Puppet) -> None:
    """The caller does not wait for ever for items of a handler that has gone."""
    one.do("begin('let_go', {}, {'channels': {'lines': {'id': 1, 'to': 'caller', 'credit': 2}}})")
    heard = one.do("sorted(hear('result', 'end') for _ in range(2))")
    assert heard == [["end", 1], ["result", 1, "not kept"]]


@pytest.mark.parametrize("form", ["", ".thread"])
@pytest.mark.parametrize("before", ["", "guarded."])
def test_what_a_failing_command_has_sent_never_looks_whole(one: Puppet, before: str, form: str) -> None:
    """Its error ends the channel, without an `end` before; behind middleware, too."""
    command = f"{before}break_off{form}"
    one.do(RECEIVE, command=command)
    heard = one.do("[hear('item', 'end', 'result', 'error')[:3] for _ in range(2)]")
    assert heard == [["item", 1, "first"], ["error", 1, heard[1][2]]]
    assert heard[1][2]["code"] == "lines.broken"


@pytest.mark.parametrize("to", ["callee", "caller"])
def test_a_channel_may_be_taken_in_the_direction_that_the_caller_gives_it(one: Puppet, to: str) -> None:
    """`Channel` takes either."""
    one.do("begin('either', {}, {'channels': {'way': {'id': 1, 'to': to, 'credit': 5}}})", to=to)
    if to == "callee":
        one.do("hear('credit'); say(['item', 1, 4], ['end', 1])")
    assert one.do("hear('result', 'error')") == ["result", 1, "sent" if to == "caller" else "received [4]"]


MISFITS = {
    "a stream called": ("rows", {"count": 1}, {}, "the command streams: stream() it"),
    "a call streamed": ("wait", {}, {"yield": "caller"}, "the command does not stream: invoke() it"),
    "an inline call streamed": ("plain", {}, {"yield": "caller"}, "the command does not stream: invoke() it"),
    "a channel too many": ("tail", {}, {"lines": "caller", "x": "caller"}, "x: the command takes no such channel"),
    "a channel too few": ("tail", {}, {}, "lines: missing, a channel on which the caller receives"),
    "the wrong direction": (
        "tail",
        {},
        {"lines": "callee"},
        "lines: expected a channel on which the caller receives",
    ),
    "the other wrong direction": (
        "total",
        {},
        {"numbers": "caller"},
        "numbers: expected a channel on which the caller sends",
    ),
    "neither direction": ("either", {}, {}, "way: missing, a channel"),
    "a value for a channel": ("tail", {"lines": 1}, {}, "lines: missing, a channel on which the caller receives"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_channels_that_do_not_fit_the_command_are_invalid(one: Puppet, case: str) -> None:
    """The call is answered, and its channels are closed: their ids are used up, their places free."""
    command, arguments, channels, message = MISFITS[case]
    offers = {name: {"id": 2 * at + 1, "to": to} for at, (name, to) in enumerate(channels.items())}
    one.do("begin(command, arguments, {'channels': offers})", command=command, arguments=arguments, offers=offers)
    error = one.do("hear('error', 'result')")[2]
    assert (error["code"], error["message"]) == ("invalid_args", message)
    assert one.do("say(['ping', 1]); hear('pong', 'breach', 'end')") == ["pong", 1]


def test_channels_above_the_limit_are_busy(one: Puppet) -> None:
    """As many as the limit says are open at once; one that ends makes room."""
    for number in range(4):
        one.do("begin('keep', {}, {'channels': {'lines': {'id': id, 'to': 'caller'}}}); hear('result')",
               id=2 * number + 1)  # fmt: skip
    assert one.do(STREAM.replace("'id': 1", "'id': 21"), command="rows", arguments={"count": 1}, credit=1) == 5
    assert one.do("hear('error', 'result')")[2]["code"] == "busy"
    one.do("say(['drop', 1])")
    one.do(STREAM.replace("'id': 1", "'id': 23"), command="rows", arguments={"count": 1}, credit=1)
    assert one.do("hear('error', 'result')") == ["result", 6, None]


# -- raw frames -------------------------------------------------------------------------------------------------------


def test_raw_arguments_are_bytes_or_views_as_the_handler_asks(one: Puppet) -> None:
    """Mixed with others, and in any order of frames."""
    one.do("say_raw([b'a' * 3, b'b' * 50000], ['call', 1, 'size', {}, {'raw': {'view': 1, 'data': 2}}])")
    assert one.do("hear('result', 'error')") == ["result", 1, ["bytes", 50000, "memoryview", 3]]
    one.do("say(['call', 2, 'size', {'data': b'x', 'view': b'yy'}])")
    assert one.do("hear('result', 'error')") == ["result", 2, ["bytes", 1, "memoryview", 2]]


def test_large_results_are_raw_and_small_ones_are_not(one: Puppet) -> None:
    """Several in one batch keep their frames apart."""
    frames = [bytes([n]) * (n * 20_000) for n in range(1, 6)]
    calls = [["call", n, "reverse", {}, {"raw": {"data": n}}] for n in range(1, 6)]
    one.do("say_raw(frames, *calls)", frames=frames, calls=calls)
    heard = one.do("sorted((hear('result') for _ in range(5)), key=lambda message: message[1])")
    assert [(message[1], message[2]) for message in heard] == [(n, frames[n - 1]) for n in range(1, 6)]
    assert all(len(message) == 4 for message in heard)
    one.do("say(['call', 6, 'reverse', {'data': b'abc'}])")
    assert one.do("hear('result')") == ["result", 6, b"cba"]


def test_items_travel_raw_both_ways(one: Puppet) -> None:
    """Large ones as frames, small ones within; in order."""
    one.do(
        "begin('echo_items', {}, {'channels': {'incoming': {'id': 1, 'to': 'callee'},"
        " 'outgoing': {'id': 3, 'to': 'caller', 'credit': 100}}}); room = hear('credit')[2]"
    )
    assert one.do("room") >= 2
    items = [b"small", bytes(200_000), b"", bytes(range(256)) * 200]
    back = one.do("""
back = []
def hear_one():
    global room
    verb, _, said, *_ = hear('credit', 'item')
    if verb == 'credit': room += said
    else: back.append(said)
for item in items:
    while not room: hear_one()
    room -= 1
    say_raw([item], ['item', 1, None, {'raw': 1}]) if len(item) > 100 else say(['item', 1, item])
say(['end', 1])
while len(back) < len(items): hear_one()
back
""", items=items)  # fmt: skip
    assert back == items
    assert one.do("hear('result')") == ["result", 1, 4]


def test_frames_together_over_the_limit_end_the_worker(system: Application, one: Puppet) -> None:
    """The limit of a message is that of all its frames."""
    one.do("say_raw([bytes(400_000)] * 3, ['call', 1, 'size', {}, {'raw': {'a': 1, 'b': 2, 'c': 3}}])", patience=20)
    assert one.do("hear('breach')")[1]["code"] == "too_large"
    system.closed(one.name)


def test_a_fast_sender_waits_for_a_slow_handler(system: Application, one: Puppet) -> None:
    """Large items get a small window: what the core holds of a stream stays bounded, whatever its length."""
    one.do(SEND, command="hoard", arguments={"after": 0.5}, name="pieces")
    first = one.do("hear('credit')[2]")
    one.do("say_raw([bytes(900_000)], ['item', 1, None, {'raw': 1}])")
    assert 0 < first * 900_000 < 16 * 1024 * 1024
    more = one.do("""
sent, room = 1, first - 1
while sent < 100:
    while not room:
        room += hear('credit')[2]
    say_raw([bytes(900_000)], ['item', 1, None, {'raw': 1}])
    sent += 1
    room -= 1
say(['end', 1])
hear('result', 'error')
""", first=first)  # fmt: skip
    del more
    assert one.do("last_id") == 1


@pytest.mark.parametrize("command", ["copy", "copy.thread"])
def test_files_travel_through_channels(system: Application, one: Puppet, command: str) -> None:
    """In pieces, with progress, and back again as they were."""
    one.do(
        "begin(command, {}, {'channels': {'source': {'id': 1, 'to': 'callee'},"
        " 'target': {'id': 3, 'to': 'caller', 'credit': 100}}})",
        command=command,
    )
    content = os.urandom(1_500_000)
    one.do(
        """
room = 0
for at in range(0, len(content), 100_000):
    while not room:
        room += hear('credit')[2]
    room -= 1
    say_raw([content[at:at + 100_000]], ['item', 1, None, {'raw': 1}])
say(['end', 1])
""",
        content=content,
    )
    back = one.do("""
back = b''
while (message := hear('item', 'end', 'error'))[0] == 'item':
    back += message[2]
back
""")
    assert back == content
    result = one.do("hear('result', 'error')")
    assert result[2][0] == len(content)
    assert (system.folder / ("copied.thread" if command == "copy.thread" else "copied")).read_bytes() == content


# -- deadlines and cancelling -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["wait", "wait.thread"])
@pytest.mark.parametrize("how", ["deadline", "cancel"])
def test_a_call_is_stopped_and_its_handler_hears_so(system: Application, one: Puppet, command: str, how: str) -> None:
    """By its deadline or by a cancel; one answer, and none when its work ends later."""
    options = {"deadline": 50} if how == "deadline" else {}
    one.do("begin(command, {}, options)", command=command, options=options)
    system.log.wait(event="begun")
    if how == "cancel":
        one.do("say(['cancel', 1], ['cancel', 1])")
    code = "deadline_exceeded" if how == "deadline" else "cancelled"
    assert one.do("hear('result', 'error')")[2]["code"] == code
    system.log.wait(event="left")
    assert one.do("say(['cancel', 1], ['ping', 1]); hear('pong', 'result', 'error')") == ["pong", 1]


def test_nothing_left_is_answered_at_once(one: Puppet) -> None:
    """A deadline of 0 milliseconds is over; null is none at all."""
    one.do("begin('plain', {}, {'deadline': 0})")
    assert one.do("hear('result', 'error')")[2]["code"] == "deadline_exceeded"
    one.do("begin('plain', {}, {'deadline': None})")
    assert one.do("hear('result', 'error')") == ["result", 2, 1]


def test_welcome_says_what_the_limits_are(system: Application) -> None:
    """Also what a call has that states no deadline."""
    limits = system.puppets.latest("two").do("greet()['limits']")
    assert (limits["channels"], limits["frames"], limits["deadline"]) == (4, 63, 15_000)


def test_the_default_deadline_ends_what_has_none(application: Application) -> None:
    """`core.deadline` of the configuration, in seconds; a call may still ask for none."""
    everything = capability("all", commands=["**"])
    application.configure(
        worker("one", "raw_puppet.py", capabilities=["all"]), everything, commands=COMMANDS, core={"deadline": 0.2}
    )
    application.start()
    one = application.puppet("one")
    one.do("greet(); begin('wait', {}, {'deadline': None}); say(['call', 2, 'wait', {}])")
    heard = one.do("hear('result', 'error')")
    assert (heard[1], heard[2]["code"]) == (2, "deadline_exceeded")
    one.do("last_id = 2; say(['cancel', 1])")
    assert one.do("hear('result', 'error')")[1] == 1


# -- killed at each step ----------------------------------------------------------------------------------------------


STEPS = {
    "before the first item": ("rows", {"count": 9, "pause": True}, 0, ""),
    "with credit left": ("rows", {"count": 3, "pause": True}, 10, "[hear('item') for _ in range(3)]"),
    "with items waiting for credit": ("rows", {"count": 1000}, 3, "[hear('item') for _ in range(3)]"),
    "without having read one": ("rows", {"count": 1000}, 500, ""),
    "in a thread, before the first item": ("rows.thread", {"count": 9, "pause": True}, 0, ""),
    "in a thread, with credit left": ("rows.thread", {"count": 3, "pause": True}, 10, "hear('item')"),
    "in a thread, with items waiting": ("rows.thread", {"count": 1000}, 3, "[hear('item') for _ in range(3)]"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_stream_ends_with_its_receivers_process(system: Application, one: Puppet, step: str) -> None:
    """Killed at any step: the generator is closed, and its next generation has everything anew."""
    command, arguments, credit, then = STEPS[step]
    one.do(STREAM, command=command, arguments=arguments, credit=credit)
    heard = one.do(then or "say(['ping', 1]); hear('pong')")
    assert heard[0] in ("item", "pong") or len(heard) == 3, heard
    killed(system, one)
    system.log.wait(event="closed")
    successor = system.puppet("one", one.generation + 1)
    successor.do("greet()")
    successor.do(STREAM, command="rows", arguments={"count": 1}, credit=1)
    assert successor.do("[hear('item', 'end', 'result') for _ in range(3)]")[2] == ["result", 1, None]


@pytest.mark.parametrize("command", ["total", "total.thread"])
@pytest.mark.parametrize("step", ["before any", "behind some", "behind the end"])
def test_a_handler_that_receives_hears_of_its_senders_death(
    system: Application, one: Puppet, two: Puppet, command: str, step: str
) -> None:
    """Its call is cancelled; behind the end it has had all there was."""
    one.do(SEND, command=command, arguments={}, name="numbers")
    one.do("hear('credit')")
    if step != "before any":
        one.do("say(['item', 1, 1], ['item', 1, 2])")
    if step == "behind the end":
        one.do("say(['end', 1]); hear('result')")
    killed(system, one)
    if step != "behind the end":
        system.log.wait(event="ended")
    two.do(SEND, command=command, arguments={}, name="numbers")
    two.do("hear('credit'); say(['item', 1, 5], ['end', 1])")
    assert two.do("hear('result', 'error')") == ["result", 1, 5]


@pytest.mark.parametrize("end", ["killed", "bye"])
def test_a_kept_channel_ends_unavailable_with_its_worker(system: Application, one: Puppet, end: str) -> None:
    """Nobody waits for it any more, however it has gone."""
    one.do("begin('keep', {}, {'channels': {'lines': {'id': 1, 'to': 'caller', 'credit': 2}}}); hear('result')")
    system.log.wait(event="followed", number=2)
    if end == "killed":
        killed(system, one)
    else:
        one.begin("leave()")
    ended = system.log.wait(event="ended")
    assert (ended["error"], ended["code"]) == ("CommandError", "unavailable")


def test_what_is_sent_to_handlers_that_do_not_take_it_yet_is_bounded(system: Application, one: Puppet) -> None:
    """All channels together have credit for no more than the core holds of one worker; when they take, all arrives."""
    counts = []
    for number in range(3):
        one.do(
            "begin('hoard', {'after': 0.3}, {'channels': {'pieces': {'id': id, 'to': 'callee'}}})", id=2 * number + 1
        )
        counts.append(one.do("hear('credit')[2]"))
    assert sum(counts[:2]) * MESSAGE <= 4 * MESSAGE  # and one for each that waits
    for number, count in enumerate(counts):
        for _ in range(count):
            one.do("say_raw([bytes(900_000)], ['item', id, None, {'raw': 1}])", id=2 * number + 1)
        one.do("say(['end', id])", id=2 * number + 1)
    heard = one.do("sorted(hear('result', 'error')[1:] for _ in range(3))")
    assert heard == [[n + 1, count * 900_000] for n, count in enumerate(counts)]
    assert one.do("say(['ping', 1]); hear('pong')") == ["pong", 1]


THIRD_FIRST = """
ids = {'first': 1, 'second': 3, 'third': 5}
offers = {name: {'id': id, 'to': 'callee'} for name, id in ids.items()}
begin('third_first', {'small': small}, {'channels': offers})
room, left = dict.fromkeys(ids.values(), 0), {1: small, 3: small}
while any(left.values()) or not all(room.values()):
    _, id, more = hear('credit', patience=5)
    room[id] += more
    while left.get(id) and room[id]:
        say(['item', id, b'x'])
        left[id] -= 1
        room[id] -= 1
counts = [room[1], room[3]]
for id in (1, 3):
    for _ in range(room[id]): say_raw([bytes(size)], ['item', id, None, {'raw': 1}])
counts
"""


@pytest.mark.parametrize("small", [0, 10])
def test_what_has_credit_is_read_however_much_waits(one: Puppet, small: int) -> None:
    """A handler may read its channels in any order, and the items of each be suddenly large: it gets those that came
    behind all others.
    """
    counts = one.do(THIRD_FIRST, small=small, size=950_000)
    heard = one.do("say(['item', 5, b'x'], *[['end', id] for id in ids.values()]); hear('result', 'error', patience=5)")
    assert heard == ["result", 1, [1, *(count * 950_000 for count in counts)]]


def test_a_cancel_is_read_however_much_waits(one: Puppet) -> None:
    """Behind the items of a call whose handler takes none of them."""
    one.do(THIRD_FIRST, small=10, size=950_000)
    assert one.do("say(['cancel', 1]); hear('result', 'error', patience=5)[2]['code']") == "cancelled"
