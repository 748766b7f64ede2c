"""Channels in a step: what the core sends on them and takes from them. The conversation keeps the credit.

Functions that return a message leave it to the step when to say it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from stockade.certify.fault import require
from stockade.certify.life import Life, map_of
from stockade.core.wire.happenings import Call, End, Item, Offer

__all__ = ["drop", "end", "end_of", "grant", "item", "item_on", "offer_of", "pour", "room"]


def offer_of(call: Call, name: str, to: str) -> Offer:
    """The channel that a call of the worker's opens under this name: the only one."""
    offers = {offer.argument: offer for offer in (call.options.channels if call.options else ())}
    wanted = f"one channel, {name}, to the {to}"
    require(offers.keys() == {name} and offers[name].to == to, wanted, str(list(offers.values())))
    return offers[name]


# -- the core sends ---------------------------------------------------------------------------------------------------


def room(life: Life, channel: int) -> int:
    """How many items the core may send now."""
    return life.judge.conversation.channels.sendable(channel)


def item(life: Life, channel: int, value: Any, *more: Any) -> list[Any]:
    """The message of an item. It needs credit."""
    life.judge.conversation.channels.note_item(channel)
    return ["item", channel, value, *more]


def end(life: Life, channel: int, *error: Mapping[str, Any]) -> list[Any]:
    """The message that ends a channel."""
    life.judge.conversation.channels.end(channel)
    return ["end", channel, *error]


async def pour(life: Life, channel: int, values: Sequence[Any], most: int | None = None) -> None:
    """Send these items, each as soon as there is credit for it, which may never be for more than `most`."""
    rest = deque(values)
    while rest:
        credit = await life.until(lambda: room(life, channel) or None, f"credit on channel {channel}")
        require(most is None or credit <= most, f"credit for {most} items at most", f"for {credit}")
        life.say(*(item(life, channel, rest.popleft()) for _ in range(min(credit, len(rest), _BATCH))))


#: Items in a batch.
_BATCH = 1000


# -- the core receives ------------------------------------------------------------------------------------------------


def grant(life: Life, channel: int, count: int) -> None:
    """Let the worker send so many items more."""
    life.judge.conversation.channels.note_credit(channel, count)
    life.say(["credit", channel, count])


def drop(life: Life, channel: int) -> list[Any]:
    """The message that drops a channel."""
    life.judge.conversation.channels.end(channel)
    return ["drop", channel]


async def item_on(life: Life, channel: int) -> Any:
    """The next message, which must be an item on this channel: its value."""
    said = await life.hear(Item, f"an item on channel {channel}")
    require(said.channel == channel, f"an item on channel {channel}", f"one on channel {said.channel}")
    return said.value


async def end_of(life: Life, channel: int) -> Any:
    """The next message, which must be the end of this channel: its error, as a map, or None."""
    said = await life.hear(End, f"the end of channel {channel}")
    require(said.channel == channel, f"the end of channel {channel}", f"that of channel {said.channel}")
    return None if said.error is None else map_of(said.error)
