"""Raw frames: bytes behind a batch, which mean the same as bytes in their place."""

from __future__ import annotations

from stockade.certify import asking, flow
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.step import Steps
from stockade.certify.steps.calls import begun

__all__ = ["ALL"]

raw = Steps("raw", "5, Raw frames", walk="raw")
ALL = (raw,)

#: What an echo worker sends when it is asked for bytes.
_SIZE = 200_000


def _pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@raw.step("result")
async def result(life: Life) -> None:
    """Take a result that is a raw frame for bytes, an empty one too."""
    for frame in (b"", b"\x00\xff", _pattern(300_000)):
        call = await life.invoked("certify.raw")
        life.say(life.result(call, None, {"raw": 1}), raw=[frame])
        await life.reports({"value": frame})


@raw.step("float-index", section="4")
async def float_index(life: Life) -> None:
    """Take a float for the index of a frame, and ignore an unknown option beside it."""
    call = await life.invoked("certify.raw")
    life.say(life.result(call, None, {"later": 1, "raw": 1.0}), raw=[b"frame"])
    await life.reports({"value": b"frame"})


@raw.step("several", "together")
async def several(life: Life) -> None:
    """Give each result of a batch the frame that its index says, whatever the order."""
    made = await begun(life, 4, "certify.raw")
    life.say(
        life.result(made[0], None, {"raw": 3}),
        life.result(made[1], "plain"),
        life.result(made[2], None, {"raw": 1}),
        life.result(made[3], None, {"raw": 2}),
        raw=[b"one", b"two", b"three"],
    )
    await life.reports({"outcomes": [{"value": each} for each in (b"three", "plain", b"one", b"two")]})


@raw.step("all-63", "together")
async def all_of_them(life: Life) -> None:
    """Take a batch with 63 raw frames behind it."""
    made = await begun(life, 63, "certify.raw")
    answers = [life.result(call, None, {"raw": index}) for index, call in enumerate(made, 1)]
    life.say(*answers, raw=[bytes([index]) for index in range(1, 64)])
    await life.reports({"outcomes": [{"value": bytes([index])} for index in range(1, 64)]})


@raw.step("bytes")
async def small(life: Life) -> None:
    """Send small bytes as an argument, in their place or in a frame."""
    life.task("bytes", command="certify.bytes", argument="data", size=600)
    call = await life.call("certify.bytes")
    life.same(call.arguments.get("data"), _pattern(600), "the argument")
    life.answer(call, None)
    await life.reports({"value": None})


@raw.step("argument", "raw")
async def argument(life: Life) -> None:
    """Send large bytes as an argument in a frame of their own."""
    begin = len(life.trace)
    life.task("bytes", command="certify.bytes", argument="data", size=_SIZE)
    call = await life.call("certify.bytes")
    life.same(call.arguments.get("data"), _pattern(_SIZE), "the argument")
    frames = max(len(passed.frames) for passed in life.trace[begin:] if not passed.ours)
    require(frames == 2, "the argument in a frame of its own", f"{frames} frames")
    life.answer(call, True)
    await life.reports({"value": True})


@raw.step("items", "stream")
async def items(life: Life) -> None:
    """Take items of a stream that are raw frames, among others that are not."""
    life.task("stream", command="certify.stream", arguments={})
    call = await life.call("certify.stream")
    channel = flow.offer_of(call, "yield", "caller").id
    sent = (b"first", "plain", b"", _pattern(100_000))
    for value in sent:
        await life.until(lambda: flow.room(life, channel) or None, f"credit on channel {channel}")
        if isinstance(value, bytes):
            life.say(flow.item(life, channel, None, {"raw": 1}), raw=[value])
        else:
            life.say(flow.item(life, channel, value))
    life.say(flow.end(life, channel), life.result(call, None))
    await life.reports({"items": list(sent)})


@raw.step("items-sent", "channels")
async def items_sent(life: Life) -> None:
    """Send large bytes as items, in their place or in frames."""
    sent = [_pattern(70_000), b"small", _pattern(40_000)]
    life.task("send", command="certify.take", arguments={}, items=sent, finish="end")
    call = await life.call("certify.take")
    channel = flow.offer_of(call, "items", "callee").id
    flow.grant(life, channel, 3)
    for value in sent:
        item = await flow.item_on(life, channel)
        life.same(item, value, "the item")
    await flow.end_of(life, channel)
    life.answer(call, None)
    await life.reports({"value": None, "sent": 3})


@raw.step("export", "exports")
async def export(life: Life) -> None:
    """Take a raw argument of a command that the worker exports, and give it back, in its place or in a frame."""
    life.task("serve")
    for frame in (b"small", _pattern(_SIZE)):
        call = asking.call_of(life, "echo.value", {}, raw={"value": 1})
        life.say(call, raw=[frame])
        answer = await asking.answer_of(life, call[1])
        life.same(answer.value, frame, "the result")
    await asking.gives(life, asking.ask(life, "echo.enough", {}), None)
    await life.reports({})
