"""The asyncio face, in real workers with real sockets, on asyncio's own loop and on uvloop."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest
import zmq

LOOPS = {
    "asyncio": "asyncio.run(main())",
    "uvloop": "import uvloop\nwith asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner: runner.run(main())",
}


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> str:
    """How the program runs its loop."""
    name: str = request.param
    if name == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    return LOOPS[name]


def program(loop: str, *lines: str, options: str = "") -> str:
    """A worker whose `async with` block has these lines."""
    body = "\n".join(f"        {line}" for line in lines)
    return f"""
import asyncio, sys, threading, time
from stockade_frontend import *
from stockade_frontend import aio
async def main():
    async with aio.connect({options}) as core:
{body}
{loop}
"""


def bye(core: Any, emitted: int = 0) -> int:
    status: int = core.farewell(emitted)
    return status


def test_worker_knows_who_it_is_and_leaves_in_order(core: Any, loop: str) -> None:
    """As the blocking one does."""
    core.start(program(loop, "print(core.label, core.generation, core.limits.calls, core.missed)"))
    assert bye(core) == 0
    assert core.printed() == "editor 3 1024 0\n"
    assert core.said() == ""


def test_call_begins_at_once(core: Any, loop: str) -> None:
    """So its channel can be used. Awaiting it gives the value, or raises; cancelling it cancels the command."""
    core.start(
        program(
            loop,
            "data = core.send_channel()",
            "call = core.options(view=True).call('total', data=data)",
            "sending = asyncio.create_task(data.send(b'piece'))",
            "print(bytes(await call), call.done())",
            "unbegun = core.call('wait')",
            "unbegun.cancel()",
            "begun = core.call('wait')",
            "await asyncio.sleep(0.01)",
            "begun.cancel()",
            "print(*map(type, await asyncio.gather(unbegun, begun, return_exceptions=True)))",
            "try: await core.call('fail')",
            "except Failed as error: print(error)",
        )
    )
    assert core.expect("call")[2:] == ["total", {}, {"channels": {"data": {"id": 1, "to": "callee"}}}]
    core.send(["credit", 1, 5])
    assert core.expect("item") == ["item", 1, b"piece"]
    core.send(["result", 1, b"value"])
    cancelled = [core.message() for _ in range(4)]
    assert sorted(each[:2] for each in cancelled) == [["call", 2], ["call", 3], ["cancel", 2], ["cancel", 3]]
    core.send(*(["error", ident, {"code": "cancelled", "message": ""}] for ident in (2, 3)))
    core.send(["error", core.expect("call")[1], {"code": "failed", "message": "no"}])
    assert bye(core) == 0, core.said()
    assert core.printed().splitlines() == [
        "b'value' True",
        " ".join(["<class 'asyncio.exceptions.CancelledError'>"] * 2),
        "failed: no",
    ]
    assert core.said() == ""


def test_call_that_comes_while_the_connection_closes_is_not_sent(core: Any, loop: str) -> None:
    """A task of the program's may have begun it just then: it is told so, and the protocol is kept."""
    core.start(
        program(loop, "asyncio.create_task(late(core))").replace(
            "async def main():",
            "async def late(core):\n"
            "    while not core._session.state.value == 'leaving': await asyncio.sleep(0)\n"
            "    try: await core.invoke('echo')\n"
            "    except Closed as error: print(error)\n"
            "async def main():",
        )
    )
    assert bye(core) == 0
    assert core.printed() == "this worker has taken its leave (nothing was sent)\n"


def test_calls_of_one_turn_are_one_batch_behind_the_first(core: Any, loop: str) -> None:
    """The first, with none in flight, goes at once; the core answers them in any order."""
    core.start(program(loop, "print(await asyncio.gather(*(core.invoke('echo', n=n) for n in range(20))))"))
    calls = [core.expect("call") for _ in range(20)]
    core.send(*(["result", ident, arguments["n"]] for _, ident, _, arguments in reversed(calls)))
    assert bye(core) == 0
    assert core.printed() == f"{list(range(20))}\n"
    assert core.batches == [1, 1, 19, 1]


def test_many_calls_are_sent_before_all_are_made(core: Any, loop: str) -> None:
    """Sixty-four are enough to let the core begin; all arrive, in order."""
    core.start(program(loop, "print(sum(await asyncio.gather(*(core.invoke('echo', n=n) for n in range(1000)))))"))
    assert core.serve({"echo": lambda n: n})[0] == "bye"
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0
    assert core.printed() == f"{sum(range(1000))}\n"
    assert core.batches == [1, 1, *[64] * 15, 39, 1]


