"""The raw frames behind a batch: which message refers to which. Knows no message beyond the place of its options.

docs/protocol.md, section 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stockade import limits
from stockade.core.wire.happenings import Message, Raw
from stockade.core.wire.shapes import integer
from stockade.errors import Breach, BreachCode

__all__ = ["frames_by_index"]

#: Where the options stand in the verbs that may have raw frames.
_OPTIONS_AT = {"call": 4, "result": 3, "item": 3}


def frames_by_index(batch: list[Any], frames: Sequence[Raw]) -> dict[int, Raw]:
    """The frames by the index that the batch gives them, from 1; raises Breach unless each is referred to once.

    What a message says of a frame that is not there is not found here, but when it is taken.
    """
    if len(frames) > limits.FRAMES:
        raise Breach(BreachCode.BAD_FRAME, f"{len(frames)} raw frames, and {limits.FRAMES} is the limit")
    referred = sorted(_references(batch))
    if referred != list(range(1, len(frames) + 1)):
        raise Breach(BreachCode.BAD_FRAME, f"{len(frames)} raw frames, which the batch refers to as {referred[:70]}")
    return dict(enumerate(frames, 1))


def _references(batch: list[Any]) -> Iterator[int]:
    for message in batch:
        if type(message) is list and message:
            for value in _raw_of(message):
                index = integer(value)
                if index is not None:
                    yield index


def _raw_of(message: Message) -> list[Any]:
    verb = message[0]
    at = _OPTIONS_AT.get(verb) if type(verb) is str else None
    if at is None or len(message) <= at or type(message[at]) is not dict:
        return []
    raw = message[at].get("raw")
    if verb == "call":
        return list(raw.values()) if type(raw) is dict else []
    return [raw]
