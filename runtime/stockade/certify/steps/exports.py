"""Commands that the worker answers: values, errors, deadlines, cancels, and calls that belong to the one it handles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import ANYTHING, Error, error
from stockade.certify.step import Play, Steps
from stockade.core.wire.happenings import Cancel, End
from stockade.errors import Code, CommandError

__all__ = ["ALL", "fails_with", "serving"]

exports = Steps("exports", "5, Exports", walk="exports", needs=("exports",))
nested = Steps("nested", "5, Calls", walk="exports", needs=("exports", "nested"))
ALL = (exports, nested)


def serving(play: Callable[[Life], Awaitable[None]]) -> Play:
    """Around a step: the worker serves while it is played."""

    async def around(life: Life) -> None:
        life.task("serve")
        await play(life)
        await life.enough()

    around.__doc__ = play.__doc__
    return around


async def fails_with(life: Life, number: int, wanted: Error) -> None:
    """Await the answer to a call: this error. Around it the worker may end the call's channels, each with an error, and
    cancel what is part of it.
    """
    while await _is_beside_an_answer(life, f"the answer to call {number}"):
        life.commands.popleft()
    came = await life.answer_of(number)
    error = came.error
    said = (
        {"value": came.value} if error is None else {"code": error.code, "message": error.message, "data": error.data}
    )
    life.same(said, wanted, "the error")


async def _is_beside_an_answer(life: Life, wanted: str) -> bool:
    heard = await life.until(lambda: life.commands[0] if life.commands else None, wanted)
    match heard.happening:
        case Cancel(id=number):
            life.end_call(number, "cancelled")
            return True
        case End(error=CommandError()):
            return True
    return False


async def settled(life: Life) -> None:
    """Await what the worker may still say behind an error: that it cancels what was part of it."""
    await life.round_trip()
    while life.commands and isinstance(life.commands[0].happening, Cancel):
        life.commands.popleft()


@exports.step("value")
@serving
async def value(life: Life) -> None:
    """Answer a call with its handler's value."""
    values: list[Any] = [None, 0, "text", b"\x00", [1, {"a": None}], 2**63 - 1, {"": []}]
    for each in values:
        answer = await life.answer_of(life.ask("echo.value", {"value": each}))
        require(answer.error is None, "a result", str(answer.error))
        life.same(answer.value, each, "the result")


@exports.step("many")
@serving
async def many(life: Life) -> None:
    """Answer one call after the other, a hundred of them."""
    for number in range(100):
        answer = await life.answer_of(life.ask("echo.value", {"value": number}, deadline=60_000))
        life.same(answer.value, number, "the result")


@exports.step("without-options")
@serving
async def without_options(life: Life) -> None:
    """Answer a call that has no options."""
    life.say(life.asking("echo.value", {"value": 1})[:4])
    answer = await life.answer_of(life.judge.conversation.statistics().asked)
    life.same(answer.value, 1, "the result")


@exports.step("unknown-options")
@serving
async def unknown_options(life: Life) -> None:
    """Ignore options that are unknown, a trace that is none, and elements behind the options."""
    message = life.asking("echo.value", {"value": 1}, later={"a": 1}, trace="none", caller="other.2", idempotent=True)
    life.say([*message, "further", None])
    life.same((await life.answer_of(message[1])).value, 1, "the result")


@exports.step("insisting-option")
@serving
async def insisting_option(life: Life) -> None:
    """Answer a call with an unknown option whose name begins with ! with bad_message, and run nothing."""
    await fails_with(life, life.ask("echo.value", {"value": 1}, **{"!later": 1}), error("bad_message"))


@exports.step("float-numbers")
@serving
async def float_numbers(life: Life) -> None:
    """Take floats for the id and the deadline of a call."""
    message = life.asking("echo.value", {"value": 1}, deadline=60_000.0)
    life.say([message[0], float(message[1]), *message[2:]])
    life.same((await life.answer_of(message[1])).value, 1, "the result")


@exports.step("marked-argument")
@serving
async def marked_argument(life: Life) -> None:
    """Take an argument whose name begins with ! for an argument: one that the command does not have."""
    await fails_with(life, life.ask("echo.value", {"!value": 1}), error("invalid_args"))


@exports.step("error")
@serving
async def fails(life: Life) -> None:
    """Answer a call with the error that its handler gives, its data too."""
    for code in ("certify.locked", Code.NOT_FOUND.value):
        for data in (None, {"by": ["me"]}, 0):
            said = {"code": code, "message": "as asked", "data": data}
            await fails_with(life, life.ask("echo.fail", said), Error(code, "as asked", data))


@exports.step("crash")
@serving
async def crash(life: Life) -> None:
    """Answer failed for a handler that crashes, and live on."""
    await fails_with(life, life.ask("echo.crash", {}), Error("failed", None, ANYTHING))


@exports.step("unknown-command")
@serving
async def unknown_command(life: Life) -> None:
    """Answer not_found for a command that it does not export."""
    await fails_with(life, life.ask("echo.nothing", {}), error("not_found"))


@exports.step("wrong-arguments")
@serving
async def wrong_arguments(life: Life) -> None:
    """Answer invalid_args where the arguments do not fit: one is missing, or one is too many."""
    for arguments in ({}, {"value": 1, "more": 2}):
        await fails_with(life, life.ask("echo.value", arguments), error("invalid_args"))


