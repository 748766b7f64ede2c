"""Calls that a worker answers, without a socket: exports, one answer each, cancels, deadlines, what is nested."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from stockade_frontend.aio_handling import Handlers
from stockade_frontend.asking import Manner
from stockade_frontend.channels import Receiver, Sender
from stockade_frontend.errors import (
    Cancelled,
    CommandError,
    CoreBroken,
    DeadlineExceeded,
    EncodeError,
    Failed,
    TooLarge,
)
from stockade_frontend.handled import Export, Handled


def exporting(core: Any, *names: str, view: bool = False) -> Any:
    """The calls of a session that exports these."""
    for name in names or ("thumbs.make",):
        core.session.handled.export(name, Export(print, 1, False, view))
    core.session.ready()
    core.heard()
    return core.session.handled


def asked(core: Any, options: dict[str, Any] | None = None, ident: int = 1, now: float = 0.0) -> Handled:
    """A call of the core's that has begun to be handled."""
    core.says(["call", ident, "thumbs.make", {"n": ident}, options or {}], now=now)
    handled: Handled = core.session.handled.begin()
    assert handled.id == ident
    return handled


# -- exporting --------------------------------------------------------------------------------------------------------


def test_exports_are_said_with_ready(pure_core: Any) -> None:
    """A worker without any says nothing of them."""
    core = pure_core()
    core.session.handled.export("thumbs.make", Export(print, 4, True, False))
    core.session.ready()
    assert core.heard() == [["ready", {"exports": {"thumbs.make": {"concurrency": 4, "idempotent": True}}}]]
    other = pure_core()
    other.session.ready()
    assert other.heard() == [["ready"]]


@pytest.mark.parametrize(
    ("name", "concurrency", "wrong"), [("", 1, "name"), ("n" * 129, 1, "name"), ("thumbs.make", 0, "concurrency")]
)
def test_what_cannot_be_exported_is_the_workers_bug(pure_core: Any, name: str, concurrency: int, wrong: str) -> None:
    """ValueError, before anything is said; so is a name twice."""
    calls = pure_core().session.handled
    with pytest.raises(ValueError, match=wrong):
        calls.export(name, Export(print, concurrency, False, False))
    calls.export("twice", Export(print, 1, False, False))
    with pytest.raises(ValueError, match="already"):
        calls.export("twice", Export(print, 1, False, False))


# -- answering --------------------------------------------------------------------------------------------------------


def test_calls_are_begun_in_order_and_answered_in_any(pure_core: Any) -> None:
    """Each once; a second answer is not said."""
    core = pure_core()
    calls = exporting(core)
    core.says(["call", 1, "thumbs.make", {"n": 1}], ["call", 2, "thumbs.make", {"n": 2}, {"caller": "editor"}])
    first, second = calls.begin(), calls.begin()
    assert [(one.arguments, one.caller) for one in (first, second)] == [({"n": 1}, "core"), ({"n": 2}, "editor")]
    calls.fail(second, CommandError("taken", {"by": "x"}, code="thumbs.locked"))
    calls.result(first, {"size": 3})
    calls.result(first, "again")
    calls.fail(first, Failed("again"))
    assert core.heard() == [
        ["error", 2, {"code": "thumbs.locked", "message": "taken", "data": {"by": "x"}}],
        ["result", 1, {"size": 3}],
    ]
    assert (len(calls), core.session.statistics().handled) == (0, 2)


def test_command_that_is_not_exported_is_not_found(pure_core: Any) -> None:
    """The core should know; the worker goes on."""
    core = pure_core()
    exporting(core)
    core.says(["call", 1, "other", {}])
    ((verb, ident, error),) = core.heard()
    assert (verb, ident, error["code"]) == ("error", 1, "not_found")
    assert core.session.handled.begin() is None


@pytest.mark.parametrize(
    ("value", "code", "raised"),
    [({1}, "failed", EncodeError), ("t" * 20_000, "too_large", TooLarge), (bytes(20_000), "too_large", TooLarge)],
)
def test_result_that_cannot_be_sent_is_an_error_for_both(
    pure_core: Any, value: Any, code: str, raised: type[Exception]
) -> None:
    """The caller has an answer, the worker a reason."""
    core = pure_core(message=10_000)
    calls = exporting(core)
    with pytest.raises(raised):
        calls.result(asked(core), value)
    assert core.heard()[0][2]["code"] == code


def test_raw_results_and_arguments(pure_core: Any) -> None:
    """Copies unless the export wants views."""
    large = bytes(20_000)
    for view, kind in ((False, bytes), (True, memoryview)):
        core = pure_core()
        calls = exporting(core, view=view)
        core.says(["call", 1, "thumbs.make", {"n": 1}, {"raw": {"data": 1}}], raw=[memoryview(large)])
        handled = calls.begin()
        assert type(handled.arguments["data"]) is kind
        calls.result(handled, handled.arguments["data"])
        assert core.heard() == [["result", 1, None, {"raw": 1}], large]