def test_one_call_after_the_other(core: Any, loop: str) -> None:
    """No edge of a descriptor is missed in a thousand turns."""
    core.start(program(loop, "for n in range(1000): assert await core.invoke('echo', n=n) == n"))
    assert core.serve({"echo": lambda n: n})[0] == "bye"
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0


def test_errors_are_raised_by_their_code(core: Any, loop: str) -> None:
    """One refused call leaves the others alone; what the grants refuse is not sent."""
    core.start(
        program(
            loop,
            "calls = [core.invoke(name) for name in ('notes.a', 'notes.b', 'purge')]",
            "print([getattr(one, 'code', one) for one in await asyncio.gather(*calls, return_exceptions=True)])",
        ),
        grants={"commands": {"allow": ["notes.*"], "deny": []}},
    )
    core.expect("call")
    core.expect("call")
    core.send(["error", 1, {"code": "notes.locked", "message": ""}], ["result", 2, "fine"])
    assert bye(core) == 0
    assert core.printed() == "['notes.locked', 'fine', 'not_allowed']\n"


def test_cancelled_and_late_answers_are_counted_and_ignored(core: Any, loop: str) -> None:
    """Neither a cancelled task nor a time limit gets in the way of the next call."""
    core.start(program(
        loop,
        "task = asyncio.create_task(core.invoke('slow'))",
        "await asyncio.sleep(0.05); task.cancel()",
        "try: await core.options(timeout=0.05).invoke('slow')",
        "except DeadlineExceeded as error: print(error.code)",
        "print(await core.options(timeout=20).invoke('quick'), task.cancelled(), core.statistics().late)",
    ))  # fmt: skip
    verbs = [core.message()[:2] for _ in range(5)]
    assert verbs == [["call", 1], ["call", 2], ["cancel", 1], ["cancel", 2], ["call", 3]]
    core.send(["result", 1, 1], ["result", 2, 2], ["result", 3, 3])
    assert bye(core) == 0
    assert core.printed() == "deadline_exceeded\n3 True 2\n"


def test_ping_is_answered_and_asked(core: Any, loop: str) -> None:
    """While the program does something else."""
    core.start(program(loop, "print(0 < await core.ping() < 20)", "await core.invoke('wait')"))
    assert core.expect("ping") == ["ping", 1]
    core.send(["pong", 1], ["ping", 5])
    seen = [core.message()[0], core.message()[0]]
    assert sorted(seen) == ["call", "pong"]
    core.send(["result", 1, None])
    assert bye(core) == 0
    assert core.printed() == "True\n"


def test_handlers_may_be_plain_or_coroutines(core: Any, loop: str) -> None:
    """One after the other, in order; they may invoke; `stop` ends `run`."""
    core.start(program(
        loop,
        "async def slowly(event):",
        "    print('begin', event.payload, await core.invoke('echo', n=event.payload)); await asyncio.sleep(0.01)",
        "    print('end', event.payload)",
        "await core.listen('a', slowly)",
        "await core.listen('a', lambda event: print('plain', event.payload))",
        "await core.run()",
        "print(core.stopping)",
    ))  # fmt: skip
    assert core.grant() == "a|"
    core.expect("ready")
    core.event("a", 1)
    core.event("a", 2)
    for number in (1, 2):
        assert core.expect("call")[3] == {"n": number}
        core.send(["result", number, "x"])
    core.until_printed("plain 2")
    core.send(["stop", {"grace": 10}])
    assert bye(core) == 0
    assert core.printed().splitlines() == ["begin 1 x", "end 1", "plain 1", "begin 2 x", "end 2", "plain 2", "True"]


def test_many_events_are_handled_while_others_work(core: Any, loop: str) -> None:
    """`run` as a task beside calls; every event is handled, in order."""
    core.start(program(
        loop,
        "seen = []",
        "await core.listen('a', lambda event: seen.append(event.seq))",
        "core.ready()",
        "task = asyncio.create_task(core.run())",
        "while len(seen) < 800: await core.invoke('echo', n=len(seen))",
        "print(seen == list(range(1, 801)), core.missed)",
        "task.cancel()",
    ))  # fmt: skip
    core.grant()
    core.expect("ready")
    for _ in range(800):
        core.event("a")
    assert core.serve({"echo": lambda n: n})[0] == "bye"
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0
    assert core.printed() == "True 0\n"


