"""Events that the worker listens to: names and prefixes, what is missed, what is denied."""

from __future__ import annotations

from typing import Any

from stockade.certify import news
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import error
from stockade.certify.scene import OTHER
from stockade.certify.step import Steps

__all__ = ["ALL"]

events = Steps("events", "7", walk="events", needs=("events",))
ALL = (events,)

_DENIAL = {"code": "not_allowed", "message": "as the script wants it"}


async def _listen(life: Life, name: str, **more: Any) -> str:
    """Have the worker listen; the topic."""
    topic = name if name.endswith("/") else f"{name}|"
    life.task("listen", topic=name, **more)
    await news.subscription(life, topic)
    life.link.grant(topic)
    life.say(["listening", topic])
    await life.reports({})
    return topic


async def _unlisten(life: Life, name: str) -> None:
    topic = name if name.endswith("/") else f"{name}|"
    life.task("unlisten", topic=name)
    await life.reports({})
    await news.subscription(life, topic, listen=False)


async def _kept(life: Life, *wanted: dict[str, Any]) -> int:
    """Have the worker handle events until it has these; how many it has missed, in all."""
    life.task("events", count=len(wanted))
    report = await life.report()
    life.same(report, {"events": list(wanted)}, "the events")
    missed = report.get("missed")
    require(type(missed) is int, "a number under `missed`", report)
    return int(missed)


def _event(name: str, payload: Any, source: str = "core") -> dict[str, Any]:
    return {"name": name, "source": source, "payload": payload}


@events.step("exact")
async def exact(life: Life) -> None:
    """Listen to an event by its name, with a bar behind it, and get it with its source and payload."""
    await _listen(life, "certify/exact")
    news.event(life, "certify/exact", {"a": [1, None]})
    await _kept(life, _event("certify/exact", {"a": [1, None]}))
    await _unlisten(life, "certify/exact")


@events.step("prefix")
async def prefix(life: Life) -> None:
    """Listen to all events whose names begin so, with the slash at the end of the prefix."""
    await _listen(life, "certify/prefix/")
    names = ("certify/prefix/a", "certify/prefix/b/c", "certify/prefix/A_:.-9")
    for name in names:
        news.event(life, name, name)
    await _kept(life, *(_event(name, name) for name in names))
    await _unlisten(life, "certify/prefix/")


@events.step("source")
async def source(life: Life) -> None:
    """Say of an event which worker has emitted it."""
    await _listen(life, "certify/source")
    news.event(life, "certify/source", 1, OTHER)
    news.event(life, "certify/source", 2, "certify")
    await _kept(life, _event("certify/source", 1, OTHER), _event("certify/source", 2, "certify"))
    await _unlisten(life, "certify/source")


@events.step("of-the-core")
async def of_the_core(life: Life) -> None:
    """Listen to an event that the core emits of itself."""
    await _listen(life, "core:worker/ready")
    payload = {"worker": OTHER, "generation": 7}
    news.event(life, "core:worker/ready", payload)
    await _kept(life, _event("core:worker/ready", payload))
    await _unlisten(life, "core:worker/ready")


@events.step("values")
async def values(life: Life) -> None:
    """Take any payload, and a bar in it."""
    await _listen(life, "certify/values")
    payloads: list[Any] = [None, "a|b", "|", b"|", 0, -1, 2**63 - 1, [], {}, "x" * 20_000, {"a": {"b|": [b"c"]}}]
    for payload in payloads:
        news.event(life, "certify/values", payload)
    await _kept(life, *(_event("certify/values", payload) for payload in payloads))
    await _unlisten(life, "certify/values")


@events.step("in-order")
async def in_order(life: Life) -> None:
    """Keep the order of many events."""
    await _listen(life, "certify/order")
    for number in range(300):
        news.event(life, "certify/order", number)
    await _kept(life, *(_event("certify/order", number) for number in range(300)))
    await _unlisten(life, "certify/order")


