"""Limits that the welcome sets low, which a worker keeps to by itself; and what a core that is busy is asked again."""

from __future__ import annotations

import asyncio

from stockade.certify import news
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import error
from stockade.certify.scene import PLAIN, TIGHT
from stockade.certify.step import Steps
from stockade.core.wire.happenings import MISSING, Call

__all__ = ["ALL"]

limits = Steps("limits", "5, limits", walk="limits", scene=TIGHT)
busy = Steps("busy", "5, Codes of errors", walk="busy", needs=("retry",))
#: Calls a second, and how many are made: more than those of one second, which may all come at once.
_RATE, _COUNT = 40, 60


@limits.step("calls", "together")
async def calls(life: Life) -> None:
    """Have no more calls in flight than limits.calls, and make the others as room comes."""
    life.task("calls", command="certify.calls", each=[{"number": number} for number in range(12)])
    waiting = [await life.call("certify.calls") for _ in range(4)]
    for number in range(12):
        await life.round_trip()
        life.answer(waiting.pop(0), number)
        if number < 8:
            waiting.append(await life.call("certify.calls"))
    await life.reports({"outcomes": [{"value": number} for number in range(12)]})


@limits.step("batch", "together")
async def batch(life: Life) -> None:
    """Put no more messages into a batch than limits.batch."""
    life.batches.clear()
    life.task("calls", command="certify.batch", each=[{} for _ in range(4)])
    made = [await life.call("certify.batch") for _ in range(4)]
    life.say(*(["ping", number] for number in range(3001, 3033)))
    await life.pong(3032)
    require(max(life.batches) <= 4, "at most 4 messages in a batch", f"{max(life.batches)}")
    life.say(*(life.result(call, None) for call in made))
    await life.reports({"outcomes": [{"value": None}] * 4})


@limits.step("message")
async def message(life: Life) -> None:
    """Refuse a call over limits.message with too_large, and send nothing; one under it goes."""
    life.task("bytes", command="certify.message", argument="data", size=20_000)
    await life.reports({"error": error("too_large")})
    life.task("bytes", command="certify.message", argument="data", size=12_000)
    life.answer(await life.call("certify.message"), True)
    await life.reports({"value": True})


@limits.step("event", "emits", section="7")
async def event(life: Life) -> None:
    """Refuse an emit over limits.event with too_large, and send nothing; one under it goes."""
    life.task("emit", event="certify/large", payload="x" * 1500)
    await life.reports({"error": error("too_large")})
    life.task("emit", event="certify/large", payload="x" * 500)
    await news.emit(life, "certify/large")
    await life.reports({})


@limits.step("no-deadline", "timeout", section="5, Calls")
async def no_deadline(life: Life) -> None:
    """Say deadline null of a call that may take for ever, where limits.deadline is set; of others nothing, or less."""
    asked = life.asked
    require(
        asked is not None and asked.options is not None and asked.options.deadline is None,
        "certify.next with the option deadline: null",
        str(asked),
    )
    call = await life.invoked("certify.default")
    said = MISSING if call.options is None else call.options.deadline
    fits = said is MISSING or (isinstance(said, int) and 0 < said <= 60_000)
    require(fits, "no deadline, or one of 60000 ms at most", str(said))
    life.answer(call, None)
    await life.reports({"value": None})


async def _taken(life: Life) -> list[float]:
    loop = asyncio.get_running_loop()
    life.task("calls", command="certify.rate", each=[{} for _ in range(_COUNT)])
    times = []
    for _ in range(_COUNT):
        call: Call = await life.call("certify.rate")
        times.append(loop.time())
        life.answer(call, None)
    await life.reports({"outcomes": [{"value": None}] * _COUNT})
    return times


rate = Steps("limits", "5, limits", scene=PLAIN.but(rate=_RATE))
ALL = (limits, rate, busy)


@rate.step("rate", "together", optional=True)
async def paced(life: Life) -> None:
    """Make no more calls than limits.rate allows: those of one second at once, and the others in their time."""
    await life.begin()
    times = await _taken(life)
    took = times[-1] - times[0]
    least = (_COUNT - _RATE - 2) / _RATE  # two calls for tasks have taken their share
    require(took >= 0.8 * least, f"{_COUNT} calls in {least:.2f} s at least, at {_RATE} a second", f"{took:.2f} s")


@busy.step("again")
async def again(life: Life) -> None:
    """Make a call again, under a new id, that was busy."""
    life.task("invoke", command="certify.busy", arguments={"a": 1})
    for _ in range(3):
        call = await life.call("certify.busy")
        life.refuse(call, "busy", data={"retry_after_ms": 5})
    call = await life.call("certify.busy")
    life.same(call.arguments, {"a": 1}, "the arguments, once more")
    life.answer(call, "at last")
    await life.reports({"value": "at last"})


@busy.step("no-wait")
async def no_wait(life: Life) -> None:
    """Take busy for an answer where the program does not want to wait."""
    call = await life.invoked("certify.busy", {}, wait=False)
    life.refuse(call, "busy")
    await life.reports({"error": error("busy")})


@busy.step("until-its-time", "timeout")
async def until_its_time(life: Life) -> None:
    """Give up on a core that is busy when the time of the call is over."""
    life.task("invoke", command="certify.busy", arguments={}, timeout=150)
    life.refuse(await life.call("certify.busy"), "busy")
    while await life.until(lambda: life.commands or life.asked, "the call again, or a report") is life.commands:
        life.refuse(await life.call("certify.busy"), "busy")
    await life.reports({"error": error("deadline_exceeded", "busy")})
