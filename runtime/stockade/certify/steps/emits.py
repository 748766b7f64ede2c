"""Events that the worker emits: numbered, to all or to one, none lost to a core that subscribes late."""

from __future__ import annotations

import asyncio

from stockade.certify import news
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.matching import error
from stockade.certify.scene import OTHER
from stockade.certify.step import Steps

__all__ = ["ALL"]

emits = Steps("emits", "7", walk="emits", needs=("emits",))
late = Steps("emits", "3", needs=("emits",))
ALL = (emits, late)


@emits.step("to-all")
async def to_all(life: Life) -> None:
    """Emit events, numbered from 1, each with its payload."""
    for payload in (None, {"a": 1}, "a|b", b"\x00", [1.5]):
        life.task("emit", event="certify/opened", payload=payload)
        emit = await news.emit(life, "certify/opened")
        life.same(emit.payload, payload, "the payload")
        require(emit.to is None, "an emit to all", f"one to {emit.to}")
        await life.reports({})


@emits.step("to-one")
async def to_one(life: Life) -> None:
    """Emit an event to one worker."""
    life.task("emit", event="certify/told", payload=1, to=OTHER)
    emit = await news.emit(life, "certify/told")
    require(emit.to == OTHER, f"an emit to {OTHER}", f"one to {emit.to}")
    await life.reports({})


@emits.step("names")
async def names(life: Life) -> None:
    """Emit events with names of any characters that one may have, up to 128."""
    for name in ("certify/A_:.-9", f"certify/{'x' * 120}"):
        life.task("emit", event=name, payload=None)
        await news.emit(life, name)
        await life.reports({})


@emits.step("grants", optional=True, section="8")
async def grants(life: Life) -> None:
    """Refuse an emit that the grants do not allow at once, with not_allowed, and send nothing."""
    for name in ("certify/forbidden", "elsewhere/opened"):
        life.task("emit", event=name, payload=None)
        await life.reports({"error": error("not_allowed")})
    await life.round_trip()


@late.step("late-subscription")
async def late_subscription(life: Life) -> None:
    """Keep what is emitted before the core has subscribed, and send it then."""
    await life.start(["commands", "events"])
    await life.greeted()
    await asyncio.sleep(0.1)
    early = bool(life.commands)
    if early:
        await life.first()
        life.task("emit", event="certify/late", payload=1)
        await asyncio.sleep(0.05)
    life.link.open_to("emits")
    if not early:
        await life.first()
        life.task("emit", event="certify/late", payload=1)
    await news.emit(life, "certify/late")
    await life.reports({})
