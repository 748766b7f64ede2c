"""Calls that the worker makes: their results and errors, in any order and any batch, with what is unknown ignored."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from typing import Any

import cbor2

from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import ANYTHING, Error
from stockade.certify.step import Steps
from stockade.core.wire.happenings import Call
from stockade.errors import Code

__all__ = ["ALL"]

calls = Steps("calls", "5, Calls", walk="calls")
errors = Steps("errors", "5, Codes of errors", walk="calls")
ALL = (calls, errors)


@calls.step("result")
async def result(life: Life) -> None:
    """Take the result of a call, null and empty ones too."""
    values: list[Any] = ["text", None, False, 0, "", [], {}]
    for value in values:
        call = await life.invoked("certify.result", {"value": value})
        life.answer(call, value)
        await life.reports({"value": value})


@calls.step("large-result")
async def large_result(life: Life) -> None:
    """Take a result of half a megabyte."""
    call = await life.invoked("certify.large")
    life.answer(call, "x" * 500_000)
    await life.reports({"value": "x" * 500_000})


@calls.step("unknown-options", section="5")
async def unknown_options(life: Life) -> None:
    """Ignore options of a result that are unknown, and elements behind those that its verb defines."""
    call = await life.invoked("certify.further")
    life.say(life.result(call, 1, {"later": [1]}, "further", None))
    await life.reports({"value": 1})


@calls.step("unknown-keys", section="5")
async def unknown_keys(life: Life) -> None:
    """Ignore keys of an error that are unknown, and elements behind it."""
    call = await life.invoked("certify.further")
    life.say([*life.refusal(call, "failed", "so", later=1, retry={}), "further"])
    await life.reports({"error": Error("failed", "so")})


@calls.step("float-ids", section="4")
async def float_ids(life: Life) -> None:
    """Take a float of 16, 32 or 64 bits for the id that it is."""
    for width, head in (("e", b"\xf9"), ("f", b"\xfa"), ("d", b"\xfb")):
        call = await life.invoked("certify.float")
        number = head + struct.pack(f">{width}", call.id)
        life.judge.conversation.answer(call.id)
        life.send(b"\x81\x83" + cbor2.dumps("result") + number + cbor2.dumps(width))
        await life.reports({"value": width})


async def begun(life: Life, count: int, command: str) -> list[Call]:
    """Have the worker begin so many calls; they must all be in flight together."""
    life.task("calls", command=command, each=[{"number": number} for number in range(count)])
    made = [await life.call(command) for _ in range(count)]
    life.same([call.arguments.get("number") for call in made], list(range(count)), "the calls, in their order")
    return made


@calls.step("together", "together")
async def together(life: Life) -> None:
    """Have several calls in flight, and give each the result that has its id, in whatever order these come."""
    made = await begun(life, 5, "certify.together")
    for number in (3, 0, 4, 2, 1):
        life.answer(made[number], number * 10)
        await life.round_trip()
    await life.reports({"outcomes": [{"value": number * 10} for number in range(5)]})


@calls.step("errors-between", "together")
async def errors_between(life: Life) -> None:
    """Take results and errors in one batch, each for its own call."""
    made = await begun(life, 4, "certify.between")
    life.say(
        life.refusal(made[3], "failed", "three"),
        life.result(made[1], 1),
        life.refusal(made[0], "certify.zero", "zero", data=[0]),
        life.result(made[2], None),
    )
    outcomes = [
        {"error": Error("certify.zero", "zero", [0])},
        {"value": 1},
        {"value": None},
        {"error": Error("failed", "three")},
    ]
    await life.reports({"outcomes": outcomes})


def _batches(size: int) -> Callable[[Life], Awaitable[None]]:
    async def play(life: Life) -> None:
        count = max(size, 4)
        made = await begun(life, count, "certify.batches")
        answers = [life.result(call, number) for number, call in reversed(list(enumerate(made)))]
        for first in range(0, count, size):
            life.say(*answers[first : first + size])
        await life.reports({"outcomes": [{"value": number} for number in range(count)]})

    return play


for size in (1, 2, 64, 1024):
    calls.add(
        f"batches-of-{size}",
        f"Take the results of calls in batches of {size} message{'s' if size > 1 else ''}.",
        _batches(size),
        ["together"],
        section="5",
    )


@calls.step("in-order", section="5")
async def in_order(life: Life) -> None:
    """Handle the messages of a batch in their order: pongs come as their pings did, around the call that follows."""
    call = await life.invoked("certify.order")
    life.say(["ping", 2001], life.result(call, "a"), ["ping", 2002])
    await life.reports({"value": "a"})
    await life.pong(2002)
    require(life.pongs[-2:] == [2001, 2002], "the pongs 2001 and 2002, in this order", life.pongs[-2:])


@calls.step("idempotent", optional=True)
async def idempotent(life: Life) -> None:
    """Say of a call that it may be run twice, when the program says so."""
    call = await life.invoked("certify.idempotent", {"a": 1}, idempotent=True)
    require(call.options is not None and call.options.idempotent, "the option idempotent: true", str(call.options))
    life.answer(call, 1)
    await life.reports({"value": 1})


@calls.step("trace", optional=True)
async def trace(life: Life) -> None:
    """Send the traceparent that the program gives along with a call."""
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    call = await life.invoked("certify.trace", {"a": 1}, trace=given)
    require(
        call.options is not None and call.options.trace == given, f'the option "trace": "{given}"', str(call.options)
    )
    life.answer(call, 1)
    await life.reports({"value": 1})


@calls.step("grants", optional=True, section="8")
async def grants(life: Life) -> None:
    """Refuse a call that the grants do not allow at once, with not_allowed, and send nothing."""
    for command in ("certify.forbidden", "elsewhere.read"):
        life.task("invoke", command=command, arguments={})
        await life.reports({"error": Error("not_allowed", None, ANYTHING)})


def _code(code: str) -> Callable[[Life], Awaitable[None]]:
    async def play(life: Life) -> None:
        call = await life.invoked("certify.errors", wait=False)
        life.refuse(call, code, f"it is {code}")
        await life.reports({"error": Error(code, f"it is {code}")})

    return play


for code in Code:
    errors.add(code.value, f"Take an error of the code {code.value}.", _code(code.value))
errors.add("application", "Take an error of an application's own code.", _code("certify.locked"))
errors.add("unknown-code", "Take an error of a code that is none of this version's.", _code("a_code_of_tomorrow"))


@errors.step("data")
async def data(life: Life) -> None:
    """Keep the data of an error, whatever value it is."""
    for carried in ({"path": ["a", 0]}, [1, None], "text", 0, False, b"\x00"):
        call = await life.invoked("certify.data")
        life.refuse(call, "certify.data", "", carried)
        await life.reports({"error": Error("certify.data", "", carried)})


@errors.step("null-data")
async def null_data(life: Life) -> None:
    """Take an error whose data is null, as one without any."""
    call = await life.invoked("certify.data")
    life.say(life.refusal(call, "failed", "no data", data=None))
    await life.reports({"error": Error("failed", "no data")})
