"""What the second half of the protocol gives a program, on both faces: one program each, in real workers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

FACES = ("blocking", "asyncio")
LARGE = bytes(range(256)) * 200
Begin = Callable[..., None]


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


HEAD = """
import asyncio, io, os, sys, time
from stockade_frontend import *
from stockade_frontend import aio
"""
#: `start` begins a call, and returns what waits for its result.
BLOCKING = (
    HEAD
    + """
def start(core, command, **arguments): return core.call(command, **arguments).result
with connect() as core:
{body}
"""
)
ASYNCIO = (
    HEAD
    + """
async def start(core, command, **arguments):
    task = core.call(command, **arguments)
    return lambda: task
async def main():
    async with aio.connect() as core:
{body}
asyncio.run(main())
"""
)


@pytest.fixture
def begin(core: Any, face: str) -> Begin:
    """Starts a worker with this program, which is written for asyncio: without its `await`s it is the blocking one."""

    def start(body: str, **welcome: Any) -> None:
        body = textwrap.dedent(body)
        if face == "asyncio":
            core.start(ASYNCIO.format(body=textwrap.indent(body, " " * 8)), **welcome)
        else:
            body = re.sub(r"\b(await|async) ", "", body).replace("__anext__", "__next__")
            core.start(BLOCKING.format(body=textwrap.indent(body, " " * 4)), **welcome)

    return start


BUSY = {"code": "busy", "message": "later"}


# -- waiting for room -------------------------------------------------------------------------------------------------


def test_busy_answer_is_tried_again(core: Any, begin: Begin) -> None:
    """The program sees nothing of it but time."""
    begin("""
        print(await core.invoke('notes.read', n=1), core.statistics().tries)
    """)
    for _ in range(4):
        ident = core.expect("call")[1]
        core.send(["error", ident, BUSY])
    assert core.expect("call") == ["call", 5, "notes.read", {"n": 1}]
    core.send(["result", 5, "read"])
    assert core.farewell() == 0
    assert core.printed() == "read 4\n"


def test_busy_ends_with_the_time_or_at_once(core: Any, begin: Begin) -> None:
    """DeadlineExceeded, in words that say that it never ran; or Busy where the program does not want to wait."""
    begin("""
        for options in (core.options(timeout=0.02), core.options(wait=False)):
            try: await options.invoke('notes.read')
            except CommandError as error: print(error)
    """)
    while (message := core.message())[0] == "call":
        core.send(["error", message[1], BUSY])
    core.send(["bye", message[1]])
    assert core.exit_status() == 0
    assert core.printed().splitlines() == [
        "deadline_exceeded: notes.read: busy for all of its time, so it never ran",
        "busy: later",
    ]


def test_calls_above_the_limit_wait_for_room(core: Any, begin: Begin, face: str) -> None:
    """Never more in flight than the core takes; all are answered."""
    begin(
        "calls = [core.call('echo', n=n) for n in range(50)]\nprint(sum(call.result() for call in calls))"
        if face == "blocking"
        else "print(sum(await asyncio.gather(*(core.invoke('echo', n=n) for n in range(50)))))",
        limits={"calls": 3},
    )
    answered = 0
    while answered < 50:
        waiting = [core.expect("call") for _ in range(min(3, 50 - answered))]
        assert core.silent(0.01) or len(waiting) < 3
        core.send(*(["result", ident, arguments["n"]] for _, ident, _, arguments in waiting))
        answered += len(waiting)
    assert core.farewell() == 0
    assert core.printed() == f"{sum(range(50))}\n"


def test_rate_is_kept(core: Any, begin: Begin) -> None:
    """Five at once, and then one each fifth of a second."""
    begin(
        """
        began = time.monotonic()
        for n in range(7): await core.invoke('echo')
        print(0.35 < time.monotonic() - began < 20)
        """,
        limits={"rate": 5.0},
    )
    assert core.serve({"echo": lambda: None})[0] == "bye"
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0
    assert core.printed() == "True\n"


# -- streams and channels ---------------------------------------------------------------------------------------------


def test_stream_is_a_loop(core: Any, begin: Begin) -> None:
    """Items as they come, credit as they are taken, the end; the null behind it is not waited for."""
    begin("""
        async for row in core.stream('rows.all', credit=4, table='x'): print(row)
        print('end', core.statistics().channels)
    """)
    offer = {"channels": {"yield": {"id": 1, "to": "caller", "credit": 4}}}
    assert core.expect("call") == ["call", 1, "rows.all", {"table": "x"}, offer]
    core.send(["item", 1, 1], ["item", 1, 2])
    assert core.expect("credit") == ["credit", 1, 2]
    core.send(["item", 1, 3], ["end", 1])
    core.send(["result", 1, None])
    assert core.farewell() == 0
    assert core.printed().split() == ["1", "2", "3", "end", "0"]


ENDS: dict[str, tuple[list[Any], str]] = {
    "an error of the command": (["error", 1, {"code": "notes.locked", "message": "no"}], "notes.locked"),
    "an error at its end": (["end", 1, {"code": "failed", "message": "no"}], "failed"),
    "policy": (["error", 1, {"code": "not_allowed", "message": "no"}], "not_allowed"),
}


@pytest.mark.parametrize("end", ENDS)
def test_stream_ends_with_the_reason(core: Any, begin: Begin, end: str) -> None:
    """Behind the items that had come."""
    begin("""
        try:
            async with core.stream('rows.all') as rows:
                async for row in rows: print(row)
        except CommandError as error: print(error.code)
    """)
    core.expect("call")
    core.send(["item", 1, "row"], ENDS[end][0])
    assert core.farewell() == 0
    assert core.printed().split() == ["row", ENDS[end][1]]


@pytest.mark.parametrize("way", ["break in a block", "break without one", "an exception"])
def test_stream_that_is_left_early_is_dropped(core: Any, begin: Begin, way: str) -> None:
    """So the command is closed; what has crossed is ignored."""
    body = {
        "break in a block": "async with core.stream('rows.all') as rows:\n    async for row in rows: break",
        "break without one": "async for row in core.stream('rows.all'): break",
        "an exception": (
            "try:\n"
            "    async with core.stream('rows.all') as rows:\n"
            "        async for row in rows: 1 / 0\n"
            "except ZeroDivisionError: pass"
        ),
    }[way]
    begin(body + "\nprint(await core.invoke('next'))")
    core.expect("call")
    core.send(["item", 1, 1])
    assert core.expect("drop") == ["drop", 1]
    core.send(["item", 1, 2], ["end", 1], ["result", 1, None])
    core.expect("call")
    core.send(["result", 2, "done"])
    assert core.farewell() == 0
    assert core.printed() == "done\n"


def test_stream_that_takes_too_long_is_cancelled(core: Any, begin: Begin) -> None:
    """The time is that of all of it; the core may still send, and is ignored."""
    begin("""
        try:
            async for row in core.options(timeout=0.05).stream('rows.all'): print(row)
        except DeadlineExceeded: print('too long')
    """)
    assert core.expect("call")[4]["deadline"] <= 50
    core.send(["item", 1, "row"])
    assert core.expect("cancel") == ["cancel", 1]
    core.expect("drop")
    core.send(["item", 1, "crossed"], ["result", 1, None])
    assert core.farewell() == 0
    assert core.printed().splitlines() == ["row", "too long"]


def test_channel_to_a_command(core: Any, begin: Begin) -> None:
    """A producer waits for credit; the result comes when the command has received the end."""
    begin(
        """
        rows = core.send_channel()
        result = await start(core, 'rows.load', rows=rows)
        async with rows:
            for n in range(3): await rows.send({'n': n})
        print(await result())
    """
    )
    assert core.expect("call")[4] == {"channels": {"rows": {"id": 1, "to": "callee"}}}
    core.send(["credit", 1, 2])
    assert [core.expect("item")[2] for _ in range(2)] == [{"n": 0}, {"n": 1}]
    assert core.silent()
    core.send(["credit", 1, 5])
    assert core.expect("item")[2] == {"n": 2}
    assert core.expect("end") == ["end", 1]
    core.send(["result", 1, 3])
    assert core.farewell() == 0
    assert core.printed() == "3\n"


def test_channel_that_is_dropped_stops_its_sender(core: Any, begin: Begin) -> None:
    """Dropped, where it waits for credit; the file that was sent is left there."""
    begin("""
        rows = core.send_channel()
        await start(core, 'load', rows=rows)
        try: await rows.send_file(io.BytesIO(b'x' * 3_000_000))
        except Dropped as error: print(error)
    """)
    core.expect("call")
    core.send(["credit", 1, 1])
    core.expect("item")
    core.send(["drop", 1], ["result", 1, None])
    assert core.farewell() == 0
    assert core.printed().startswith("cancelled: ")


def test_channels_from_a_command_live_on_after_its_call(core: Any, begin: Begin) -> None:
    """The result comes first; the lines come while both ends keep them."""
    begin("""
        lines = core.receive_channel(credit=1)
        print(await core.invoke('tail', lines=lines))
        async for line in lines:
            print(line)
            if line == 'b': await lines.drop()
    """)
    assert core.expect("call")[4] == {"channels": {"lines": {"id": 1, "to": "caller", "credit": 1}}}
    core.send(["result", 1, "tailing"])
    for line in "ab":
        core.send(["item", 1, line])
        assert core.expect("credit") == ["credit", 1, 1]
    assert core.expect("drop") == ["drop", 1]
    assert core.farewell() == 0
    assert core.printed().split() == ["tailing", "a", "b"]


def test_file_goes_in_pieces_with_progress(core: Any, begin: Begin, tmp_path: Any) -> None:
    """Raw, each within the limit of a message; what comes back is written as it comes."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(LARGE * 30)
    begin(
        f"""
        data, back = core.send_channel(), core.receive_channel()
        await start(core, 'copy', data=data, back=back)
        print(await data.send_file({str(source)!r}, lambda sent: print('sent', sent)))
        print(await back.receive_file({str(target)!r}, lambda received: print('received', received)))
        """,
        limits={"message": 600_000},
    )
    core.expect("call")
    core.send(["credit", 1, 64])
    pieces = []
    while (message := core.message())[0] == "item":
        assert message[2:] == [None, {"raw": 1}]
        pieces += core.raw
        core.send(["item", 3, None, {"raw": 1}], raw=core.raw)
    assert message == ["end", 1]
    assert b"".join(pieces) == source.read_bytes()
    core.send(["end", 3], ["result", 1, None])
    assert core.farewell() == 0
    size = len(LARGE) * 30
    assert target.read_bytes() == source.read_bytes()
    assert core.printed().splitlines()[-2:] == [f"received {size}", str(size)]
    assert f"sent {size}" in core.printed()


