"""Streams and channels of calls that the worker makes: credit in both directions, and every end that there is."""

from __future__ import annotations

from typing import Any

from stockade.certify import flow
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import Error, Matcher, error
from stockade.certify.step import Steps
from stockade.core.wire.happenings import Call, Drop

__all__ = ["ALL"]

stream = Steps("stream", "5, Channels", walk="channels", needs=("stream",))
send = Steps("send", "5, Channels", walk="channels", needs=("channels",))
receive = Steps("receive", "5, Channels", walk="channels", needs=("channels",))
ALL = (stream, send, receive)

_BROKEN = {"code": "certify.broken", "message": "it broke"}
_BROKEN_ERROR = Error("certify.broken", "it broke")


# -- streams ----------------------------------------------------------------------------------------------------------


async def _streaming(life: Life, **more: Any) -> tuple[Call, int]:
    life.task("stream", command="certify.stream", arguments={"a": 1}, **more)
    call = await life.call("certify.stream")
    life.same(call.arguments, {"a": 1}, "the arguments")
    return call, flow.offer_of(call, "yield", "caller").id


@stream.step("whole")
async def whole(life: Life) -> None:
    """Receive a stream to its end, and give credit for more as items are taken."""
    call, channel = await _streaming(life)
    items = [None, 0, "text", b"\x00", [1], {"a": 1}, *range(500)]
    await flow.pour(life, channel, items)
    life.say(flow.end(life, channel), life.result(call, None))
    await life.reports({"items": items})


@stream.step("empty")
async def empty(life: Life) -> None:
    """Receive a stream of nothing."""
    call, channel = await _streaming(life)
    life.say(flow.end(life, channel), life.result(call, None))
    await life.reports({"items": []})


@stream.step("ends-with-error")
async def ends_with_error(life: Life) -> None:
    """Give all items, then the error that the stream ends with."""
    call, channel = await _streaming(life)
    await flow.pour(life, channel, [1, 2, 3])
    life.say(flow.end(life, channel, _BROKEN), life.refusal(call, **_BROKEN))
    await life.reports({"items": [1, 2, 3], "error": _BROKEN_ERROR})


@stream.step("error-ends-it")
async def error_ends_it(life: Life) -> None:
    """Give all items, then the error that answers the call: it ends the stream, and nothing more is said of that."""
    call, channel = await _streaming(life)
    await flow.pour(life, channel, [1, 2])
    life.refuse(call, **_BROKEN)
    await life.reports({"items": [1, 2], "error": _BROKEN_ERROR})
    await life.round_trip()


@stream.step("refused")
async def refused(life: Life) -> None:
    """Give the error of a stream that does not begin."""
    call, _ = await _streaming(life)
    life.refuse(call, "invalid_args", "it does not yield")
    await life.reports({"items": [], "error": Error("invalid_args", "it does not yield")})


def _with_credit(life: Life, channel: int, most: int) -> list[list[Any]]:
    """Items that there is credit for, to be sent when they are not wanted any more."""
    return [["item", channel, f"late {number}"] for number in range(min(most, flow.room(life, channel)))]


@stream.step("dropped")
async def dropped(life: Life) -> None:
    """Drop a stream of which no more is wanted, and ignore the items that had credit."""
    call, channel = await _streaming(life, take=2)
    await flow.pour(life, channel, [1, 2])
    late = _with_credit(life, channel, 2)
    said = await life.hear(Drop, f"drop of channel {channel}")
    require(said.channel == channel, f"drop of channel {channel}", str(said.channel))
    life.say(*late, life.result(call, None))
    await life.reports({"items": [1, 2]})
    await life.round_trip()


@stream.step("drop-crosses-end")
async def drop_crosses_end(life: Life) -> None:
    """Take the end of a stream, and its result, that have crossed the drop."""
    call, channel = await _streaming(life, take=1)
    await flow.pour(life, channel, [1])
    late = _with_credit(life, channel, 1)
    await life.hear(Drop, f"drop of channel {channel}")
    life.say(*late, ["end", channel], life.result(call, None))
    await life.reports({"items": [1]})
    await life.round_trip()


