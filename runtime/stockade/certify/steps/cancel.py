"""Calls that the worker wants no more: cancelled by its program, or because their time is over."""

from __future__ import annotations

from typing import Any

from stockade.certify.fault import require
from stockade.certify.life import NEXT, NOW, Life
from stockade.certify.matching import Matcher, error, fits
from stockade.certify.notation import written
from stockade.certify.step import Steps
from stockade.core.wire.happenings import Call, Cancel

__all__ = ["ALL"]

cancel = Steps("cancel", "5, Calls", walk="cancel", needs=("cancel",))
timeout = Steps("timeout", "5, Calls", walk="cancel", needs=("timeout",))
ALL = (cancel, timeout)


async def _cancelled(life: Life) -> Call:
    """A call that the worker has cancelled, and that is not answered."""
    life.task("cancel", command="certify.slow", arguments={})
    call = await life.call("certify.slow")
    life.answer(await life.call(NOW), None)
    await _cancel_of(life, call)
    return call


async def _cancel_of(life: Life, call: Call) -> None:
    said = await life.hear(Cancel, f"cancel of call {call.id}")
    require(said.id == call.id, f"cancel of call {call.id}", f"of call {said.id}")


def _either(value: Any) -> Matcher:
    """A report of the answer that has crossed the cancel, or of the cancel."""
    outcomes = [{"value": value}, {"error": error("cancelled")}]
    return Matcher(f"{written(value)}, or the error cancelled", lambda came: any(fits(each, came) for each in outcomes))


@cancel.step("answered")
async def answered(life: Life) -> None:
    """Cancel a call, and take the error cancelled that answers it."""
    call = await _cancelled(life)
    life.refuse(call, "cancelled")
    await life.reports({"error": error("cancelled")})


@cancel.step("result-crosses")
async def result_crosses(life: Life) -> None:
    """Take the result that has crossed the cancel, without a fault."""
    call = await _cancelled(life)
    life.answer(call, "too late")
    await life.reports(_either("too late"))
    await life.round_trip()


@cancel.step("error-crosses")
async def error_crosses(life: Life) -> None:
    """Take an error of another code that has crossed the cancel."""
    call = await _cancelled(life)
    life.refuse(call, "failed")
    await life.reports({"error": error("failed", "cancelled")})
    await life.round_trip()


@cancel.step("too-late")
async def too_late(life: Life) -> None:
    """Take the answer of a call that comes in one batch with what sets off its cancel, and go on."""
    life.task("cancel", command="certify.slow", arguments={})
    call = await life.call("certify.slow")
    now = await life.call(NOW)
    life.say(life.result(call, 7), life.result(now, None))
    await life.reports(_either(7))
    await life.round_trip()
    for heard in list(life.commands):  # the answer may have been there, and not yet been seen
        if isinstance(heard.happening, Cancel):
            life.commands.remove(heard)


@cancel.step("once")
async def once(life: Life) -> None:
    """Cancel a call once, and go on with others."""
    call = await _cancelled(life)
    life.refuse(call, "cancelled")
    await life.reports({"error": error("cancelled")})
    await life.round_trip()
    require(not life.ignored, "one cancel for one call", life.ignored)


@timeout.step("deadline")
async def deadline(life: Life) -> None:
    """Say of a call how many milliseconds it has."""
    call = await life.invoked("certify.timed", {}, timeout=5000)
    said = None if call.options is None else call.options.deadline
    require(
        isinstance(said, int) and 4000 < said <= 5000, "the option deadline, of 5000 ms or a little less", str(said)
    )
    life.answer(call, "in time")
    await life.reports({"value": "in time"})


@timeout.step("exceeded")
async def exceeded(life: Life) -> None:
    """When the time of a call is over, end it with deadline_exceeded, and cancel it."""
    call = await life.invoked("certify.timed", {}, timeout=100)
    await _cancel_of(life, call)
    life.refuse(call, "cancelled")
    await life.reports({"error": error("deadline_exceeded")})


@timeout.step("answer-crosses")
async def answer_crosses(life: Life) -> None:
    """Take the answer to a call whose time is over, without a fault, when the next call waits already."""
    call = await life.invoked("certify.timed", {}, timeout=50)
    await _cancel_of(life, call)
    await life.until(lambda: life.asked, f"a call of {NEXT}: nobody waits for the answer")
    life.answer(call, "too late")
    await life.reports({"error": error("deadline_exceeded")})
    await life.round_trip()


@timeout.step("of-the-core")
async def of_the_core(life: Life) -> None:
    """Take deadline_exceeded from the core, which keeps the deadline too."""
    call = await life.invoked("certify.timed", {}, timeout=20_000)
    life.refuse(call, "deadline_exceeded")
    await life.reports({"error": error("deadline_exceeded")})
