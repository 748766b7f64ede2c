"""The blocking face, in real workers with real sockets."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
import zmq

WITH = "from stockade_frontend import *\nimport os, sys, threading, time\nwith connect() as core:\n"


def program(*lines: str) -> str:
    """A worker whose `with` block has these lines."""
    return WITH + "\n".join(f"    {line}" for line in lines) + "\n"


def test_worker_knows_who_it_is_and_leaves_in_order(core: Any) -> None:
    """Label, generation, grants and limits are those of the welcome; at the end it says bye, and the status is 0."""
    core.start(
        program("print(core.label, core.generation, core.limits.message, core.grants.emit)"), limits={"message": 5000}
    )
    assert core.farewell() == 0
    assert core.printed() == "editor 3 5000 Grant(allow=['**'], deny=[])\n"
    assert core.said() == ""


def test_handler_that_nobody_would_await_is_refused(core: Any) -> None:
    """A coroutine function, or what is no function; a generator may be exported."""
    core.start(program(
        "async def late(*event): pass",
        "def pages(): yield 1",
        "for wrong in (late, 5):",
        "    for use in (core.export('notes.late'), lambda handler: core.listen('notes/changed', handler)):",
        "        try: use(wrong)",
        "        except TypeError as error: print(error)",
        "core.export('notes.pages')(pages)",
    ))  # fmt: skip
    assert core.farewell() == 0
    refusals = ["late is an async def: write def, or connect with stockade_frontend.aio"] * 2
    assert core.printed().splitlines() == [*refusals, *["5 cannot be called: give a function"] * 2]


def test_secret_is_kept(core: Any) -> None:
    """It is not in the environment, standard input is empty, and no child inherits the lifeline."""
    core.start(program(
        "print(any(sys.argv[1] in value for value in os.environ.values()) if sys.argv[1:] else 'no arguments')",
        "print(repr(sys.stdin.read()), os.get_inheritable(core._endpoint.link.lifeline))",
        "print(open('/proc/self/status').read().count('Pid:'), os.readlink('/proc/self/fd/0'))",
    ))  # fmt: skip
    assert core.farewell() == 0
    assert core.printed() == "no arguments\n'' False\n3 /dev/null\n"
    assert core.secret not in core.printed() + core.said()


@pytest.mark.parametrize(("switch", "dumpable"), [("0", 0), ("1", 1)])
def test_memory_is_closed_to_siblings_unless_a_debugger_is_wanted(core: Any, switch: str, dumpable: int) -> None:
    """PR_SET_DUMPABLE is 0 in the process itself, after exec; STOCKADE_DEBUGGABLE=1 leaves it."""
    core.spawn(program("import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"), STOCKADE_DEBUGGABLE=switch)
    core.connect()
    core.expect("hello")
    core.welcome()
    assert core.farewell() == 0
    assert core.printed() == f"{dumpable}\n"


def test_invoke_returns_the_value(core: Any) -> None:
    """Arguments go by name, whatever their names; the value is what the core said."""
    core.start(program("print(core.invoke('notes.read', name='todo', command=1, self=None))"))
    assert core.expect("call") == ["call", 1, "notes.read", {"name": "todo", "command": 1, "self": None}]
    core.send(["result", 1, {"text": "hi"}])
    assert core.farewell() == 0
    assert core.printed() == "{'text': 'hi'}\n"


def test_errors_are_raised_by_their_code(core: Any) -> None:
    """The code, the words and the data; the traceback of an error nobody caught ends the worker with 1."""
    core.start(program(
        "try: core.invoke('a')",
        "except NotFound as error: print(error, error.data)",
        "core.invoke('b')",
    ))  # fmt: skip
    core.expect("call")
    core.send(["error", 1, {"code": "not_found", "message": "no such note", "data": {"name": "x"}}])
    core.expect("call")
    core.send(["error", 2, {"code": "notes.locked", "message": "by another"}])
    assert core.farewell() == 1
    assert core.printed() == "not_found: no such note {'name': 'x'}\n"
    assert "CommandError: notes.locked: by another" in core.said()


def test_gathered_calls_go_out_together_and_are_answered_in_any_order(core: Any) -> None:
    """`call` only begins; what has gathered is one batch when something waits."""
    core.start(program(
        "calls = [core.call('echo', n=n) for n in range(5)]",
        "print([call.result() for call in calls], calls[0].result(), calls[0].done())",
    ))  # fmt: skip
    calls = [core.expect("call") for _ in range(5)]
    core.send(*(["result", ident, arguments["n"]] for _, ident, _, arguments in reversed(calls)))
    assert core.farewell() == 0
    assert core.printed() == "[0, 1, 2, 3, 4] 0 True\n"
    assert core.batches == [1, 5, 1]


@pytest.mark.parametrize(("limits", "largest"), [({"batch": 4}, 4), ({"message": 500}, 6), ({}, 40)])
def test_batches_keep_to_the_limits_of_the_core(core: Any, limits: dict[str, int], largest: int) -> None:
    """At most so many messages, at most so many bytes: six of these are 470."""
    core.start(
        program("print(sum(call.result() for call in [core.call('echo', n=1, text='t' * 50) for _ in range(40)]))"),
        limits=limits,
    )
    assert core.serve({"echo": lambda n, text: n}) == ["bye", {"emitted": 0}]
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0
    assert core.printed() == "40\n"
    assert max(core.batches) == largest


def test_done_reads_without_waiting(core: Any) -> None:
    """A program may look after its calls beside other work."""
    core.start(program("call = core.call('echo')", "while not call.done(): pass", "print(call.result())"))
    core.expect("call")
    core.send(["result", 1, "there"])
    assert core.farewell() == 0
    assert core.printed() == "there\n"


def test_timeout_is_raised_and_the_late_answer_ignored(core: Any) -> None:
    """The next call gets its own answer, not the one that came late."""
    core.start(program(
        "try: core.options(timeout=0.05).invoke('slow')",
        "except DeadlineExceeded as error: print(error.code)",
        "print(core.options(timeout=20).invoke('quick'), core.statistics().late)",
    ))  # fmt: skip
    ident, _, _, options = core.expect("call")[1:]
    assert 0 < options["deadline"] <= 50
    assert core.expect("cancel") == ["cancel", ident]
    assert core.expect("call")[4]["deadline"] > 19_000
    core.send(["result", 1, "late"])
    core.send(["result", 2, "mine"])
    assert core.farewell() == 0
    assert core.printed() == "deadline_exceeded\nmine 1\n"


def test_interrupt_cancels_what_is_waited_for(core: Any) -> None:
    """Ctrl-C inside `invoke` reaches the core as a cancel; the connection stays usable."""
    core.start(program(
        "import signal",
        "try: core.invoke('slow')",
        "except KeyboardInterrupt: print('interrupted')",
        "try: core.options(timeout=20).invoke('slow')",
        "except KeyboardInterrupt: print('interrupted')",
        "print(core.invoke('quick'), core.statistics().late)",
        "core.close(); print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)",
    ))  # fmt: skip
    for ident in (1, 2):
        core.expect("call")
        os.kill(core.worker.pid, signal.SIGINT)
        assert core.expect("cancel") == ["cancel", ident]
        core.send(["error", ident, {"code": "cancelled", "message": ""}])
    core.expect("call")
    core.send(["result", 3, "on"])
    assert core.farewell() == 0
    assert core.printed() == "interrupted\ninterrupted\non 2\nTrue\n"


def test_interrupts_at_any_moment_leave_the_conversation_whole(core: Any) -> None:
    """No batch goes twice and no answer is lost: each call is struck at another moment, and has its own answer or none.

    The alarm stands for Ctrl-C, whose handler the stub has made its own.
    """
    core.start(program(
        "import signal",
        "signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))",
        "wrong = interrupted = 0",
        "for n in range(2000):",
        "    try:",
        "        signal.setitimer(signal.ITIMER_REAL, (n % 60 + 1) * 1e-5)",
        "        value = core.invoke('echo', n=n)",
        "        signal.setitimer(signal.ITIMER_REAL, 0)",
        "        wrong += value != n",
        "    except KeyboardInterrupt: interrupted += 1",
        "for _ in range(3): core.ping()",
        "print(wrong, interrupted > 10, core.statistics().pending)",
    ))  # fmt: skip
    while (message := core.message())[0] != "bye":
        if message[0] == "call":
            core.send(["result", message[1], message[3]["n"]])
        elif message[0] == "ping":
            core.send(["pong", message[1]])
    core.send(message)
    assert core.exit_status() == 0, core.said()
    assert core.printed() == "0 True 0\n"


def test_begun_call_can_be_cancelled(core: Any) -> None:
    """Once, and not when its answer has come; its result is then Cancelled, whatever the core answers."""
    core.start(program(
        "first, second = core.call('slow'), core.call('quick')",
        "print(second.result(), second.cancel())",
        "print(first.cancel(), first.cancel(), first.done())",
        "try: first.result()",
        "except Cancelled as error: print(error)",
        "core.ping()",
    ))  # fmt: skip
    core.expect("call")
    core.expect("call")
    core.send(["result", 2, "quick"])
    assert core.expect("cancel") == ["cancel", 1]
    core.send(["result", 1, "crossed"])
    core.expect("ping")
    core.send(["pong", 1])
    assert core.farewell() == 0
    assert core.printed() == "quick False\nTrue False True\ncancelled: this worker has cancelled it\n"


def test_calls_are_handled_between_events(core: Any) -> None:
    """By turns where both wait; the count of `poll` is that of both."""
    core.start(program(
        "core.listen('a', lambda event: print('event', event.payload))",
        "@core.export('work')",
        "def work(n): print('call', n)",
        "core.ready(); core.invoke('go')",
        "while core.statistics().waiting < 2: core.ping()",
        "print(core.poll())",
    ))  # fmt: skip
    core.grant()
    core.expect("ready")
    core.expect("call")
    core.event("a", 1)
    core.event("a", 2)
    core.send(["call", 1, "work", {"n": 1}], ["call", 2, "work", {"n": 2}], ["result", 1, None])
    seen = []
    while (message := core.message())[0] != "bye":
        seen.append(message)
        if message[0] == "ping":
            core.send(["pong", message[1]])
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0
    assert [message for message in seen if message[0] == "result"] == [["result", 1, None], ["result", 2, None]]
    assert core.printed().splitlines() == ["call 1", "event 1", "call 2", "event 2", "4"]


def test_handler_that_computes_sees_that_nobody_waits(core: Any) -> None:
    """`handling.cancelled` looks at the sockets; pings are answered meanwhile."""
    core.start(program(
        "@core.export('work')",
        "def work():",
        "    print('works')",
        "    while not core.handling.cancelled: pass",
        "    core.handling.check()",
        "core.run()",
    ))  # fmt: skip
    core.expect("ready")
    core.send(["call", 1, "work", {}])
    core.until_printed("works")
    core.send(["ping", 1])
    core.expect("pong")
    core.send(["cancel", 1])
    assert core.expect("error")[2]["code"] == "cancelled"
    core.send(["stop", {"grace": 10}])
    assert core.farewell() == 0


def test_many_items_share_messages(core: Any) -> None:
    """`send_all` sends what there is credit for in batches; `send` each at once."""
    core.start(program(
        "rows = core.send_channel()",
        "call = core.call('load', rows=rows)",
        "rows.send(0); rows.send_all(range(1, 200)); rows.end()",
        "print(call.result())",
    ))  # fmt: skip
    core.expect("call")
    core.send(["credit", 1, 1000])
    assert [core.expect("item")[2] for _ in range(200)] == list(range(200))
    core.expect("end")
    core.send(["result", 1, 200])
    assert core.farewell() == 0
    assert max(core.batches) == 64
    assert len(core.batches) < 10


def test_call_against_the_grants_is_refused_before_it_is_sent(core: Any) -> None:
    """And so is what is too large, or too many, or what cannot be said."""
    core.start(
        program(
            "def attempt(command, **arguments):",
            "    try: core.options(wait=False).call(command, **arguments)",
            "    except FrontendError as error: print(type(error).__name__)",
            "attempt('notes.purge')",
            "attempt('notes.read', text='x' * 5000)",
            "attempt('notes.read', text={1})",
            "attempt('notes.read')",
            "attempt('notes.read')",
        ),
        limits={"message": 4000, "calls": 1},
        grants={"commands": {"allow": ["notes.*"], "deny": ["notes.purge"]}},
    )
    core.expect("call")
    assert core.farewell() == 0
    assert core.printed() == "NotAllowed\nTooLarge\nEncodeError\nBusy\n"


def test_ping_is_answered_while_a_call_waits(core: Any) -> None:
    """Whatever waits in the stub answers pings."""
    core.start(program("print(core.invoke('slow'))"))
    core.expect("call")
    for number in (1, 2**53 - 1):
        core.send(["ping", number])
        assert core.expect("pong") == ["pong", number]
    core.send(["result", 1, "done"])
    assert core.farewell() == 0


def test_ping_of_the_worker_is_answered(core: Any) -> None:
    """`ping` returns seconds."""
    core.start(program("print(0 < core.ping() < 20)"))
    assert core.expect("ping") == ["ping", 1]
    core.send(["pong", 1])
    assert core.farewell() == 0
    assert core.printed() == "True\n"


def test_spinning_changes_nothing_but_time(core: Any) -> None:
    """Answers that come while it spins, and those that come after, are the same."""
    core.start(
        program("pass")
        .replace("connect()", "connect(spin=0.001)")
        .replace("pass", "print([core.invoke('echo', n=n) for n in range(50)])")
    )
    assert core.serve({"echo": lambda n: n})[0] == "bye"
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0
    assert core.printed() == f"{list(range(50))}\n"


# -- events -----------------------------------------------------------------------------------------------------------


def test_listener_is_called_with_the_event(core: Any) -> None:
    """Inside `run` alone, which says `ready` and ends with `stop`."""
    core.start(program(
        "core.listen('notes/changed', lambda event: print(event))",
        "print('listening')",
        "core.run()",
        "print('stopped', core.stopping)",
    ))  # fmt: skip
    assert core.grant() == "notes/changed|"
    core.expect("ready")
    core.event("notes/changed", {"name": "todo"}, source="editor")
    core.until_printed("todo")
    core.send(["stop", {"grace": 1000}])
    assert core.farewell() == 0
    assert (
        core.printed() == "listening\nEvent('notes/changed', {'name': 'todo'}, source='editor', seq=1)\nstopped True\n"
    )


def test_prefix_gets_all_events_under_it(core: Any) -> None:
    """The exact listener and that of the prefix both get the event; a topic is subscribed once."""
    core.start(program(
        "core.listen('notes/', lambda event: print('prefix', event.name))",
        "core.listen('notes/a', lambda event: print('exact', event.name))",
        "core.listen('notes/', lambda event: print('again', event.name))",
        "core.run()",
    ))  # fmt: skip
    assert core.grant() == "notes/"
    assert core.grant() == "notes/a|"
    core.expect("ready")
    core.event("notes/a")
    core.event("notes/b/c")
    core.until_printed("again notes/b/c")
    core.send(["stop", {"grace": 1000}])
    assert core.farewell() == 0
    assert core.printed().splitlines() == [
        "exact notes/a",
        "prefix notes/a",
        "again notes/a",
        "prefix notes/b/c",
        "again notes/b/c",
    ]
    assert not core.events.poll(50)


def test_listen_waits_for_the_answer_and_keeps_what_comes_before_it(core: Any) -> None:
    """The handler is in place first, so an event that overtakes `listening` is not lost."""
    core.start(program("core.listen('a', print)", "print('listening')", "core.poll(20)"))
    frame = core.subscription()
    core.events.setsockopt(zmq.SUBSCRIBE, frame[1:])
    core.event("a", 1)
    assert core.silent()
    assert core.printed() == ""
    core.send(["listening", frame[1:].decode()])
    assert core.farewell() == 0
    assert core.printed() == "listening\nEvent('a', 1, source='core', seq=1)\n"


def test_denied_subscription_raises_and_can_be_asked_again(core: Any) -> None:
    """By the core, which knows better than the grants; or by the grants, and nothing is sent."""
    core.start(
        program(
            "for name in ('other', 'notes/', 'notes/a', 'notes/a'):",
            "    try: print(core.listen(name, print))",
            "    except CommandError as error: print(name, error.code)",
        ),
        grants={"listen": {"allow": ["notes/*"], "deny": []}},
    )
    assert core.subscription() == b"\x01notes/a|"
    core.send(["denied", "notes/a|", {"code": "busy", "message": "too many"}])
    assert core.subscription() == b"\x00notes/a|"
    assert core.grant() == "notes/a|"
    assert core.farewell() == 0
    assert core.printed() == "other not_allowed\nnotes/ not_allowed\nnotes/a busy\nSubscription('notes/a')\n"


def test_name_out_of_the_grammar_is_a_bug_of_the_worker(core: Any) -> None:
    """ValueError, before anything is sent."""
    core.start(program("core.listen('no such name', print)"))
    assert core.farewell() == 1
    assert "ValueError: 'no such name' is no event's name" in core.said()


def test_topics_above_the_limit_are_busy(core: Any) -> None:
    """The same topic again is not another."""
    core.start(
        program("core.listen('a', print)", "core.listen('a', print)", "core.listen('b', print)"), limits={"topics": 1}
    )
    core.grant()
    assert core.farewell() == 1
    assert "Busy: busy: 1 topics" in core.said()


def test_once_is_called_once_and_unlisten_ends(core: Any) -> None:
    """Handlers that are gone get no event, not even one that came before; the last of a topic unsubscribes."""
    core.start(program(
        "core.once('a', lambda event: print('once', event.seq))",
        "keeps = core.listen('b', lambda event: print('keeps', event.seq))",
        "drops = core.listen('b', lambda event: print('never', event.seq))",
        "core.invoke('go')",
        "drops.unlisten(); core.unlisten(drops)",
        "while core.poll(20) and core.statistics().waiting or core.statistics().events < 4: pass",
        "keeps.unlisten()",
    ))  # fmt: skip
    core.grant()
    core.grant()
    core.expect("call")
    for name in ("a", "a", "b", "b"):
        core.event(name)
    core.send(["result", 1, None])
    assert core.subscription() == b"\x00a|"
    assert core.subscription() == b"\x00b|"
    assert core.farewell() == 0
    assert core.printed() == "once 1\nkeeps 3\nkeeps 4\n"


def test_handlers_do_not_run_inside_invoke(core: Any) -> None:
    """Events wait for `poll`, which says how many it has handled."""
    core.start(program(
        "core.listen('a', lambda event: print('event', event.payload))",
        "print(core.invoke('first'))",
        "while core.statistics().waiting < 2: core.ping()",
        "print(core.poll(), core.poll(), core.poll(0.01))",
    ))  # fmt: skip
    core.grant()
    core.expect("call")
    core.event("a", 1)
    core.event("a", 2)
    core.send(["result", 1, "answer"])
    while (message := core.message())[0] == "ping":
        core.send(["pong", message[1]])
    core.send(["bye", message[1]])
    assert core.exit_status() == 0
    assert core.printed() == "answer\nevent 1\nevent 2\n2 0 0\n"


def test_poll_waits_for_the_first_event(core: Any) -> None:
    """For ever if so told, and no longer than until `stop`."""
    core.start(
        program(
            "core.listen('a', print)", "core.ready()", "print(core.poll(None))", "print(core.poll(None), core.stopping)"
        )
    )
    core.grant()
    core.expect("ready")
    core.event("a")
    core.until_printed("1\n")
    core.send(["stop", {"grace": 10}])
    assert core.farewell() == 0
    assert core.printed().splitlines()[-1] == "0 True"


def test_missed_events_are_counted(core: Any) -> None:
    """A gap in the numbers, drops that the core tells of, and what did not fit into the queue."""
    core.start(program(
        "core.listen('a', lambda event: print(event.seq))",
        "core.invoke('go')",
        "while core.statistics().events < 4 or core.missed != 5: core.ping()",
        "print(core.poll(), core.missed)",
    ).replace("connect()", "connect(queue=2)"))  # fmt: skip
    core.grant()
    core.expect("call")
    for seq in (1, 3, 4, 5):
        core.event("a", seq=seq)
    core.send(["missed", 7.0], ["result", 1, None])
    while (message := core.message())[0] == "ping":
        core.send(["pong", message[1]])
    core.send(["bye", message[1]])
    assert core.exit_status() == 0
    assert core.printed() == "1\n3\n2 5\n"


def test_error_of_a_handler_ends_the_worker_in_order(core: Any) -> None:
    """It comes out of `run` with its traceback; the leave is taken all the same, and the status is 1."""
    core.start(program("core.listen('a', lambda event: 1 / 0)", "core.run()"))
    core.grant()
    core.expect("ready")
    core.event("a")
    assert core.farewell() == 1
    assert "ZeroDivisionError" in core.said()


def test_handler_may_invoke_but_not_run(core: Any) -> None:
    """A handler may use the connection; events inside a handler would come out of order."""
    core.start(program(
        "def handle(event):",
        "    print(core.invoke('echo', n=event.payload))",
        "    try: core.poll()",
        "    except RuntimeError: print('no poll in a handler')",
        "core.listen('a', handle)",
        "core.run()",
    ))  # fmt: skip
    core.grant()
    core.expect("ready")
    core.event("a", 1)
    core.event("a", 2)
    for number in (1, 2):
        assert core.expect("call") == ["call", number, "echo", {"n": number}]
        core.send(["result", number, number])
    core.until_printed("2\nno poll")
    core.send(["stop", {"grace": 10}])
    assert core.farewell() == 0


def test_emits_are_numbered_and_counted_in_the_bye(core: Any) -> None:
    """To everyone or to one worker; the payload stands by position."""
    core.start(program(
        "core.emit('editor/opened', {'name': 'todo'})",
        "core.emit('editor/closed')",
        "core.emit('editor/opened', [1], to='reporter')",
        "for name in ('core:worker/ready', 'notes/changed'):",
        "    try: core.emit(name)",
        "    except NotAllowed as error: print(error.code)",
    ), grants={"emit": {"allow": ["editor/*"], "deny": []}})  # fmt: skip
    assert core.emitted() == ("editor/opened", [1, {"name": "todo"}])
    assert core.emitted() == ("editor/closed", [2, None])
    assert core.emitted() == ("editor/opened", [3, [1], {"to": "reporter"}])
    assert core.farewell(emitted=3) == 0
    assert core.printed() == "not_allowed\nnot_allowed\n"


def test_emit_that_the_core_did_not_handle_is_told(core: Any) -> None:
    """What was lost at the end is never silent."""
    core.start(program("core.emit('a')"))
    assert core.expect("bye") == ["bye", {"emitted": 1}]
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0
    assert "0 of 1 emits" in core.said()


def test_nothing_emitted_at_once_is_lost(core: Any) -> None:
    """`connect` returns only when the core has subscribed; many emits before the end all arrive, in order."""
    core.start(program("for n in range(3000): core.emit('a', n)"))
    assert [core.emitted()[1] for _ in range(3000)] == [[n + 1, n] for n in range(3000)]
    assert core.farewell(emitted=3000) == 0


def test_emits_wait_for_a_core_that_does_not_read(core: Any) -> None:
    """Nothing is dropped and the memory is bounded: the worker waits, and still answers pings."""
    core.start(program("for n in range(3000): core.emit('a', b'x' * 2000)", "print('emitted')"))
    core.send(["ping", 1])
    core.expect("pong")
    core.send(["ping", 2])
    core.expect("pong")
    assert core.printed() == ""
    for seq in range(1, 3001):
        assert core.emitted()[1][0] == seq
    assert core.farewell(emitted=3000) == 0


def test_worker_that_only_emits_answers_pings_and_ends_with_its_lifeline(core: Any, until: Any) -> None:
    """Though there is always room, so that it never waits in the stub."""
    core.start(program("while True: core.emit('a'); time.sleep(0.0005)"))
    core.send(["ping", 7])

    def has_answered() -> bool:
        while core.emits.poll(0):
            core.emits.recv()
        return bool(core.commands.poll(0))

    until(has_answered)
    assert core.expect("pong") == ["pong", 7]
    core.end_lifeline()
    assert core.exit_status() == 0


def test_room_that_came_before_the_wait_for_it_ends_it(core: Any) -> None:
    """Its descriptor tells of room once: whatever asks the socket before going to sleep would take just that."""
    core.start(program(
        "import select, signal",
        "from stockade_frontend.link import descriptor",
        "endpoint, turns = core._endpoint, core._turns",
        "core.ping()",
        "while endpoint.emit(core._session.prepare_emit('a', b'x' * 5000, None)): pass",
        "print('full')",
        "print(select.select([descriptor(endpoint.link.emits)], [], [], 20)[0] != [])",
        "signal.alarm(10)",
        "turns.room_for_emits()",
        "print('room')",
        "os._exit(0)",
    ))  # fmt: skip
    assert core.expect("ping") == ["ping", 1]
    core.send(["pong", 1])
    core.until_printed("full")
    while "True" not in core.printed():
        assert core.emits.poll(20_000) or "True" in core.printed()
        if core.emits.poll(0):
            core.emits.recv()
    assert core.exit_status() == 0
    assert core.printed() == "full\nTrue\nroom\n"


def test_calls_wait_for_a_core_that_does_not_read(core: Any) -> None:
    """Large batches that libzmq does not take are sent when there is room, each once and in order."""
    core.start(program(
        "calls = [core.call('echo', n=n, text='t' * 60_000) for n in range(300)]",
        "print(sum(call.result() for call in calls))",
    ), limits={"message": 70_000})  # fmt: skip
    assert core.serve({"echo": lambda n, text: n}) == ["bye", {"emitted": 0}]
    core.send(["bye", {"emitted": 0}])
    assert core.exit_status() == 0
    assert core.printed() == f"{sum(range(300))}\n"
    assert sum(core.batches) == 302


# -- whose it is ------------------------------------------------------------------------------------------------------


def test_use_from_another_thread_is_refused(core: Any) -> None:
    """With ZeroMQ it would be a crash; the connection stays usable where it belongs."""
    core.start(program(
        "def other():",
        "    for use in (lambda: core.invoke('a'), lambda: core.emit('a'), lambda: core.poll(), core.close):",
        "        try: use()",
        "        except WrongThread: print('wrong thread')",
        "thread = threading.Thread(target=other); thread.start(); thread.join()",
        "print(core.invoke('echo'))",
    ))  # fmt: skip
    core.expect("call")
    core.send(["result", 1, "right"])
    assert core.farewell() == 0
    assert core.printed() == "wrong thread\n" * 4 + "right\n"


def test_use_after_fork_is_refused_in_the_child(core: Any) -> None:
    """The child ends without touching its parent's connection."""
    core.start(program(
        "child = os.fork()",
        "if child == 0:",
        "    try: core.invoke('a')",
        "    except WrongThread: print('child refused'); sys.exit(5)",
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), core.invoke('echo'))",
    ))  # fmt: skip
    core.expect("call")
    core.send(["result", 1, "parent"])
    assert core.farewell() == 0
    assert core.printed() == "child refused\n5 parent\n"