def test_channel_that_nobody_has_says_so(core: Any, begin: Begin) -> None:
    """It is the program's bug; waiting would be for ever."""
    begin("""
        for use in (lambda: core.send_channel().send(1), lambda: core.receive_channel().__anext__()):
            try: await use()
            except RuntimeError as error: print(error)
    """)
    assert core.farewell() == 0
    assert core.printed().count("pass it to a call") == 2


def test_wrong_options_are_said_where_they_are_given(core: Any, begin: Begin) -> None:
    """Before anything is sent: a timeout that is none, an export without a name."""
    begin("""
        for wrong in ('2', True, float('nan'), float('inf')):
            try: core.options(timeout=wrong)
            except (TypeError, ValueError) as error: print(error)
        try: core.export(print)
        except TypeError as error: print(error)
        core.options(timeout=2), core.options(timeout=0.5), core.options(timeout=None), core.options(timeout=-1)
    """)
    assert core.farewell() == 0, core.said()
    printed = core.printed().splitlines()
    assert printed[0] == "timeout='2': write seconds, as in 2.0, or None for as long as it takes"
    assert [line.partition(":")[0] for line in printed[:4]] == [
        "timeout='2'",
        "timeout=True",
        "timeout=nan is too long",
        "timeout=inf is too long",
    ]
    assert printed[4:] == [
        'export takes the name of the command, not <built-in function print>: write @core.export("thumbs.make")'
    ]