def test_listen_is_denied_shared_and_ended(core: Any, loop: str) -> None:
    """Two that listen to one topic at once share its answer; the last to go unsubscribes."""
    core.start(program(
        loop,
        "both = asyncio.gather(core.listen('a', print), core.listen('a', print), return_exceptions=True)",
        "print([error.code for error in await both])",
        "first, second = await asyncio.gather(core.listen('b/', print), core.once('b/', print))",
        "first.unlisten(); first.unlisten(); second.unlisten()",
    ))  # fmt: skip
    assert core.subscription() == b"\x01a|"
    core.send(["denied", "a|", {"code": "not_allowed", "message": ""}])
    assert core.subscription() == b"\x00a|"
    assert core.grant() == "b/"
    assert core.subscription() == b"\x00b/"
    assert bye(core) == 0
    assert core.printed() == "['not_allowed', 'not_allowed']\n"


def test_cancelled_listen_is_undone(core: Any, loop: str) -> None:
    """The answer that comes later is for the one that asked first."""
    core.start(program(
        loop,
        "task = asyncio.create_task(core.listen('a', print))",
        "await asyncio.sleep(0.05); task.cancel(); await asyncio.sleep(0)",
        "print(await core.listen('a', print))",
    ))  # fmt: skip
    for frame in (b"\x01a|", b"\x00a|", b"\x01a|"):
        assert core.subscription() == frame
    core.events.setsockopt(zmq.SUBSCRIBE, b"a|")
    core.send(["listening", "a|"])
    assert core.silent()
    core.send(["listening", "a|"])
    assert bye(core) == 0
    assert core.printed() == "Subscription('a')\n"


def test_poll_counts_what_it_has_handled(core: Any, loop: str) -> None:
    """It waits for the first, no longer than told; the queue is bounded, and what is above is missed."""
    core.start(program(
        loop,
        "await core.listen('a', lambda event: print(event.seq))",
        "print(await core.poll(), await core.poll(0.01))",
        "await core.invoke('go')",
        "while core.statistics().events < 3: await core.ping()",
        "print(await core.poll(None), core.missed)",
        options="queue=2",
    ))  # fmt: skip
    core.grant()
    core.expect("call")
    for _ in range(3):
        core.event("a")
    core.send(["result", 1, None])
    while (message := core.message())[0] == "ping":
        core.send(["pong", message[1]])
    core.send(["bye", message[1]])
    assert core.exit_status() == 0
    assert core.printed() == "0 0\n1\n2\n2 1\n"


def test_error_of_a_handler_comes_out_of_run(core: Any, loop: str) -> None:
    """The leave is taken, the status is 1."""
    core.start(program(loop, "await core.listen('a', lambda event: 1 / 0)", "await core.run()"))
    core.grant()
    core.expect("ready")
    core.event("a")
    assert bye(core) == 1
    assert "ZeroDivisionError" in core.said()


def test_run_is_for_one_task(core: Any, loop: str) -> None:
    """A second one, or one inside a handler, would mix up the order."""
    core.start(program(
        loop,
        "async def handle(event):",
        "    try: await core.poll()",
        "    except RuntimeError: print('not in a handler')",
        "await core.listen('a', handle)",
        "task = asyncio.create_task(core.run())",
        "await asyncio.sleep(0)",
        "try: await core.poll()",
        "except RuntimeError: print('not beside')",
        "await task",
    ))  # fmt: skip
    core.grant()
    core.expect("ready")
    core.event("a")
    core.until_printed("not in a handler")
    core.send(["stop", {"grace": 10}])
    assert bye(core) == 0


def test_emits_wait_for_a_core_that_does_not_read(core: Any, loop: str) -> None:
    """From many tasks, with large payloads: all arrive, each numbered once; one cancelled meanwhile is not emitted."""
    core.start(program(
        loop,
        "async def emit(n): await core.emit('a', [n, b'x' * 5000], to='reporter' if n % 2 else None)",
        "tasks = [asyncio.create_task(emit(n)) for n in range(1500)]",
        "await asyncio.sleep(0.1); tasks[-1].cancel(); print('cancelled')",
        "done = await asyncio.gather(*tasks, return_exceptions=True)",
        "print(sum(one is None for one in done), core.statistics().emitted)",
    ))  # fmt: skip
    core.until_printed("cancelled")
    core.send(["ping", 1])
    core.expect("pong")
    numbers = []
    for seq in range(1, 1500):
        name, body = core.emitted()
        assert (name, body[0]) == ("a", seq)
        numbers.append(body[1][0])
        assert body[2:] == ([{"to": "reporter"}] if numbers[-1] % 2 else [])
    assert numbers == list(range(1499))
    assert bye(core, emitted=1499) == 0
    assert core.printed() == "cancelled\n1499 1499\n"


