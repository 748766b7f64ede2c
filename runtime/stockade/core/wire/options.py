"""What a call's options say, read from their map. Knows no state: which ids may come is the conversation's.

docs/protocol.md, section 5. What is not known is ignored, unless its name begins with a mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import attrs

from stockade.core.wire.happenings import MISSING, CallOptions, Missing, Offer
from stockade.core.wire.shapes import integer

__all__ = ["Read", "read_options", "read_trace"]

_REST = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
#: Version, trace, parent, flags; versions after 00 may have more behind them, and ff is none.
_TRACEPARENT = re.compile(rf"00{_REST}|(?!00|ff)[0-9a-f]{{2}}{_REST}(?:-[!-~]{{0,200}})?")


class Read(NamedTuple):
    """Options as far as they can be read, and what is wrong with the rest of them.

    `options` is None if the call asks for nothing that is known here; `raw` maps arguments to the indices of frames.
    """

    options: CallOptions | None
    raw: dict[str, int]
    fault: str | None


@attrs.define
class _Reading:
    """What has been read so far; `fault` is the first."""

    deadline: int | Missing | None = MISSING
    parent: int | None = None
    channels: tuple[Offer, ...] = ()
    trace: str | None = None
    idempotent: bool = False
    raw: dict[str, int] = attrs.field(factory=dict)
    fault: str | None = None
    known: bool = False

    def wrong(self, what: str) -> None:
        self.fault = self.fault or what


def read_options(given: Any) -> Read:
    """What the options say, and the first fault; what can be read is read in spite of it, for ids are used up."""
    if type(given) is not dict:
        return Read(None, {}, "the options are no map")
    reading = _Reading()
    for name, value in given.items():
        reader = _READERS.get(name)
        if reader is not None:
            reading.known = True
            reader(reading, value)
        elif name.startswith("!"):
            reading.wrong(f"the option {name[:60]!r} is not known here, and the call insists on it")
    if not reading.known:
        return Read(None, {}, reading.fault)
    options = CallOptions(reading.deadline, reading.parent, reading.channels, reading.trace, reading.idempotent)
    return Read(options, reading.raw, reading.fault)


def read_trace(value: Any) -> str | None:
    """`value` if it is a well-formed traceparent of W3C Trace Context, else None."""
    return value if type(value) is str and len(value) <= 256 and _TRACEPARENT.fullmatch(value) else None


def _deadline(reading: _Reading, value: Any) -> None:
    reading.deadline = integer(value)
    if reading.deadline is None and value is not None:
        reading.wrong("the deadline is neither null nor a whole number of milliseconds")


def _parent(reading: _Reading, value: Any) -> None:
    reading.parent = integer(value)
    if reading.parent is None:
        reading.wrong("the parent is no id of a call")


def _idempotent(reading: _Reading, value: Any) -> None:
    reading.idempotent = value is True
    if type(value) is not bool:
        reading.wrong("idempotent is neither true nor false")


def _trace(reading: _Reading, value: Any) -> None:
    reading.trace = read_trace(value)


def _raw(reading: _Reading, value: Any) -> None:
    if type(value) is not dict:
        reading.wrong("raw is no map of arguments to indices of frames")
        return
    for argument, given in value.items():
        index = integer(given)
        if index is None:
            reading.wrong(f"the raw argument {argument[:60]!r} has no index of a frame")
        else:
            reading.raw[argument] = index


def _channels(reading: _Reading, value: Any) -> None:
    if type(value) is not dict:
        reading.wrong("channels is no map of arguments to channels")
        return
    offers = []
    for argument, given in value.items():
        offer = _offer(argument, given)
        if offer is None:
            reading.wrong(f"the channel {argument[:60]!r} has no id of a channel")
            continue
        offers.append(offer)
        if offer.credit < 0:
            reading.wrong(f"the channel {argument[:60]!r} goes neither to callee nor caller, or has no whole credit")
    reading.channels = tuple(offers)


def _offer(argument: str, given: Any) -> Offer | None:
    """The channel; None if it has no id, for then there is none. Its credit is -1 where another part of it is wrong."""
    number = integer(given.get("id")) if type(given) is dict else None
    if number is None:
        return None
    match given.get("to"):
        case "callee":
            return Offer(argument, number, "callee", 0)
        case "caller" if (credit := integer(given.get("credit", 0))) is not None:
            return Offer(argument, number, "caller", credit)
    return Offer(argument, number, "callee", -1)


_READERS: dict[str, Callable[[_Reading, Any], None]] = {
    "deadline": _deadline,
    "parent": _parent,
    "channels": _channels,
    "raw": _raw,
    "trace": _trace,
    "idempotent": _idempotent,
}