# -- raw --------------------------------------------------------------------------------------------------------------


def test_bytes_go_and_come_raw(core: Any, begin: Begin) -> None:
    """A copy, or a view of what came."""
    begin("""
        data = bytes(range(256)) * 200
        for view in (False, True):
            value = await core.options(view=view).invoke('echo', data=data)
            print(type(value).__name__, value == data)
    """)
    for ident in (1, 2):
        assert core.expect("call") == ["call", ident, "echo", {}, {"raw": {"data": 1}}]
        assert core.raw == [LARGE]
        core.send(["result", ident, None, {"raw": 1}], raw=core.raw)
    assert core.farewell() == 0
    assert core.printed().splitlines() == ["bytes True", "memoryview True"]


# -- exports ----------------------------------------------------------------------------------------------------------

EXPORTING = """
    @core.export('thumbs.make', concurrency=2, idempotent=True)
    async def make(size, data=b''):
        handling = core.handling
        if size < 0: raise CommandError('too small', {'size': size}, code='thumbs.small')
        if size == 0: return 1 / 0
        if size == 7: return await core.invoke('nested', n=size)
        return [handling.command, handling.caller, handling.deadline is None, size]
    await core.run()
"""


def running(core: Any) -> None:
    assert core.expect("ready") == ["ready", {"exports": {"thumbs.make": {"concurrency": 2, "idempotent": True}}}]