# -- stopping ---------------------------------------------------------------------------------------------------------


def test_cancelled_call_is_told_and_still_answered_once(pure_core: Any) -> None:
    """By whatever its handler makes of it; the cancel of what is answered is ignored."""
    core = pure_core()
    calls = exporting(core)
    handled, told = asked(core), []
    handled.when_stopped = lambda: told.append("stop")
    core.says(["cancel", 1], ["cancel", 1])
    assert isinstance(handled.stopped, Cancelled)
    assert told == ["stop"]
    calls.result(handled, "crossed")
    core.says(["cancel", 1])
    assert core.heard() == [["result", 1, "crossed"]]


def test_call_that_is_cancelled_before_it_begins_never_runs(pure_core: Any) -> None:
    """It is answered at once."""
    core = pure_core()
    calls = exporting(core)
    core.says(["call", 1, "thumbs.make", {}], ["call", 2, "thumbs.make", {}], ["cancel", 1])
    ((verb, ident, error),) = core.heard()
    assert (verb, ident, error["code"]) == ("error", 1, "cancelled")
    assert calls.begin().id == 2


def test_deadline_is_kept_here_whatever_the_handler_does(pure_core: Any) -> None:
    """The late result is for nobody."""
    core = pure_core()
    calls = exporting(core)
    handled, told = asked(core, {"deadline": 500}, now=10.0), []
    handled.when_stopped = lambda: told.append("stop")
    assert core.session.timers.next() == 10.5
    core.session.wake(10.5)
    assert isinstance(handled.stopped, DeadlineExceeded)
    calls.result(handled, "late")
    ((verb, ident, error),) = core.heard()
    assert (verb, ident, error["code"], told) == ("error", 1, "deadline_exceeded", ["stop"])


def test_call_without_any_time_left_does_not_run(pure_core: Any) -> None:
    """It is answered at once; one with `null` has all the time."""
    core = pure_core()
    calls = exporting(core)
    core.says(["call", 1, "thumbs.make", {}, {"deadline": 0}], ["call", 2, "thumbs.make", {}, {"deadline": None}])
    assert core.heard()[0][2]["code"] == "deadline_exceeded"
    assert calls.begin().deadline is None


# -- nested calls -----------------------------------------------------------------------------------------------------


def nested(core: Any, handled: Handled) -> Any:
    asking = Manner().asking(0.0)
    asking.parent = handled
    return core.session.call("echo", {}, asking)


def test_nested_call_names_its_parent_and_ends_with_it(pure_core: Any) -> None:
    """Its place stays taken until the core has answered; the others go on."""
    core = pure_core()
    exporting(core)
    handled = asked(core)
    inner, outer = nested(core, handled), core.session.call("echo", {})
    assert [message[4:] for message in core.heard()] == [[{"parent": 1}], []]
    assert core.says(["cancel", 1]) == [inner]
    assert core.heard() == [["cancel", 1]]
    with pytest.raises(Cancelled):
        inner.result()
    assert core.says(["error", 1, {"code": "cancelled", "message": ""}], ["result", 2, "on"]) == [outer]


def test_nested_call_of_what_should_not_go_on_is_not_made(pure_core: Any) -> None:
    """It raises why: the cancel, or the deadline."""
    for stop, error in (
        (lambda core: core.says(["cancel", 1]), Cancelled),
        (lambda core: core.session.wake(9.0), DeadlineExceeded),
    ):
        core = pure_core()
        exporting(core)
        handled = asked(core, {"deadline": 5000})
        stop(core)
        core.heard()
        with pytest.raises(error):
            nested(core, handled)
        assert core.heard() == []


def test_nested_call_that_is_put_off_ends_with_its_parent(pure_core: Any) -> None:
    """And one that waits for room does."""
    core = pure_core(calls=1)
    exporting(core)
    handled = asked(core)
    first, second = nested(core, handled), nested(core, handled)
    core.says(["error", 1, {"code": "busy", "message": ""}])
    core.heard()
    core.session.wake(0.0)
    assert set(core.says(["cancel", 1])) >= {first, second}
    core.session.wake(10.0)
    assert [message[0] for message in core.heard()] in ([], ["cancel"])


# -- channels of the core's calls -------------------------------------------------------------------------------------


def test_channels_of_the_core_have_even_ids(pure_core: Any) -> None:
    """What the worker receives is granted at once; what it sends has the credit that came."""
    core = pure_core()
    exporting(core)
    offers = {"rows": {"id": 4, "to": "callee", "credit": 9}, "lines": {"id": 2, "to": "caller", "credit": 3}}
    handled = asked(core, {"channels": offers})
    rows, lines = handled.ends["rows"], handled.ends["lines"]
    assert isinstance(rows, Receiver)
    assert isinstance(lines, Sender)
    assert core.heard() == [["credit", 4, 64]]
    assert lines.credit == 3
    core.says(["item", 4, "row"])
    assert list(rows.items) == ["row"]


