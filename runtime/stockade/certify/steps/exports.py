"""Commands that the worker answers: values, errors, deadlines, cancels, and calls that belong to the one it handles."""

from __future__ import annotations

import asyncio
from typing import Any

from stockade.certify import asking, news
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import ANYTHING, Error, error
from stockade.certify.step import Steps
from stockade.errors import Code

__all__ = ["ALL"]

exports = Steps("exports", "5, Exports", walk="exports", needs=("exports",))
nested = Steps("nested", "5, Calls", walk="exports", needs=("exports", "nested"))
ALL = (exports, nested)


@exports.step("value")
@asking.serving
async def value(life: Life) -> None:
    """Answer a call with its handler's value."""
    values: list[Any] = [None, 0, "text", b"\x00", [1, {"a": None}], 2**63 - 1, {"": []}]
    for each in values:
        await asking.gives(life, asking.ask(life, "echo.value", {"value": each}), each)


@exports.step("many")
@asking.serving
async def many(life: Life) -> None:
    """Answer one call after the other, a hundred of them."""
    for number in range(100):
        answer = await asking.answer_of(life, asking.ask(life, "echo.value", {"value": number}, deadline=60_000))
        life.same(answer.value, number, "the result")


@exports.step("without-options")
@asking.serving
async def without_options(life: Life) -> None:
    """Answer a call that has no options."""
    life.say(asking.call_of(life, "echo.value", {"value": 1})[:4])
    answer = await asking.answer_of(life, life.judge.conversation.statistics().asked)
    life.same(answer.value, 1, "the result")


@exports.step("unknown-options")
@asking.serving
async def unknown_options(life: Life) -> None:
    """Ignore options that are unknown, a trace that is none, and elements behind the options."""
    message = asking.call_of(
        life, "echo.value", {"value": 1}, later={"a": 1}, trace="none", caller="other.2", idempotent=True
    )
    life.say([*message, "further", None])
    await asking.gives(life, message[1], 1)


@exports.step("insisting-option")
@asking.serving
async def insisting_option(life: Life) -> None:
    """Answer a call with an unknown option whose name begins with ! with bad_message, and run nothing."""
    await asking.fails_with(life, asking.ask(life, "echo.value", {"value": 1}, **{"!later": 1}), error("bad_message"))


@exports.step("float-numbers")
@asking.serving
async def float_numbers(life: Life) -> None:
    """Take floats for the id and the deadline of a call."""
    message = asking.call_of(life, "echo.value", {"value": 1}, deadline=60_000.0)
    life.say([message[0], float(message[1]), *message[2:]])
    await asking.gives(life, message[1], 1)


@exports.step("marked-argument")
@asking.serving
async def marked_argument(life: Life) -> None:
    """Take an argument whose name begins with ! for an argument: one that the command does not have."""
    await asking.fails_with(life, asking.ask(life, "echo.value", {"!value": 1}), error("invalid_args"))


@exports.step("error")
@asking.serving
async def fails(life: Life) -> None:
    """Answer a call with the error that its handler gives, its data too."""
    for code in ("certify.locked", Code.NOT_FOUND.value):
        for data in (None, {"by": ["me"]}, 0):
            said = {"code": code, "message": "as asked", "data": data}
            await asking.fails_with(life, asking.ask(life, "echo.fail", said), Error(code, "as asked", data))


@exports.step("crash")
@asking.serving
async def crash(life: Life) -> None:
    """Answer failed for a handler that crashes, and live on."""
    await asking.fails_with(life, asking.ask(life, "echo.crash", {}), Error("failed", None, ANYTHING))


@exports.step("unknown-command")
@asking.serving
async def unknown_command(life: Life) -> None:
    """Answer not_found for a command that it does not export."""
    await asking.fails_with(life, asking.ask(life, "echo.nothing", {}), error("not_found"))


@exports.step("wrong-arguments")
@asking.serving
async def wrong_arguments(life: Life) -> None:
    """Answer invalid_args where the arguments do not fit: one is missing, or one is too many."""
    for arguments in ({}, {"value": 1, "more": 2}):
        await asking.fails_with(life, asking.ask(life, "echo.value", arguments), error("invalid_args"))


@exports.step("cancelled")
@asking.serving
async def cancelled(life: Life) -> None:
    """Stop the work when its caller cancels it, and answer cancelled."""
    number = asking.ask(life, "echo.wait", {})
    await asyncio.sleep(0.02)  # both before and while it is handled it may come
    asking.cancel(life, number)
    await asking.fails_with(life, number, error("cancelled"))