def stopped(core: Any) -> None:
    core.send(["stop", {"grace": 1000}])
    assert core.farewell() == 0


def test_exported_command_is_answered(core: Any, begin: Begin) -> None:
    """With its result, its own error, `failed` for any other, `invalid_args` for arguments that do not fit."""
    begin(EXPORTING)
    running(core)
    calls = [{"size": 3}, {"size": -1}, {"size": 0}, {"width": 3}]
    answers = []
    for ident, arguments in enumerate(calls, 1):
        core.send(["call", ident, "thumbs.make", arguments, {"caller": "editor"}])
        answers.append(core.message())
    assert answers[0] == ["result", 1, ["thumbs.make", "editor", True, 3]]
    assert answers[1] == ["error", 2, {"code": "thumbs.small", "message": "too small", "data": {"size": -1}}]
    assert answers[2][2]["code"] == "failed"
    assert answers[2][2]["data"] == {"reference": "editor/3"}
    assert answers[3][2]["code"] == "invalid_args"
    assert "width" in answers[3][2]["message"]
    stopped(core)
    assert "thumbs.make failed (reference editor/3)" in core.said()
    assert "ZeroDivisionError" in core.said()


def test_nested_call_belongs_to_the_one_that_is_handled(core: Any, begin: Begin) -> None:
    """It names its parent and goes on with the trace, and so does what it emits; what follows does not."""
    begin("""
        made = []
        @core.export('thumbs.make')
        async def make():
            await core.emit('thumbs/made')
            made.append(await core.invoke('nested'))
            made.append(await core.options(timeout=None).invoke('nested'))
            return made
        core.ready()
        while len(made) < 2: await core.poll(0.01)
        await core.invoke('after')
    """)
    core.expect("ready")
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    core.send(["call", 1, "thumbs.make", {}, {"trace": trace}])
    assert core.emitted() == ("thumbs/made", [1, None, {"trace": trace}])
    for options in ({}, {"deadline": None}):
        message = core.expect("call")
        assert message[4] == {**options, "parent": 1, "trace": trace}
        core.send(["result", message[1], "inner"])
    assert core.expect("result")[2] == ["inner", "inner"]
    assert len(core.expect("call")) == 4
    core.send(["result", 3, None])
    assert core.farewell(1) == 0


def test_cancelled_handler_is_stopped_where_it_waits(core: Any, begin: Begin) -> None:
    """Inside a nested call; `finally` runs, the answer is `cancelled`, and the next call is handled."""
    begin("""
        @core.export('thumbs.make')
        async def make(n):
            if n == 2: return 'next'
            try: return await core.invoke('slow')
            finally: print('finally', core.handling.cancelled)
        await core.run()
    """)
    core.expect("ready")
    core.send(["call", 1, "thumbs.make", {"n": 1}])
    core.expect("call")
    core.send(["cancel", 1])
    seen = [core.message(), core.message()]
    assert ["cancel", 1] in seen
    (answer,) = (message for message in seen if message[0] == "error")
    assert (answer[1], answer[2]["code"]) == (1, "cancelled")
    core.send(["error", 1, {"code": "cancelled", "message": ""}], ["call", 2, "thumbs.make", {"n": 2}])
    assert core.expect("result") == ["result", 2, "next"]
    stopped(core)
    assert core.printed() == "finally True\n"
    assert core.said() == ""