@stream.step("unknown-options", section="5")
async def unknown_options(life: Life) -> None:
    """Ignore options of an item that are unknown, and elements behind those of items and ends."""
    call, channel = await _streaming(life)
    life.say(flow.item(life, channel, 1, {"later": 1}, "further"))
    life.say([*flow.end(life, channel, _BROKEN | {"later": 1}), "further"])
    life.refuse(call, **_BROKEN)
    await life.reports({"items": [1], "error": _BROKEN_ERROR})


@stream.step("float-ids", section="4")
async def float_ids(life: Life) -> None:
    """Take a float for the id of a channel."""
    call, channel = await _streaming(life)
    _, _, value = flow.item(life, channel, "x")
    life.say(["item", float(channel), value])
    flow.end(life, channel)
    life.say(["end", float(channel)], life.result(call, None))
    await life.reports({"items": ["x"]})


# -- sending ----------------------------------------------------------------------------------------------------------


async def _sending(life: Life, items: list[Any], finish: str = "end") -> tuple[Call, int]:
    life.task("send", command="certify.take", arguments={"a": 1}, items=items, finish=finish)
    call = await life.call("certify.take")
    life.same(call.arguments, {"a": 1}, "the arguments, the channel not among them")
    return call, flow.offer_of(call, "items", "callee").id


async def _items(life: Life, channel: int, values: list[Any]) -> None:
    for value in values:
        life.same(await flow.item_on(life, channel), value, "the item")


@send.step("credit")
async def credit(life: Life) -> None:
    """Send as many items as there is credit for, no more, and end the channel without."""
    items = [None, "text", b"\x01", [1], {"a": 1}, 5, 6, 7]
    call, channel = await _sending(life, items)
    sent = 0
    for count in (1, 2, 5):
        await life.round_trip()
        life.quiet(f"no item beyond the credit for {sent}")
        flow.grant(life, channel, count)
        await _items(life, channel, items[sent : sent + count])
        sent += count
    require(await flow.end_of(life, channel) is None, "an end without an error", "one with an error")
    life.answer(call, "taken")
    await life.reports({"value": "taken", "sent": 8})


@send.step("nothing")
async def nothing(life: Life) -> None:
    """End a channel on which nothing was sent, without credit."""
    call, channel = await _sending(life, [])
    require(await flow.end_of(life, channel) is None, "an end without an error", "one with an error")
    life.answer(call, None)
    await life.reports({"value": None, "sent": 0})


@send.step("fail")
async def fail(life: Life) -> None:
    """End a channel with the error that the program gives."""
    call, channel = await _sending(life, [1], "fail")
    flow.grant(life, channel, 9)
    await _items(life, channel, [1])
    life.same(await flow.end_of(life, channel), Error("certify.stopped", "as asked"), "an end with")
    life.answer(call, None)
    await life.reports({"value": None, "sent": 1})


@send.step("leave")
async def leave(life: Life) -> None:
    """Leave a channel open while the call is answered; the core then drops it."""
    call, channel = await _sending(life, [1], "leave")
    flow.grant(life, channel, 1)
    await _items(life, channel, [1])
    life.say(life.result(call, "enough"))
    if await life.until(lambda: life.commands or life.asked, "the end of the channel, or a report") is life.commands:
        await flow.end_of(life, channel)
    else:
        life.say(flow.drop(life, channel))
    await life.reports({"value": "enough", "sent": 1})
    await life.round_trip()