@events.step("before-listening")
async def before_listening(life: Life) -> None:
    """Keep an event that comes before the answer to the subscription."""
    life.task("listen", topic="certify/early")
    await news.subscription(life, "certify/early|")
    life.link.grant("certify/early|")
    news.event(life, "certify/early", "early")
    life.say(["listening", "certify/early|"])
    await life.reports({})
    await _kept(life, _event("certify/early", "early"))
    await _unlisten(life, "certify/early")


@events.step("during-a-call")
async def during_a_call(life: Life) -> None:
    """Keep an event that comes while an answer is awaited."""
    await _listen(life, "certify/during")
    call = await life.invoked("certify.during")
    news.event(life, "certify/during", 1)
    await life.round_trip()
    life.answer(call, None)
    await life.reports({"value": None})
    await _kept(life, _event("certify/during", 1))
    await _unlisten(life, "certify/during")


@events.step("further")
async def further(life: Life) -> None:
    """Take a number that is a float, and ignore a trace, unknown options and elements behind them."""
    await _listen(life, "certify/further")
    news.event(life, "certify/further", 1, "core", {"trace": "none", "later": 1}, "further", seq=float(life.seq + 1))
    news.event(life, "certify/further", 2, "core", {"trace": 5})
    await _kept(life, _event("certify/further", 1), _event("certify/further", 2))
    await _unlisten(life, "certify/further")


@events.step("denied")
async def denied(life: Life) -> None:
    """Give the error of a subscription that is denied, and take the subscription back."""
    life.task("listen", topic="certify/denied")
    await news.subscription(life, "certify/denied|")
    life.say(["denied", "certify/denied|", _DENIAL])
    await life.reports({"error": error("not_allowed")})
    await news.subscription(life, "certify/denied|", listen=False)


@events.step("grants", optional=True, section="8")
async def grants(life: Life) -> None:
    """Refuse to listen to what the grants do not cover at once, with not_allowed, and subscribe to nothing."""
    for topic in ("certify/forbidden/a", "elsewhere/a", "certify/"):
        life.task("listen", topic=topic)
        await life.reports({"error": error("not_allowed")})
    await life.round_trip()


@events.step("unlisten")
async def unlisten(life: Life) -> None:
    """Listen no more, and then once more to the same."""
    await _listen(life, "certify/again")
    await _unlisten(life, "certify/again")
    await _listen(life, "certify/again")
    news.event(life, "certify/again", 1)
    await _kept(life, _event("certify/again", 1))
    await _unlisten(life, "certify/again")


@events.step("once")
async def once(life: Life) -> None:
    """Listen to one event alone, though another has come behind it."""
    topic = await _listen(life, "certify/once", once=True)
    await _listen(life, "certify/other")
    news.event(life, "certify/once", 1)
    news.event(life, "certify/once", 2)
    news.event(life, "certify/other", 3)
    await _kept(life, _event("certify/once", 1), _event("certify/other", 3))
    await news.subscription(life, topic, listen=False)
    await _unlisten(life, "certify/other")


@events.step("gap")
async def gap(life: Life) -> None:
    """Count what is missing between the numbers of two events as missed."""
    await _listen(life, "certify/gap")
    news.event(life, "certify/gap", 1)
    before = await _kept(life, _event("certify/gap", 1))
    life.seq += 3
    news.event(life, "certify/gap", 2)
    after = await _kept(life, _event("certify/gap", 2))
    require(after - before == 3, "3 more events that were missed", f"{after - before}")
    await _unlisten(life, "certify/gap")


@events.step("missed")
async def missed(life: Life) -> None:
    """Count what the core says that it has dropped, once."""
    await _listen(life, "certify/missed")
    news.event(life, "certify/missed", 1)
    before = await _kept(life, _event("certify/missed", 1))
    life.seq += 4
    life.say(["missed", life.seq])
    await life.round_trip()
    said = await _kept(life)
    require(said - before == 4, "4 more events that were missed", f"{said - before}")
    news.event(life, "certify/missed", 2)
    after = await _kept(life, _event("certify/missed", 2))
    require(after - before == 4, "4 more that were missed, counted once", f"{after - before}")
    await _unlisten(life, "certify/missed")