def test_deadline_of_a_handler_is_kept(core: Any, begin: Begin) -> None:
    """It is answered at its time though the nested call has no answer; the next call is handled."""
    begin("""
        @core.export('thumbs.make')
        async def make(n):
            if n == 2: return core.handling.deadline <= 60
            return await core.options(timeout=None).invoke('slow')
        await core.run()
    """)
    core.expect("ready")
    core.send(["call", 1, "thumbs.make", {"n": 1}, {"deadline": 50}])
    core.expect("call")
    seen = [core.message(), core.message()]
    (answer,) = (message for message in seen if message[0] == "error")
    assert (answer[1], answer[2]["code"]) == (1, "deadline_exceeded")
    core.send(["call", 2, "thumbs.make", {"n": 2}, {"deadline": 60_000}])
    assert core.expect("result") == ["result", 2, True]
    stopped(core)


def test_exported_generator_streams(core: Any, begin: Begin) -> None:
    """Under credit; it is closed when it is dropped, and `invoke` of it is refused, as is a stream of another."""
    begin("""
        @core.export('rows')
        async def rows(count):
            try:
                for n in range(count): yield n
            finally: print('closed')
        @core.export('plain')
        async def plain(): return 1
        await core.run()
    """)
    core.expect("ready")
    offer = {"channels": {"yield": {"id": 2, "to": "caller", "credit": 2}}}
    core.send(["call", 1, "rows", {"count": 3}, offer])
    assert [core.expect("item")[2] for _ in range(2)] == [0, 1]
    assert core.silent()
    core.send(["credit", 2, 1])
    assert [core.message() for _ in range(3)] == [["item", 2, 2], ["end", 2], ["result", 1, None]]
    offer["channels"]["yield"]["id"] = 4
    core.send(["call", 2, "rows", {"count": 9}, offer])
    assert [core.expect("item")[2] for _ in range(2)] == [0, 1]
    core.send(["drop", 4])
    assert core.expect("result") == ["result", 2, None]
    offer["channels"]["yield"]["id"] = 6
    core.send(["call", 3, "plain", {}, offer], ["call", 4, "rows", {"count": 1}])
    codes = [
        (message[0], message[2].get("code")) for message in (core.message() for _ in range(3)) if message[0] == "error"
    ]
    assert codes == [("error", "invalid_args")] * 2
    stopped(core)
    assert core.printed() == "closed\nclosed\n"


def test_exported_command_has_channels(core: Any, begin: Begin) -> None:
    """Of either direction, as arguments."""
    begin("""
        @core.export('double')
        async def double(numbers, doubled):
            async for n in numbers: await doubled.send(2 * n)
            await doubled.end()
            return 'done'
        await core.run()
    """)
    core.expect("ready")
    core.send(["call", 1, "double", {}, {"channels": {
        "numbers": {"id": 2, "to": "callee"}, "doubled": {"id": 4, "to": "caller", "credit": 9}}}])  # fmt: skip
    assert core.expect("credit") == ["credit", 2, 64]
    core.send(["item", 2, 1], ["item", 2, 2], ["end", 2])
    assert [core.message() for _ in range(4)] == [["item", 4, 2], ["item", 4, 4], ["end", 4], ["result", 1, "done"]]
    stopped(core)


def test_export_comes_before_ready(core: Any, begin: Begin) -> None:
    """And `handling` is inside of a handler."""
    begin("""
        core.ready()
        for attempt in (lambda: core.export('late'), lambda: core.handling):
            try: attempt()
            except RuntimeError as error: print(error)
    """)
    core.expect("ready")
    assert core.farewell() == 0
    assert "before that" in core.printed()
    assert "no call is being handled" in core.printed()


# -- traces -----------------------------------------------------------------------------------------------------------


def test_trace_is_passed_and_inherited_from_events(core: Any, begin: Begin) -> None:
    """What a handler of an event asks goes on with its trace; what is asked elsewhere says its own, or none."""
    begin("""
        async def changed(event):
            print(event.trace)
            await core.invoke('inside')
        await core.listen('a', changed)
        await core.options(trace='00-of-my-own').invoke('outside')
        await core.options(trace='00-of-my-own').emit('b', 1, to='editor')
        print(await core.poll(20))
    """)
    core.grant()
    assert core.expect("call")[4] == {"trace": "00-of-my-own"}
    core.send(["result", 1, None])
    assert core.emitted() == ("b", [1, 1, {"to": "editor", "trace": "00-of-my-own"}])
    core.events.send(b"a|" + b"\x84\x01\x64core\xf6\xa1\x65trace\x65trace")
    assert core.expect("call")[4] == {"trace": "trace"}
    core.send(["result", 2, None])
    assert core.farewell(1) == 0
    assert core.printed() == "trace\n1\n"
