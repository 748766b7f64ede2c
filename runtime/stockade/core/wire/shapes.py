"""The shapes of messages: what stands where behind a verb, read or refused. Knows no state and no turn.

docs/protocol.md, sections 4 and 5. Readers raise Breach for a message of the wrong shape; a call's faults are told,
for it can be answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stockade import limits
from stockade.core.wire.happenings import CallOptions, Export, Message, Raw
from stockade.errors import Breach, BreachCode, CommandError

__all__ = [
    "emitted_of",
    "end_of",
    "error_map",
    "error_message",
    "error_of",
    "exports_of",
    "fault_of_call",
    "fault_of_names",
    "frame_of",
    "integer",
    "number_of",
    "stub_of",
    "value_of",
]


def integer(value: Any) -> int | None:
    """The protocol's integer that `value` is, also where an encoder wrote it as a float; None if it is none."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= limits.LARGEST_ID else None


def number_of(message: Message, at: int = 1) -> int:
    """The integer at that place, behind the verb if none is said."""
    number = message[at] if len(message) > at else None
    if type(number) is not int or not 0 <= number <= limits.LARGEST_ID:  # first, for nearly all are
        number = integer(number)
        if number is None:
            raise _bad(f"a {message[0]} without its number")
    return number


def stub_of(message: Message) -> str:
    """What the stub of a `hello` calls itself; a version that is not spoken is a breach of its own."""
    hello = message[1] if len(message) > 1 else None
    if type(hello) is not dict or type(stub := hello.get("stub")) is not str:
        raise _bad("hello carries no map with 'protocol' and 'stub'")
    version = integer(hello.get("protocol"))
    if version is None:
        raise _bad("hello carries no protocol version")
    if version != limits.PROTOCOL:
        raise Breach(BreachCode.VERSION, f"the worker speaks version {version}, the core {limits.PROTOCOL}")
    return stub


def exports_of(message: Message) -> dict[str, Export]:
    """What a `ready` with something behind its verb exports."""
    said = message[1]
    exports = said.get("exports", {}) if type(said) is dict else None
    if type(exports) is not dict:
        raise _bad("ready carries no map with a map of 'exports'")
    if len(exports) > limits.EXPORTS:
        raise Breach(BreachCode.EXPORTS, f"{len(exports)} commands, and {limits.EXPORTS} is the limit")
    return {name: _export(name, given) for name, given in exports.items()}


def _export(name: str, given: Any) -> Export:
    if type(given) is not dict or not 0 < len(name) <= limits.NAME:
        raise _bad(f"the export {name[:60]!r} has no map, or no name of 1 to {limits.NAME} characters")
    concurrency, idempotent = integer(given.get("concurrency", 1)), given.get("idempotent", False)
    if not concurrency or type(idempotent) is not bool:
        raise _bad(f"the export {name[:60]!r} has a 'concurrency' below 1, or an 'idempotent' that is no boolean")
    return Export(concurrency, idempotent)


def emitted_of(message: Message) -> int:
    """The count of emits that a `bye` carries."""
    bye = message[1] if len(message) > 1 else None
    emitted = integer(bye.get("emitted")) if type(bye) is dict else None
    if emitted is None:
        raise _bad("bye carries no count of emits")
    return emitted


def fault_of_call(message: Message) -> str | None:
    """What is wrong with a call, its id and options apart."""
    if len(message) < 4:
        return 'a call is ["call", id, command, {arguments}]'
    if type(message[2]) is not str or not 0 < len(message[2]) <= limits.NAME:
        return f"the command is no text of 1 to {limits.NAME} characters"
    if type(message[3]) is not dict:
        return "the arguments are no map"
    return None


def fault_of_names(arguments: dict[str, Any], options: CallOptions | None, frames: Mapping[str, Raw]) -> str | None:
    """What is wrong with the names of a call's arguments: one that stands in two places."""
    names = [*arguments, *frames, *(offer.argument for offer in (options.channels if options is not None else ()))]
    if len(set(names)) == len(names):
        return None
    twice = next(name for name in names if names.count(name) > 1)
    return f"the argument {twice[:60]!r} stands in two places: a value, a raw frame, a channel"


def value_of(message: Message, frames: dict[int, Raw]) -> Any:
    """The third element of a message, or the raw frame that its options put in its place, taken out of `frames`."""
    if len(message) == 3:
        return message[2]
    if len(message) < 3:
        raise _bad(f"a {message[0]} without id and value")
    options = message[3]
    if type(options) is not dict:
        raise _bad(f"the options of a {message[0]} are no map")
    for name in options:
        if name.startswith("!"):
            raise _bad(f"a {message[0]} insists on {name[:60]!r}, which is not known here")
    if "raw" not in options:
        return message[2]
    index = integer(options["raw"])
    if index is None or message[2] is not None:
        raise _bad(f"a raw {message[0]} with a value too, or without the index of its frame")
    return frame_of(index, frames)


def frame_of(index: int, frames: dict[int, Raw]) -> Raw:
    """A raw frame, taken out of `frames`: each is referred to once."""
    frame = frames.pop(index, None)
    if frame is None:
        raise Breach(BreachCode.BAD_FRAME, f"there is no raw frame {index}, or it was referred to before")
    return frame


def end_of(message: Message) -> CommandError | None:
    """The error of an `end`, if it has one."""
    return error_of(message) if len(message) > 2 else None


def error_of(message: Message) -> CommandError:
    """The error that stands third in a message."""
    said = message[2] if len(message) > 2 else None
    if type(said) is not dict or type(said.get("code")) is not str or type(said.get("message")) is not str:
        raise _bad(f"the error of {message[0]} is no map with 'code' and 'message'")
    return CommandError(said["code"], said["message"], said.get("data"))


def error_map(code: str, message: str, data: Any = None) -> dict[str, Any]:
    """An error as it crosses the wire; without `data` where there is none."""
    error: dict[str, Any] = {"code": str(code), "message": message}
    if data is not None:
        error["data"] = data
    return error


def error_message(number: int, code: str, message: str, data: Any = None) -> Message:
    """The message that ends call `number` with an error."""
    return ["error", number, error_map(code, message, data)]


def _bad(reason: str) -> Breach:
    return Breach(BreachCode.BAD_MESSAGE, reason)