def test_calls_wait_for_a_core_that_does_not_read(core: Any, loop: str) -> None:
    """Batches for which there is no room are sent when there is."""
    core.start(
        program(
            loop, "print(sum(await asyncio.gather(*(core.invoke('echo', n=n, t='t' * 60_000) for n in range(300)))))"
        ),
        limits={"message": 70_000},
    )
    core.send(["ping", 1])
    messages = [core.message() for _ in range(301)]
    for message in messages:
        if message[0] == "call":
            core.send(["result", message[1], message[3]["n"]])
    assert bye(core) == 0
    assert core.printed() == f"{sum(range(300))}\n"


def test_tasks_that_wait_are_told_that_the_connection_is_closed(core: Any, loop: str) -> None:
    """`run`, a call without an answer, an emit without room: none waits for ever."""
    core.start(program(
        loop,
        "tasks = [asyncio.create_task(work) for work in (core.run(), core.invoke('slow'))]",
        "await asyncio.sleep(0.05); await core.close(); await core.close()",
        "print([type(one).__name__ for one in await asyncio.gather(*tasks, return_exceptions=True)])",
        "try: await core.invoke('a')",
        "except Closed: print('closed')",
    ))  # fmt: skip
    core.expect("ready")
    core.expect("call")
    core.expect("bye")
    assert core.exit_status() == 0
    assert core.printed() == "['Closed', 'Closed']\nclosed\n"
    assert "has not answered bye" in core.said()


def test_use_from_another_thread_is_refused(core: Any, loop: str) -> None:
    """The loop's own thread alone."""
    core.start(program(
        loop,
        "def other():",
        "    try: core.ready()",
        "    except WrongThread: print('wrong thread')",
        "await asyncio.to_thread(other)",
    ))  # fmt: skip
    assert bye(core) == 0
    assert core.printed() == "wrong thread\n"


def test_handlers_of_calls_run_beside_each_other(core: Any, loop: str) -> None:
    """Each in a task of its own, with its own `handling`; a task that a handler leaves behind asks for itself."""
    core.start(program(
        loop,
        "left = []",
        "async def later():",
        "    await asyncio.sleep(0.05)",
        "    return await core.invoke('later')",
        "@core.export('work', concurrency=3)",
        "async def work(n):",
        "    if n == 3: left.append(asyncio.create_task(later()))",
        "    else: await core.invoke('nested', n=n)",
        "    return [n, core.handling.caller]",
        "await core.run()",
        "await left[0]",
    ))  # fmt: skip
    core.expect("ready")
    core.send(*(["call", n, "work", {"n": n}, {"caller": f"worker-{n}"}] for n in (1, 2, 3)))
    messages = [core.message() for _ in range(3)]
    nested = {message[4]["parent"]: message[1] for message in messages if message[0] == "call"}
    assert ["result", 3, [3, "worker-3"]] in messages
    core.send(["result", nested[2], None])
    assert core.expect("result") == ["result", 2, [2, "worker-2"]]
    core.send(["result", nested[1], None])
    seen = [core.message(), core.message()]
    assert ["result", 1, [1, "worker-1"]] in seen
    (later,) = (message for message in seen if message[0] == "call")
    assert later[2:] == ["later", {}]
    core.send(["result", later[1], None], ["stop", {"grace": 10}])
    assert bye(core) == 0


def test_handlers_are_cancelled_when_the_connection_closes(core: Any, loop: str) -> None:
    """They clean up, and their callers have an answer before the bye."""
    core.start(program(
        loop,
        "@core.export('work')",
        "async def work():",
        "    try: await core.ping()",
        "    finally: print('finally')",
        "await core.run()",
    ))  # fmt: skip
    core.expect("ready")
    core.send(["call", 1, "work", {}])
    core.expect("ping")  # it has begun
    core.send(["stop", {"grace": 10}])
    assert core.expect("error")[2]["code"] == "cancelled"
    assert bye(core) == 0
    assert core.printed() == "finally\n"


def test_many_timeouts_are_one_alarm(core: Any, loop: str) -> None:
    """Each call has its own time, and they end in the order of their times."""
    core.start(program(
        loop,
        "ended = []",
        "async def ask(n):",
        "    try: await core.options(timeout=n / 1000).invoke('slow')",
        "    except DeadlineExceeded: ended.append(n)",
        "await asyncio.gather(*(ask(n) for n in (90, 30, 60)))",
        "print(ended)",
    ))  # fmt: skip
    verbs = [core.message()[0] for _ in range(6)]
    assert verbs == ["call"] * 3 + ["cancel"] * 3
    assert bye(core) == 0
    assert core.printed() == "[30, 60, 90]\n"