def test_error_answer_ends_the_channels_and_a_result_does_not(pure_core: Any) -> None:
    """An error without a word more; what a command yields has its end before it."""
    core = pure_core()
    calls = exporting(core)
    offers = {"yield": {"id": 2, "to": "caller", "credit": 1}, "lines": {"id": 4, "to": "caller", "credit": 1}}
    handled = asked(core, {"channels": offers})
    calls.fail(handled, Failed("no"))
    assert [message[:2] for message in core.heard()] == [["end", 2], ["error", 1]]
    assert all(end.over for end in handled.ends.values())
    other = asked(core, {"channels": {"lines": {"id": 6, "to": "caller", "credit": 1}}}, ident=2)
    calls.result(other, None)
    assert not other.ends["lines"].over


FAULTS: dict[str, list[Any]] = {
    "an id that does not rise": ["call", 1, "thumbs.make", {}],
    "a call without arguments": ["call", 2, "thumbs.make"],
    "arguments that are no map": ["call", 2, "thumbs.make", []],
    "an odd channel": ["call", 2, "thumbs.make", {}, {"channels": {"a": {"id": 3, "to": "caller"}}}],
    "channel 0": ["call", 2, "thumbs.make", {}, {"channels": {"a": {"id": 0, "to": "caller"}}}],
    "a channel to nowhere": ["call", 2, "thumbs.make", {}, {"channels": {"a": {"id": 2, "to": "there"}}}],
    "an argument in two places": ["call", 2, "thumbs.make", {"a": 1}, {"channels": {"a": {"id": 2, "to": "caller"}}}],
    "a raw argument without a frame": ["call", 2, "thumbs.make", {}, {"raw": {"a": 1}}],
    "a deadline that is a text": ["call", 2, "thumbs.make", {}, {"deadline": "soon"}],
    "a cancel of no call": ["cancel", 2],
    "a cancel of call 0": ["cancel", 0],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_core_may_not_ask_breaks_it(pure_core: Any, fault: str) -> None:
    """Call 1 is in flight."""
    core = pure_core()
    exporting(core)
    asked(core)
    with pytest.raises(CoreBroken):
        core.says(FAULTS[fault])


def test_a_call_with_an_option_that_insists_is_answered_and_not_run(pure_core: Any) -> None:
    """The option is not known here, and the core wants it to be: bad_message, as the core answers it."""
    core = pure_core()
    calls = exporting(core)
    core.says(["call", 1, "thumbs.make", {}, {"!later": 1}])
    assert calls.begin() is None
    ((verb, number, error),) = core.heard()
    assert (verb, number, error["code"]) == ("error", 1, "bad_message")


def test_channel_of_the_core_twice_breaks_it(pure_core: Any) -> None:
    """Ids rise from call to call, and are not used again."""
    core = pure_core()
    exporting(core)
    asked(core, {"channels": {"a": {"id": 4, "to": "caller"}}})
    core.session.channels.finish(next(iter(core.session.channels._open.values())))
    with pytest.raises(CoreBroken):
        core.says(["call", 2, "thumbs.make", {}, {"channels": {"a": {"id": 2, "to": "caller"}}}])


# -- the asyncio face -------------------------------------------------------------------------------------------------


def test_a_task_that_is_cancelled_before_it_begins_is_answered(pure_core: Any) -> None:
    """None of its code has run, and none of it will: else the call would keep its place for ever."""
    core = pure_core()
    exporting(core)

    async def main() -> None:
        endpoint = SimpleNamespace(session=core.session, over=None)
        reactions: Any = SimpleNamespace(endpoint=endpoint, loop=asyncio.get_running_loop(), soon=lambda: None)
        core.says(["call", 1, "thumbs.make", {}])
        Handlers().begin(reactions)
        core.says(["cancel", 1])
        for _ in range(3):  # turns of the loop: the task's end, and what that calls
            await asyncio.sleep(0)

    asyncio.run(main())
    (answer,) = core.heard()
    assert (*answer[:2], answer[2]["code"]) == ("error", 1, "cancelled")


def test_what_interrupts_a_task_is_no_result(pure_core: Any) -> None:
    """A handler that raises what is no Exception has not returned None."""
    core = pure_core()
    exporting(core)

    def interrupted() -> None:
        raise GeneratorExit

    async def main() -> None:
        endpoint = SimpleNamespace(session=core.session, over=None)
        reactions: Any = SimpleNamespace(endpoint=endpoint, loop=asyncio.get_running_loop(), soon=lambda: None)
        core.session.handled.exports["thumbs.make"] = Export(interrupted, 1, False, False)
        core.says(["call", 1, "thumbs.make", {}])
        Handlers().begin(reactions)
        (task,) = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    (answer,) = core.heard()
    assert (*answer[:2], answer[2]["code"]) == ("error", 1, "cancelled")
