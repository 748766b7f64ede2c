"""Streams and channels of the commands that the worker answers: what it yields, receives and sends."""

from __future__ import annotations

import asyncio

from stockade.certify import asking, flow
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import Error, error
from stockade.certify.step import Steps

__all__ = ["ALL"]

yields = Steps("yields", "5, Channels", walk="export-streams", needs=("exports", "export-streams"))
ALL = (yields,)

_BROKEN = {"code": "certify.broken", "message": "it broke"}


def _begin(life: Life, command: str, n: int, credit: int, name: str = "yield") -> tuple[int, int]:
    """Call a command that sends on a channel of this name: the call's id and the channel's."""
    message = asking.call_of(life, command, {"n": n}, ends={name: ("caller", credit)})
    life.say(message)
    return message[1], message[4]["channels"][name]["id"]


async def _numbers(life: Life, channel: int, *numbers: int) -> None:
    for number in numbers:
        life.same(await flow.item_on(life, channel), number, "the item")


@yields.step("whole")
@asking.serving
async def whole(life: Life) -> None:
    """Yield items to the end, then end the stream, then answer null."""
    number, channel = _begin(life, "echo.count", 5, 100)
    await _numbers(life, channel, *range(5))
    require(await flow.end_of(life, channel) is None, "an end without an error", "one with an error")
    await asking.gives(life, number, None)


@yields.step("nothing")
@asking.serving
async def nothing(life: Life) -> None:
    """Yield nothing: an end, for which there need be no credit, and null."""
    number, channel = _begin(life, "echo.count", 0, 0)
    require(await flow.end_of(life, channel) is None, "an end without an error", "one with an error")
    await asking.gives(life, number, None)


@yields.step("credit")
@asking.serving
async def credit(life: Life) -> None:
    """Yield as many items as there is credit for, and wait for more."""
    number, channel = _begin(life, "echo.count", 8, 1)
    await _numbers(life, channel, 0)
    for first, count in ((1, 2), (3, 5)):
        await life.round_trip()
        life.quiet(f"no item beyond the credit for {first}")
        flow.grant(life, channel, count)
        await _numbers(life, channel, *range(first, first + count))
    await flow.end_of(life, channel)
    await asking.gives(life, number, None)


@yields.step("dropped")
@asking.serving
async def dropped(life: Life) -> None:
    """Stop yielding when the stream is dropped, and answer null."""
    number, channel = _begin(life, "echo.count", 1000, 3)
    await _numbers(life, channel, 0, 1, 2)
    life.say(flow.drop(life, channel))
    answer = await asking.answer_of(life, number)
    require(answer.error is None, "a result, null", str(answer.error))
    life.same(answer.value, None, "the result")


@yields.step("fails")
@asking.serving
async def fails(life: Life) -> None:
    """Answer with the error behind what was yielded; an end with an error may stand before it, one without may not."""
    number, channel = _begin(life, "echo.break", 3, 100)
    await _numbers(life, channel, 0, 1, 2)
    await asking.fails_with(life, number, Error("echo.broken", "as asked"))


@yields.step("cancelled")
@asking.serving
async def cancelled(life: Life) -> None:
    """Stop yielding when the call is cancelled, and answer cancelled."""
    number, channel = _begin(life, "echo.count", 1000, 2)
    await _numbers(life, channel, 0, 1)
    asking.cancel(life, number)
    await asking.fails_with(life, number, error("cancelled"))
    await life.round_trip()


@yields.step("deadline")
@asking.serving
async def deadline(life: Life) -> None:
    """Answer deadline_exceeded a stream that waits for credit when its time is over."""
    message = asking.call_of(life, "echo.count", {"n": 1000}, deadline=150, ends={"yield": ("caller", 1)})
    life.say(message)
    await _numbers(life, message[4]["channels"]["yield"]["id"], 0)
    await asking.fails_with(life, message[1], error("deadline_exceeded"))


@yields.step("not-asked-for")
@asking.serving
async def not_asked_for(life: Life) -> None:
    """Answer invalid_args where a command that yields is called without its stream, or another with one."""
    await asking.fails_with(life, asking.ask(life, "echo.count", {"n": 1}), error("invalid_args"))
    message = asking.call_of(life, "echo.value", {"value": 1}, ends={"yield": ("caller", 9)})
    life.say(message)
    await asking.fails_with(life, message[1], error("invalid_args"))


@yields.step("receives")
@asking.serving
async def receives(life: Life) -> None:
    """Receive on a channel to its end, giving credit for more as items are taken."""
    message = asking.call_of(life, "echo.sum", {}, ends={"items": ("callee", 0)})
    life.say(message)
    channel = message[4]["channels"]["items"]["id"]
    await flow.pour(life, channel, list(range(300)))
    life.say(flow.end(life, channel))
    await asking.gives(life, message[1], sum(range(300)))


@yields.step("receives-error")
@asking.serving
async def receives_error(life: Life) -> None:
    """Give the handler the error that its channel ends with, which is then its answer."""
    message = asking.call_of(life, "echo.sum", {}, ends={"items": ("callee", 0)})
    life.say(message)
    channel = message[4]["channels"]["items"]["id"]
    await flow.pour(life, channel, [1, 2])
    life.say(flow.end(life, channel, _BROKEN))
    await asking.fails_with(life, message[1], Error("certify.broken", "it broke"))


@yields.step("receives-cancelled")
@asking.serving
async def receives_cancelled(life: Life) -> None:
    """Stop a handler that waits for an item when its call is cancelled."""
    message = asking.call_of(life, "echo.sum", {}, ends={"items": ("callee", 0)})
    life.say(message)
    await flow.pour(life, message[4]["channels"]["items"]["id"], [1])
    await asyncio.sleep(0.02)
    asking.cancel(life, message[1])
    await asking.fails_with(life, message[1], error("cancelled"))
    await life.round_trip()


@yields.step("sends")
@asking.serving
async def sends(life: Life) -> None:
    """Send on a channel of the caller's, as its credit allows, and end it."""
    number, channel = _begin(life, "echo.send", 6, 2, "items")
    await _numbers(life, channel, 0, 1)
    await life.round_trip()
    life.quiet("no item beyond the credit for 2")
    flow.grant(life, channel, 10)
    await _numbers(life, channel, 2, 3, 4, 5)
    require(await flow.end_of(life, channel) is None, "an end without an error", "one with an error")
    await asking.gives(life, number, 6)


@yields.step("sends-dropped")
@asking.serving
async def sends_dropped(life: Life) -> None:
    """Stop sending on a channel that its receiver has dropped."""
    number, channel = _begin(life, "echo.send", 1000, 2, "items")
    await _numbers(life, channel, 0, 1)
    life.say(flow.drop(life, channel))
    await asking.answer_of(life, number)
    await life.round_trip()
