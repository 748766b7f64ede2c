"""The messages of the commands socket (protocol, section 5): their shapes when they come, their bytes when they go.

Knows no conversation: what a message does, and when it may come, is the session's.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

from cbor2 import dumps

from stockade_frontend.errors import CommandError, EncodeError, command_error
from stockade_frontend.grants import Grant, Grants
from stockade_frontend.raw import Parcel, is_bytes, raw_of
from stockade_frontend.wire import check, encode, integer

__all__ = [
    "BATCH",
    "PROTOCOL",
    "Limits",
    "Offer",
    "Said",
    "ShapeError",
    "Welcome",
    "call_message",
    "error_message",
    "item_message",
    "message",
    "read",
    "result_message",
]

#: The version of the protocol that is spoken here.
PROTOCOL = 1
#: More messages than these are in no batch, whatever the limits say.
BATCH = 1024


class ShapeError(ValueError):
    """A message that has not the shape of its verb, or a verb that there is not."""


class Limits(NamedTuple):
    """What the core takes: bytes of a message, bytes of an emit's frame, messages of a batch, calls in flight,
    subscriptions, containers within each other, channels that this worker has opened, raw frames of a message;
    milliseconds that a call has unless it says otherwise, and calls per second (None: no limit).
    """

    message: int
    event: int
    batch: int
    calls: int
    topics: int
    depth: int
    channels: int
    frames: int
    deadline: int | None = None
    rate: float | None = None


class Welcome(NamedTuple):
    """What `welcome` says: whom it is for, and what this worker may do."""

    worker: str
    generation: int
    core: str
    limits: Limits
    grants: Grants


class Offer(NamedTuple):
    """A channel that a call of the core's opens: its id, whether this side receives, and its credit if not."""

    id: int
    to_callee: bool
    credit: int


class Said(NamedTuple):
    """What a call of the core's says beside its arguments; `deadline` in milliseconds, `raw` by argument.

    `insists` is an option that is not known here and has to be: such a call is answered, and not run.
    """

    deadline: int | None
    caller: str
    trace: str | None
    channels: dict[str, Offer]
    raw: dict[str, int]
    insists: str | None = None


def message(*elements: Any) -> bytes:
    """A message of this stub's own making, which needs no check."""
    return dumps(elements)


def call_message(
    ident: int, command: str, arguments: dict[str, Any], options: dict[str, Any], depth: int
) -> bytes | Parcel:
    """The message of a call, its channels apart. Raises EncodeError, whose path begins with the argument's name."""
    values, raw, frames = arguments, {}, []
    for name, value in arguments.items():
        if is_bytes(type(value)):
            values = dict(arguments) if values is arguments else values
            values[name], is_raw = raw_of(value)
            if is_raw:
                frames.append(values.pop(name))
                raw[name] = len(frames)
    if raw:
        options = {**options, "raw": raw}
    check(values, depth)
    try:
        head = dumps(("call", ident, command, values, options) if options else ("call", ident, command, values))
    except UnicodeEncodeError:
        encode(values, depth)  # raises, and says where
        encode(command)
        raise
    return Parcel(head, tuple(frames)) if frames else head


def item_message(channel: int, value: Any, depth: int) -> bytes | Parcel:
    """The message of an item. Raises EncodeError."""
    return _valued("item", channel, value, depth)


def result_message(ident: int, value: Any, depth: int) -> bytes | Parcel:
    """The message of a result. Raises EncodeError."""
    return _valued("result", ident, value, depth)


def _valued(verb: str, number: int, value: Any, depth: int) -> bytes | Parcel:
    if is_bytes(type(value)):
        value, is_raw = raw_of(value)
        if is_raw:
            return Parcel(dumps((verb, number, None, {"raw": 1})), (value,))
    check(value, depth)
    try:
        return dumps((verb, number, value))
    except UnicodeEncodeError:
        encode(value, depth)  # raises, and says where
        raise


def error_message(verb: str, number: int, error: CommandError) -> bytes:
    """The message that ends a call, or a channel, with an error; of its data what cannot be sent is left out."""
    said: dict[str, Any] = {"code": error.code, "message": error.message.encode(errors="backslashreplace").decode()}
    if error.data is not None:
        try:
            return encode([verb, number, {**said, "data": error.data}])
        except EncodeError as fault:
            said["message"] += f" (its data cannot be sent: {fault})"
    return encode([verb, number, said])


def read(message: Any) -> tuple[str, list[Any]]:
    """A message's verb and elements, those behind its shape left out. Raises ShapeError: the core's fault."""
    if type(message) is not list or not message or type(message[0]) is not str:
        raise ShapeError("a message that is no array with a verb")
    shape = _SHAPES.get(message[0])
    if shape is None:
        raise ShapeError(f"an unknown verb, {message[0]!r}")
    if len(message) <= len(shape.elements):
        raise ShapeError(f"{message[0]!r} with an element missing")
    readings = (*shape.elements, shape.last) if shape.last is not None else shape.elements
    try:
        return message[0], [reading(element) for reading, element in zip(readings, message[1:], strict=False)]
    except (TypeError, KeyError, ValueError) as error:
        raise ShapeError(f"{message[0]!r} with an element that does not fit: {error!r}") from None