def test_closed_connection_says_so(core: Any) -> None:
    """Closing twice is nothing; using it is the worker's bug, and so is connecting twice."""
    core.start(program(
        "core.close(); core.close()",
        "try: core.invoke('a')",
        "except Closed as error: print(error)",
        "try: connect()",
        "except RuntimeError as error: print(error)",
    ))  # fmt: skip
    assert core.farewell() == 0
    assert "has been closed" in core.printed()
    assert "has connected before" in core.printed()


def test_leaving_a_core_that_does_not_answer_takes_two_seconds(core: Any) -> None:
    """The worker ends all the same, and says why it took so long."""
    core.start(program("began = time.monotonic()", "core.close()", "print(1.9 < time.monotonic() - began < 10)"))
    core.expect("bye")
    assert core.exit_status() == 0
    assert core.printed() == "True\n"
    assert "has not answered bye" in core.said()


def test_stopped_core_does_not_fill_the_worker(core: Any) -> None:
    """Calls with a time limit fail in time, those above the limit of calls never go; nothing grows."""
    core.start(program(
        "print('go'); sys.stdin.read()",
        "seen = []",
        "for n in range(60):",
        "    try: core.options(timeout=0.002).invoke('echo', text='t' * 10_000)",
        "    except CommandError as error: seen.append(error.code)",
        "print(seen.count('deadline_exceeded'), core.statistics().calls, core.statistics().pending)",
    ), limits={"calls": 40})  # fmt: skip
    core.until_printed("60 40 40")
    messages = [core.message() for _ in range(80)]
    assert [verb for verb, *_ in messages].count("cancel") == 40
    assert core.farewell() == 0


def test_worker_that_computes_sees_stop_when_it_asks(core: Any) -> None:
    """`stopping` looks at the sockets."""
    core.start(program("while not core.stopping: pass", "print('stopping')"))
    core.send(["stop", {"grace": 100}])
    assert core.farewell() == 0


def test_killed_worker_leaves_no_thread_behind(core: Any) -> None:
    """SIGTERM ends it at once: nothing in the stub holds a signal up."""
    core.start(program("core.run()"))
    core.expect("ready")
    os.kill(core.worker.pid, signal.SIGTERM)
    assert core.exit_status() == -signal.SIGTERM