@exports.step("cancelled")
@serving
async def cancelled(life: Life) -> None:
    """Stop the work when its caller cancels it, and answer cancelled."""
    number = life.ask("echo.wait", {})
    await asyncio.sleep(0.02)  # both before and while it is handled it may come
    life.stop_call(number)
    await fails_with(life, number, error("cancelled"))


@exports.step("cancelled-at-once")
@serving
async def cancelled_at_once(life: Life) -> None:
    """Answer cancelled, once, a call whose cancel comes in the same batch."""
    message = life.asking("echo.wait", {})
    life.judge.conversation.cancel_asked(message[1])
    life.say(message, ["cancel", message[1]])
    await fails_with(life, message[1], error("cancelled"))
    await life.round_trip()


@exports.step("cancel-crosses")
@serving
async def cancel_crosses(life: Life) -> None:
    """Ignore the cancel of a call that it has answered, and a second one."""
    number = life.ask("echo.value", {"value": 1})
    life.same((await life.answer_of(number)).value, 1, "the result")
    life.say(["cancel", number], ["cancel", number])
    await life.round_trip()
    life.quiet("one answer for one call")


@exports.step("deadline")
@serving
async def deadline(life: Life) -> None:
    """Answer deadline_exceeded when the deadline of a call is over, and not before."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await fails_with(life, life.ask("echo.wait", {}, deadline=150), error("deadline_exceeded"))
    took = loop.time() - begun
    require(took >= 0.14, "deadline_exceeded after 150 ms", f"after {took * 1000:.0f} ms")


@exports.step("deadline-zero")
@serving
async def deadline_zero(life: Life) -> None:
    """Run nothing of a call that has no time left: answer it deadline_exceeded."""
    await fails_with(life, life.ask("echo.value", {"value": 1}, deadline=0), error("deadline_exceeded"))


@exports.step("deadline-null")
@serving
async def deadline_null(life: Life) -> None:
    """Give a call whose deadline is null as long as it needs."""
    answer = await life.answer_of(life.ask("echo.value", {"value": 1}, deadline=None))
    life.same(answer.value, 1, "the result")


@exports.step("calls")
@serving
async def calls(life: Life) -> None:
    """Make a call in a handler, and answer with its result, or with its error."""
    number = life.ask("echo.call", {"command": "certify.inner", "arguments": {"a": 1}})
    inner = await life.call("certify.inner")
    life.same(inner.arguments, {"a": 1}, "the arguments")
    life.answer(inner, [7])
    life.same((await life.answer_of(number)).value, [7], "the result")
    number = life.ask("echo.call", {"command": "certify.inner", "arguments": {}})
    life.refuse(await life.call("certify.inner"), "certify.inner", "as it is", {"a": 1})
    await fails_with(life, number, Error("certify.inner", "as it is", {"a": 1}))


@exports.step("emits", "emits", section="7")
@serving
async def emits(life: Life) -> None:
    """Emit an event in a handler."""
    number = life.ask("echo.emit", {"event": "certify/handled", "payload": {"a": 1}})
    emit = await life.emit("certify/handled")
    life.same(emit.payload, {"a": 1}, "the payload")
    life.same((await life.answer_of(number)).value, None, "the result")


# -- calls that are part of another -----------------------------------------------------------------------------------


async def _inner(life: Life, **options: Any) -> tuple[int, Any]:
    number = life.ask("echo.call", {"command": "certify.inner", "arguments": {}}, **options)
    inner = await life.call("certify.inner")
    parent = None if inner.options is None else inner.options.parent
    require(parent == number, f"the option parent: {number}", str(inner.options))
    return number, inner


@nested.step("parent")
@serving
async def parent(life: Life) -> None:
    """Name the call that is handled as the parent of a call that its handler makes."""
    number, inner = await _inner(life)
    life.answer(inner, 1)
    life.same((await life.answer_of(number)).value, 1, "the result")


@nested.step("time-left")
@serving
async def time_left(life: Life) -> None:
    """Give a call that is part of another no more time than is left to that one, or say nothing of it."""
    number, inner = await _inner(life, deadline=5000)
    said = inner.options.deadline
    require(not isinstance(said, int) or said <= 5000, "a deadline of 5000 ms at most, or none said", str(said))
    require(said is not None, "a deadline of 5000 ms at most, or none said", "deadline: null")
    life.answer(inner, 1)
    life.same((await life.answer_of(number)).value, 1, "the result")


@nested.step("cancelled-with-it")
@serving
async def cancelled_with_it(life: Life) -> None:
    """When the call that it handles is cancelled, give up the calls that are part of it, and answer cancelled."""
    number, _ = await _inner(life)
    life.stop_call(number)
    await fails_with(life, number, error("cancelled"))
    await settled(life)


@nested.step("deadline-over")
@serving
async def deadline_over(life: Life) -> None:
    """When the time of the call that it handles is over, answer deadline_exceeded, though a part of it is in flight."""
    number, _ = await _inner(life, deadline=150)
    await fails_with(life, number, error("deadline_exceeded"))
    await settled(life)