def _a_value(element: Any) -> Any:
    return element


def _a_text(element: Any) -> str:
    if type(element) is not str:
        raise TypeError("no text")
    return element


def _a_map(element: Any) -> dict[str, Any]:
    if type(element) is not dict:
        raise TypeError("no map")
    return element


def _a_number(element: Any) -> int:
    number = integer(element)
    if number is None:
        raise TypeError("no integer of the protocol")
    return number


def _an_error(element: Any) -> CommandError:
    error = _a_map(element)
    return command_error(_a_text(error["code"]), _a_text(error["message"]), error.get("data"))


def _an_end(element: Any) -> str:
    end = _a_map(element)
    return f"{_a_text(end['code'])}: {_a_text(end['reason'])}"


def _a_count_of_emits(element: Any) -> int:
    return _a_number(_a_map(element)["emitted"])


def _a_grace(element: Any) -> int:
    return _a_number(_a_map(element)["grace"])


def _a_welcome(element: Any) -> Welcome:
    welcome = _a_map(element)
    limits, grants = _a_map(welcome["limits"]), _a_map(welcome["grants"])
    return Welcome(
        worker=_a_text(welcome["worker"]),
        generation=_a_number(welcome["generation"]),
        core=_a_text(welcome["core"]),
        limits=_limits(limits),
        grants=Grants(
            commands=_a_grant(".", grants["commands"]),
            listen=_a_grant("/", grants["listen"]),
            emit=_a_grant("/", grants["emit"]),
        ),
    )


def _limits(element: dict[str, Any]) -> Limits:
    limits: dict[str, Any] = {name: _a_number(element[name]) for name in Limits._fields if name not in _MAY}
    for name, reading in _MAY.items():
        if name in element:
            limits[name] = reading(element[name])
    return Limits(**limits)


def _a_rate(element: Any) -> float:
    if type(element) not in (int, float) or not 0 < element < inf:
        raise ValueError("no number of calls per second")
    return float(element)


def _a_grant(separator: str, element: Any) -> Grant:
    grant = _a_map(element)
    return Grant(separator, *([_a_text(pattern) for pattern in grant[side]] for side in ("allow", "deny")))


def _options(element: Any) -> dict[str, Any]:
    options = _a_map(element)
    for name in options:
        if name.startswith("!"):
            raise ValueError(f"it insists on {name!r}, which is not known here")
    return options


def _options_of_a_call(element: Any) -> Said:
    options = _a_map(element)
    deadline, trace = options.get("deadline"), options.get("trace")
    return Said(
        deadline=None if deadline is None else _a_number(deadline),
        caller=_a_text(options.get("caller", "core")),
        trace=trace if type(trace) is str else None,
        channels={name: _an_offer(given) for name, given in _a_map(options.get("channels", {})).items()},
        raw={name: _a_number(index) for name, index in _a_map(options.get("raw", {})).items()},
        insists=next((name for name in options if name.startswith("!")), None),
    )


def _an_offer(element: Any) -> Offer:
    offer = _a_map(element)
    return Offer(_a_number(offer["id"]), _SIDES[offer["to"]], _a_number(offer.get("credit", 0)))


#: Where a channel leads: whether this side, the callee, receives.
_SIDES = {"callee": True, "caller": False}
#: The limits that may be missing.
_MAY: dict[str, Callable[[Any], Any]] = {"deadline": _a_number, "rate": _a_rate}

_Reading = Callable[[Any], Any]


class _Shape(NamedTuple):
    """How the elements behind a verb are read, and one more that may be missing."""

    elements: tuple[_Reading, ...]
    last: _Reading | None = None


#: Every verb that the core may say.
_SHAPES: dict[str, _Shape] = {
    "welcome": _Shape((_a_welcome,)),
    "refused": _Shape((_an_error,)),
    "call": _Shape((_a_number, _a_text, _a_map), _options_of_a_call),
    "cancel": _Shape((_a_number,)),
    "result": _Shape((_a_number, _a_value), _options),
    "error": _Shape((_a_number, _an_error)),
    "item": _Shape((_a_number, _a_value), _options),
    "end": _Shape((_a_number,), _an_error),
    "credit": _Shape((_a_number, _a_number)),
    "drop": _Shape((_a_number,)),
    "listening": _Shape((_a_text,)),
    "denied": _Shape((_a_text, _an_error)),
    "missed": _Shape((_a_number,)),
    "ping": _Shape((_a_number,)),
    "pong": _Shape((_a_number,)),
    "stop": _Shape((_a_grace,)),
    "bye": _Shape((_a_count_of_emits,)),
    "breach": _Shape((_an_end,)),
}