@exports.step("cancelled-at-once")
@asking.serving
async def cancelled_at_once(life: Life) -> None:
    """Answer cancelled, once, a call whose cancel comes in the same batch."""
    message = asking.call_of(life, "echo.wait", {})
    life.judge.conversation.cancel_asked(message[1])
    life.say(message, ["cancel", message[1]])
    await asking.fails_with(life, message[1], error("cancelled"))
    await life.round_trip()


@exports.step("cancel-crosses")
@asking.serving
async def cancel_crosses(life: Life) -> None:
    """Ignore the cancel of a call that it has answered, and a second one."""
    number = asking.ask(life, "echo.value", {"value": 1})
    await asking.gives(life, number, 1)
    life.say(["cancel", number], ["cancel", number])
    await life.round_trip()
    life.quiet("one answer for one call")


@exports.step("deadline")
@asking.serving
async def deadline(life: Life) -> None:
    """Answer deadline_exceeded when the deadline of a call is over, and not before."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asking.fails_with(life, asking.ask(life, "echo.wait", {}, deadline=150), error("deadline_exceeded"))
    took = loop.time() - begun
    require(took >= 0.14, "deadline_exceeded after 150 ms", f"after {took * 1000:.0f} ms")


@exports.step("deadline-zero")
@asking.serving
async def deadline_zero(life: Life) -> None:
    """Run nothing of a call that has no time left: answer it deadline_exceeded."""
    await asking.fails_with(life, asking.ask(life, "echo.value", {"value": 1}, deadline=0), error("deadline_exceeded"))


@exports.step("deadline-null")
@asking.serving
async def deadline_null(life: Life) -> None:
    """Give a call whose deadline is null as long as it needs."""
    answer = await asking.answer_of(life, asking.ask(life, "echo.value", {"value": 1}, deadline=None))
    life.same(answer.value, 1, "the result")


@exports.step("calls")
@asking.serving
async def calls(life: Life) -> None:
    """Make a call in a handler, and answer with its result, or with its error."""
    number = asking.ask(life, "echo.call", {"command": "certify.inner", "arguments": {"a": 1}})
    inner = await life.call("certify.inner")
    life.same(inner.arguments, {"a": 1}, "the arguments")
    life.answer(inner, [7])
    await asking.gives(life, number, [7])
    number = asking.ask(life, "echo.call", {"command": "certify.inner", "arguments": {}})
    life.refuse(await life.call("certify.inner"), "certify.inner", "as it is", {"a": 1})
    await asking.fails_with(life, number, Error("certify.inner", "as it is", {"a": 1}))


@exports.step("emits", "emits", section="7")
@asking.serving
async def emits(life: Life) -> None:
    """Emit an event in a handler."""
    number = asking.ask(life, "echo.emit", {"event": "certify/handled", "payload": {"a": 1}})
    emit = await news.emit(life, "certify/handled")
    life.same(emit.payload, {"a": 1}, "the payload")
    await asking.gives(life, number, None)


# -- calls that are part of another -----------------------------------------------------------------------------------


async def _inner(life: Life, **options: Any) -> tuple[int, Any]:
    number = asking.ask(life, "echo.call", {"command": "certify.inner", "arguments": {}}, **options)
    inner = await life.call("certify.inner")
    parent = None if inner.options is None else inner.options.parent
    require(parent == number, f"the option parent: {number}", str(inner.options))
    return number, inner


@nested.step("parent")
@asking.serving
async def parent(life: Life) -> None:
    """Name the call that is handled as the parent of a call that its handler makes."""
    number, inner = await _inner(life)
    life.answer(inner, 1)
    await asking.gives(life, number, 1)


@nested.step("time-left")
@asking.serving
async def time_left(life: Life) -> None:
    """Give a call that is part of another no more time than is left to that one, or say nothing of it."""
    number, inner = await _inner(life, deadline=5000)
    said = inner.options.deadline
    require(not isinstance(said, int) or said <= 5000, "a deadline of 5000 ms at most, or none said", str(said))
    require(said is not None, "a deadline of 5000 ms at most, or none said", "deadline: null")
    life.answer(inner, 1)
    await asking.gives(life, number, 1)


@nested.step("cancelled-with-it")
@asking.serving
async def cancelled_with_it(life: Life) -> None:
    """When the call that it handles is cancelled, give up the calls that are part of it, and answer cancelled."""
    number, _ = await _inner(life)
    asking.cancel(life, number)
    await asking.fails_with(life, number, error("cancelled"))
    await asking.settled(life)


@nested.step("deadline-over")
@asking.serving
async def deadline_over(life: Life) -> None:
    """When the time of the call that it handles is over, answer deadline_exceeded, though a part of it is in flight."""
    number, _ = await _inner(life, deadline=150)
    await asking.fails_with(life, number, error("deadline_exceeded"))
    await asking.settled(life)
