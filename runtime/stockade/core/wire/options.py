"""What a call's options say, read from their map. Knows no state: which ids may come is the conversation's.

docs/protocol.md, section 5. What is not known is ignored, unless its name begins with a mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from stockade.core.wire.happenings import MISSING, CallOptions, Missing, Offer
from stockade.core.wire.shapes import integer

__all__ = ["Read", "read_options", "read_trace"]

_REST = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
#: Version, trace, parent, flags; versions after 00 may have more behind them, and ff is none.
_TRACEPARENT = re.compile(rf"00{_REST}|(?!00|ff)[0-9a-f]{{2}}{_REST}(?:-[!-~]{{0,200}})?")


#: Options as far as they can be read (None if the call asks for nothing that is known here), the indices of the frames
#: of raw arguments, and the first fault. No class: it took 0.3 µs to make.
Read = tuple[CallOptions | None, Mapping[str, int], str | None]


class _Reading:
    """What has been read so far; `fault` is the first. Defaults of a class: an attrs class took 0.6 µs to make."""

    deadline: int | Missing | None = MISSING
    parent: int | None = None
    channels: tuple[Offer, ...] = ()
    trace: str | None = None
    idempotent: bool = False
    raw: Mapping[str, int] = MappingProxyType({})
    fault: str | None = None

    def wrong(self, what: str) -> None:
        self.fault = self.fault or what


_NONE = CallOptions()


def read_options(given: Any) -> Read:
    """What a call's options say; what can be read is read in spite of a fault, for ids are used up."""
    if not given and type(given) is dict:
        return None, given, None
    if type(given) is not dict:
        return None, _Reading.raw, "the options are no map"
    reading = _Reading()
    for name, value in given.items():
        reader = _READERS.get(name)
        if reader is not None:
            reader(reading, value)
        elif name.startswith("!"):
            reading.wrong(f"the option {name[:60]!r} is not known here, and the call insists on it")
    options = CallOptions(reading.deadline, reading.parent, reading.channels, reading.trace, reading.idempotent)
    return None if options == _NONE else options, reading.raw, reading.fault


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
    indices = {argument: integer(index) for argument, index in value.items()}
    reading.raw = {argument: index for argument, index in indices.items() if index is not None}
    if len(reading.raw) < len(indices):
        reading.wrong("a raw argument without the index of its frame")


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