@send.step("dropped")
async def dropped_by_core(life: Life) -> None:
    """Stop sending when the core drops the channel, and say nothing more of it."""
    call, channel = await _sending(life, list(range(10)))
    flow.grant(life, channel, 3)
    await _items(life, channel, [0, 1, 2])
    life.say(flow.drop(life, channel))
    await life.round_trip()
    items = [message for message in life.ignored if message[0] == "item"]  # an end may have crossed the drop
    require(not items, "no item behind the drop", items)
    life.answer(call, "three")
    await life.reports({"value": "three", "sent": 3})


@send.step("call-fails")
async def call_fails(life: Life) -> None:
    """Stop sending when the call is answered with an error, which has ended the channel."""
    call, channel = await _sending(life, list(range(10)))
    flow.grant(life, channel, 2)
    await _items(life, channel, [0, 1])
    life.refuse(call, **_BROKEN)
    await life.reports({"error": _BROKEN_ERROR, "sent": 2})
    await life.round_trip()


@send.step("credit-crosses-end")
async def credit_crosses_end(life: Life) -> None:
    """Ignore credit and drop of a channel that the worker has ended."""
    call, channel = await _sending(life, [1])
    flow.grant(life, channel, 1)
    await _items(life, channel, [1])
    await flow.end_of(life, channel)
    life.say(["credit", channel, 5], ["drop", channel], life.result(call, 1))
    await life.reports({"value": 1, "sent": 1})
    await life.round_trip()


# -- receiving --------------------------------------------------------------------------------------------------------


async def _receiving(life: Life, **more: Any) -> tuple[Call, int]:
    life.task("receive", command="certify.give", arguments={"a": 1}, **more)
    call = await life.call("certify.give")
    life.same(call.arguments, {"a": 1}, "the arguments, the channel not among them")
    return call, flow.offer_of(call, "items", "caller").id


@receive.step("credit")
async def receive_credit(life: Life) -> None:
    """Give credit for as many items ahead as the program says, no more, and for more as items are taken."""
    call, channel = await _receiving(life, credit=4)
    await flow.pour(life, channel, list(range(40)), most=4)
    life.say(flow.end(life, channel), life.result(call, "given"))
    await life.reports({"value": "given", "items": list(range(40))})


@receive.step("ends-with-error")
async def receive_error(life: Life) -> None:
    """Give all items, then the error that the channel ends with; the call has its own answer."""
    call, channel = await _receiving(life)
    await flow.pour(life, channel, ["a", "b"])
    life.say(flow.end(life, channel, _BROKEN), life.result(call, 5))
    await life.reports({"value": 5, "items": ["a", "b"], "ended": _BROKEN_ERROR})


@receive.step("outlives-its-call")
async def outlives(life: Life) -> None:
    """Receive on a channel that goes on behind the result of its call."""
    call, channel = await _receiving(life)
    life.answer(call, "first")
    await flow.pour(life, channel, [1, 2, 3])
    life.say(flow.end(life, channel))
    await life.reports({"value": "first", "items": [1, 2, 3]})


@receive.step("dropped")
async def receive_dropped(life: Life) -> None:
    """Drop a channel of which no more is wanted, and ignore what had credit."""
    call, channel = await _receiving(life, take=2)
    await flow.pour(life, channel, [1, 2])
    late = _with_credit(life, channel, 1)
    await life.hear(Drop, f"drop of channel {channel}")
    life.say(*late, ["end", channel, _BROKEN], life.result(call, None))
    await life.reports(
        Matcher(
            "the items 1 and 2, and the call's value",
            lambda came: isinstance(came, dict) and came.get("items") == [1, 2] and came.get("value", 0) is None,
        )
    )
    await life.round_trip()


@receive.step("call-fails")
async def receive_call_fails(life: Life) -> None:
    """End the channel with the error that answers its call."""
    call, channel = await _receiving(life)
    await flow.pour(life, channel, [1])
    life.refuse(call, **_BROKEN)
    await life.reports({"error": _BROKEN_ERROR, "items": [1], "ended": error("certify.broken")})
    await life.round_trip()
