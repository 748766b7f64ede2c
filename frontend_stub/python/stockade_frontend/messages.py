"""The messages of the commands socket (protocol, section 5): their shapes when they come, their bytes when they go.

Knows no conversation: what a message does, and when it may come, is the session's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cbor2 import dumps

from stockade_frontend.errors import CommandError, command_error
from stockade_frontend.grants import Grant, Grants
from stockade_frontend.wire import check, encode, integer

__all__ = ["BATCH", "PROTOCOL", "Limits", "ShapeError", "Welcome", "call", "read"]

#: The version of the protocol that is spoken here.
PROTOCOL = 1
#: More messages than these are in no batch, whatever the limits say.
BATCH = 1024


class ShapeError(ValueError):
    """A message that has not the shape of its verb, or a verb that there is not."""


class Limits(NamedTuple):
    """What the core takes: bytes of a message, bytes of an emit's frame, messages of a batch, calls in flight,
    subscriptions, containers within each other.
    """

    message: int
    event: int
    batch: int
    calls: int
    topics: int
    depth: int


class Welcome(NamedTuple):
    """What `welcome` says: whom it is for, and what this worker may do."""

    worker: str
    generation: int
    core: str
    limits: Limits
    grants: Grants


def call(ident: int, command: str, arguments: dict[str, Any], depth: int) -> bytes:
    """The message of a call. Raises EncodeError, whose path begins with the argument's name."""
    check(arguments, depth)
    try:
        return dumps(("call", ident, command, arguments))
    except UnicodeEncodeError:
        encode(arguments, depth)  # raises, and says where
        encode(command)
        raise


def read(message: Any) -> tuple[str, list[Any]]:
    """A message's verb and elements, those behind its shape left out. Raises ShapeError: the core's fault."""
    if type(message) is not list or not message or type(message[0]) is not str:
        raise ShapeError("a message that is no array with a verb")
    shape = _SHAPES.get(message[0])
    if shape is None:
        raise ShapeError(f"an unknown verb, {message[0]!r}")
    if len(message) <= len(shape):
        raise ShapeError(f"{message[0]!r} with an element missing")
    try:
        return message[0], [reading(element) for reading, element in zip(shape, message[1:], strict=False)]
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
        limits=Limits(*(_a_number(limits[name]) for name in Limits._fields)),
        grants=Grants(
            commands=_a_grant(".", grants["commands"]),
            listen=_a_grant("/", grants["listen"]),
            emit=_a_grant("/", grants["emit"]),
        ),
    )


def _a_grant(separator: str, element: Any) -> Grant:
    grant = _a_map(element)
    return Grant(separator, *([_a_text(pattern) for pattern in grant[side]] for side in ("allow", "deny")))


#: Every verb that the core may say, and its elements.
_SHAPES: dict[str, tuple[Callable[[Any], Any], ...]] = {
    "welcome": (_a_welcome,),
    "refused": (_an_error,),
    "result": (_a_number, _a_value),
    "error": (_a_number, _an_error),
    "listening": (_a_text,),
    "denied": (_a_text, _an_error),
    "missed": (_a_number,),
    "ping": (_a_number,),
    "pong": (_a_number,),
    "stop": (_a_grace,),
    "bye": (_a_count_of_emits,),
    "breach": (_an_end,),
}
