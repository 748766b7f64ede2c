"""Streams and channels of the commands that the worker answers: what it yields, receives and sends."""

from __future__ import annotations

import asyncio

from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import Error, error
from stockade.certify.step import Steps
from stockade.certify.steps.exports import fails_with, serving

__all__ = ["ALL"]

yields = Steps("yields", "5, Channels", walk="export-streams", needs=("exports", "export-streams"))
ALL = (yields,)

_BROKEN = {"code": "certify.broken", "message": "it broke"}


def _begin(life: Life, command: str, n: int, credit: int, name: str = "yield") -> tuple[int, int]:
    """Call a command that sends on a channel of this name: the call's id and the channel's."""
    message = life.asking(command, {"n": n}, ends={name: ("caller", credit)})
    life.say(message)
    return message[1], message[4]["channels"][name]["id"]


async def _numbers(life: Life, channel: int, *numbers: int) -> None:
    for number in numbers:
        life.same(await life.item_on(channel), number, "the item")


@yields.step("whole")
@serving
async def whole(life: Life) -> None:
    """Yield items to the end, then end the stream, then answer null."""
    number, channel = _begin(life, "echo.count", 5, 100)
    await _numbers(life, channel, *range(5))
    require(await life.end_of(channel) is None, "an end without an error", "one with an error")
    life.same((await life.answer_of(number)).value, None, "the result")


@yields.step("nothing")
@serving
async def nothing(life: Life) -> None:
    """Yield nothing: an end, for which there need be no credit, and null."""
    number, channel = _begin(life, "echo.count", 0, 0)
    require(await life.end_of(channel) is None, "an end without an error", "one with an error")
    life.same((await life.answer_of(number)).value, None, "the result")


@yields.step("credit")
@serving
async def credit(life: Life) -> None:
    """Yield as many items as there is credit for, and wait for more."""
    number, channel = _begin(life, "echo.count", 8, 1)
    await _numbers(life, channel, 0)
    for first, count in ((1, 2), (3, 5)):
        await life.round_trip()
        life.quiet(f"no item beyond the credit for {first}")
        life.grant(channel, count)
        await _numbers(life, channel, *range(first, first + count))
    await life.end_of(channel)
    life.same((await life.answer_of(number)).value, None, "the result")


@yields.step("dropped")
@serving
async def dropped(life: Life) -> None:
    """Stop yielding when the stream is dropped, and answer null."""
    number, channel = _begin(life, "echo.count", 1000, 3)
    await _numbers(life, channel, 0, 1, 2)
    life.say(life.drop(channel))
    answer = await life.answer_of(number)
    require(answer.error is None, "a result, null", str(answer.error))
    life.same(answer.value, None, "the result")


@yields.step("fails")
@serving
async def fails(life: Life) -> None:
    """Answer with the error behind what was yielded; an end with an error may stand before it, one without may not."""
    number, channel = _begin(life, "echo.break", 3, 100)
    await _numbers(life, channel, 0, 1, 2)
    await fails_with(life, number, Error("echo.broken", "as asked"))


@yields.step("cancelled")
@serving
async def cancelled(life: Life) -> None:
    """Stop yielding when the call is cancelled, and answer cancelled."""
    number, channel = _begin(life, "echo.count", 1000, 2)
    await _numbers(life, channel, 0, 1)
    life.stop_call(number)
    await fails_with(life, number, error("cancelled"))
    await life.round_trip()


@yields.step("deadline")
@serving
async def deadline(life: Life) -> None:
    """Answer deadline_exceeded a stream that waits for credit when its time is over."""
    message = life.asking("echo.count", {"n": 1000}, deadline=150, ends={"yield": ("caller", 1)})
    life.say(message)
    await _numbers(life, message[4]["channels"]["yield"]["id"], 0)
    await fails_with(life, message[1], error("deadline_exceeded"))


@yields.step("not-asked-for")
@serving
async def not_asked_for(life: Life) -> None:
    """Answer invalid_args where a command that yields is called without its stream, or another with one."""
    await fails_with(life, life.ask("echo.count", {"n": 1}), error("invalid_args"))
    message = life.asking("echo.value", {"value": 1}, ends={"yield": ("caller", 9)})
    life.say(message)
    await fails_with(life, message[1], error("invalid_args"))


@yields.step("receives")
@serving
async def receives(life: Life) -> None:
    """Receive on a channel to its end, giving credit for more as items are taken."""
    message = life.asking("echo.sum", {}, ends={"items": ("callee", 0)})
    life.say(message)
    channel = message[4]["channels"]["items"]["id"]
    await life.pour(channel, list(range(300)))
    life.say(life.end(channel))
    life.same((await life.answer_of(message[1])).value, sum(range(300)), "the result")


@yields.step("receives-error")
@serving
async def receives_error(life: Life) -> None:
    """Give the handler the error that its channel ends with, which is then its answer."""
    message = life.asking("echo.sum", {}, ends={"items": ("callee", 0)})
    life.say(message)
    channel = message[4]["channels"]["items"]["id"]
    await life.pour(channel, [1, 2])
    life.say(life.end(channel, _BROKEN))
    await fails_with(life, message[1], Error("certify.broken", "it broke"))


@yields.step("receives-cancelled")
@serving
async def receives_cancelled(life: Life) -> None:
    """Stop a handler that waits for an item when its call is cancelled."""
    message = life.asking("echo.sum", {}, ends={"items": ("callee", 0)})
    life.say(message)
    await life.pour(message[4]["channels"]["items"]["id"], [1])
    await asyncio.sleep(0.02)
    life.stop_call(message[1])
    await fails_with(life, message[1], error("cancelled"))
    await life.round_trip()


@yields.step("sends")
@serving
async def sends(life: Life) -> None:
    """Send on a channel of the caller's, as its credit allows, and end it."""
    number, channel = _begin(life, "echo.send", 6, 2, "items")
    await _numbers(life, channel, 0, 1)
    await life.round_trip()
    life.quiet("no item beyond the credit for 2")
    life.grant(channel, 10)
    await _numbers(life, channel, 2, 3, 4, 5)
    require(await life.end_of(channel) is None, "an end without an error", "one with an error")
    life.same((await life.answer_of(number)).value, 6, "the result")


@yields.step("sends-dropped")
@serving
async def sends_dropped(life: Life) -> None:
    """Stop sending on a channel that its receiver has dropped."""
    number, channel = _begin(life, "echo.send", 1000, 2, "items")
    await _numbers(life, channel, 0, 1)
    life.say(life.drop(channel))
    await life.answer_of(number)
    await life.round_trip()
