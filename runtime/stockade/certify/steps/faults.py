"""A core that breaks the protocol: the worker says so on standard error, and exits with status 70.

Each step is a start of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import cbor2

from stockade.certify import asking, endings, flow, news
from stockade.certify.life import Life
from stockade.certify.scene import PLAIN
from stockade.certify.step import Steps
from stockade.core.wire.happenings import Hello

__all__ = ["ALL"]

faults = Steps("core-faults", "6")

#: Stands for the number of the call that waits for its answer.
WAITING = object()
#: What the core says while a call of the worker's waits for its answer.
_SAID: dict[str, tuple[str, Any]] = {
    "no-batch": ("a frame that is no array", {}),
    "empty-batch": ("a batch of no message", []),
    "empty-message": ("a message of nothing", [[]]),
    "unknown-verb": ("a verb that there is not", [["frobnicate", 1]]),
    "worker-verb": ("a verb that is a worker's", [["ready"]]),
    "welcome-twice": ("welcome once more", [["welcome", PLAIN.welcome(1)]]),
    "unknown-answer": ("an answer to a call that was never made", [["result", 77, None]]),
    "second-answer": ("a second answer to a call", [["result", WAITING, None], ["result", WAITING, None]]),
    "missing-value": ("a result without a value", [["result", WAITING]]),
    "error-no-code": ("an error without a code", [["error", WAITING, {"message": "no"}]]),
    "insisting-result": ("a result with an unknown option that begins with !", [["result", WAITING, 1, {"!later": 1}]]),
    "unknown-item": ("an item on a channel that was never opened", [["item", 1, None]]),
    "unknown-credit": ("credit for a channel that was never opened", [["credit", 1, 1]]),
    "unknown-cancel": ("cancel of a call that was never made", [["cancel", 1]]),
    "ping-text": ("a ping whose number is a text", [["ping", "1"]]),
    "negative-number": ("a ping whose number is negative", [["ping", -1]]),
    "fractional-number": ("a ping whose number is no whole one", [["ping", 1.5]]),
    "unknown-subscription": ("an answer to a subscription that was never made", [["listening", "certify/none|"]]),
    "raw-missing": ("a raw frame that is not there", [["result", WAITING, None, {"raw": 1}]]),
    "raw-zero": ("the index 0 for a raw frame", [["result", WAITING, None, {"raw": 0}]]),
}


def _said(batch: Any, *raw: bytes) -> Callable[[Life], Awaitable[None]]:
    async def play(life: Life) -> None:
        await life.begin()
        life.task("invoke", command="certify.faults", arguments={})
        call = await life.call("certify.faults")
        life.send(cbor2.dumps(_numbered(batch, call.id)), *raw)
        await endings.breaks(life)

    return play


def _numbered(value: Any, number: int) -> Any:
    """The same with the number of the call that waits in the place of `WAITING`."""
    if isinstance(value, list):
        return [_numbered(item, number) for item in value]
    return number if value is WAITING else value


for name, (what, batch) in _SAID.items():
    faults.add(name, f"Refuse {what}.", _said(batch))
faults.add("raw-unasked", "Refuse a raw frame that no message refers to.", _said([["result", WAITING, None]], b"frame"))
faults.add(
    "raw-twice",
    "Refuse a raw frame that is referred to twice.",
    _said([["result", WAITING, None, {"raw": 1}], ["result", 77, None, {"raw": 1}]], b"frame"),
)
faults.add(
    "raw-and-value",
    "Refuse a result that is raw and has a value too.",
    _said([["result", WAITING, 5, {"raw": 1}]], b"x"),
)


async def _answers(life: Life, *messages: Any) -> None:
    """Answer hello with this, and see the worker end."""
    await life.start()
    await life.hear(Hello, "hello, as the first message")
    life.say(*messages)
    await endings.breaks(life)


@faults.step("early-result")
async def early_result(life: Life) -> None:
    """Refuse anything but welcome, refused and breach for an answer to hello."""
    await _answers(life, ["result", 1, None])


@faults.step("another-welcome")
async def another_welcome(life: Life) -> None:
    """Refuse a welcome that is meant for another worker."""
    await _answers(life, ["welcome", PLAIN.but(label="another").welcome(life.stage.lives)])


@faults.step("over-credit", "stream", section="5, Channels")
async def over_credit(life: Life) -> None:
    """Refuse an item for which there is no credit."""
    await life.begin()
    life.task("stream", command="certify.stream", arguments={})
    call = await life.call("certify.stream")
    channel = flow.offer_of(call, "yield", "caller").id
    # Far more than there is credit for, in one batch as far as that goes: a worker may take while it reads.
    items = [["item", channel, 1]] * (flow.room(life, channel) + 900)
    for first in range(0, len(items), 1000):
        life.say(*items[first : first + 1000])
    await endings.breaks(life)


@faults.step("call-again", "exports", section="5, Calls")
async def call_again(life: Life) -> None:
    """Refuse a call whose id is not above the one before."""
    await life.begin()
    life.task("serve")
    call = asking.call_of(life, "echo.value", {"value": 1})
    life.say(call)
    await asking.answer_of(life, call[1])
    life.say(call)
    await endings.breaks(life)


def _event(frame: bytes) -> Callable[[Life], Awaitable[None]]:
    async def play(life: Life) -> None:
        await life.begin()
        life.task("listen", topic="certify/faults")
        await news.subscription(life, "certify/faults|")
        life.link.grant("certify/faults")  # whatever begins so
        life.say(["listening", "certify/faults|"])
        await life.reports({})
        life.task("events", count=1)
        life.send(frame, socket="events")
        await endings.breaks(life)

    return play


events = Steps("core-faults", "7", needs=("events",))
ALL = (faults, events)
for name, what, body in (
    ("event-tag", "an event whose payload is a tag", b"\x83\x01\x64core\xc0\x61a"),
    ("event-zero", "an event with the number 0", cbor2.dumps([0, "core", None])),
    ("event-short", "an event without a payload", cbor2.dumps([1, "core"])),
    ("event-trailing", "an event with bytes behind it", cbor2.dumps([1, "core", None]) + b"\x00"),
):
    events.add(name, f"Refuse {what}.", _event(b"certify/faults|" + body))
