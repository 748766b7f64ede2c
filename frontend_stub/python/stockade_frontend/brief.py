"""Reads and writes what is short without the decoder and the encoder: most calls and answers, one at a time, are.

Knows no conversation: what `wire` would make of the same, or None where that is the one to ask.
"""

# A call that is alone finds cold caches, since the process has slept: there each thing costs by how much different code
# it is, and cbor2 is much. Measured in a worker, one call at a time, in µs: an answer read 5.2 by `wire` and 2.1 to 3.5
# here; a call written 5.7 with check and encoder, 2.5 to 4.0 here. Warm it is less than half, too.

from __future__ import annotations

from typing import Any

__all__ = ["call", "read", "result"]

#: What is longer is no longer read faster here.
_LONGEST = 96
_SIMPLE: dict[int, bool | None] = {0xF4: False, 0xF5: True, 0xF6: None}
_WRITTEN = {False: b"\xf4", True: b"\xf5", None: b"\xf6"}
#: How an array of four begins whose first is the text "call".
_CALL = b"\x84dcall"
#: How a batch begins that is one result: the call's id and the value follow.
_RESULT = b"\x81\x83fresult"
#: The heads of maps of so many pairs.
_MAPS = tuple(bytes((0xA0 + count,)) for count in range(24))
#: Names, encoded, so many at most: a worker may make them up without end.
_names: dict[str, bytes] = {}
_REMEMBERED = 1024


def read(data: bytes) -> list[list[Any]] | None:
    """The batch of one message that `data` encodes, if it is of short scalars and of maps of such.

    None for anything else, and for whatever is wrong: the codec says what.
    """
    size = len(data)
    if not 2 < size <= _LONGEST or data[0] != 0x81 or not 0x80 < data[1] < 0x98:
        return None
    message: list[Any] = []
    within: dict[str, Any] | None = None  # the map that is being read
    left = 0  # of its pairs
    name: str | None = None  # the key whose value is next
    value: Any
    at = 2
    try:
        while at < size:
            head = data[at]
            at += 1
            if 0x60 <= head < 0x78:
                end = at + head - 0x60
                value = data[at:end].decode()
                at = end  # behind the end of `data` if the text is: seen below
            elif head < 24:
                value = head
            elif head == 25:
                value = data[at] << 8 | data[at + 1]
                at += 2
            elif head == 24:
                value = data[at]
                at += 1
            elif head == 26:
                value = int.from_bytes(data[at : at + 4], "big")
                at += 4
            elif head in _SIMPLE:
                value = _SIMPLE[head]
            elif 0xA0 <= head < 0xB8 and within is None:
                value = {}
                message.append(value)
                left = head - 0xA0
                within = value if left else None
                continue
            else:
                return None
            if within is None:
                message.append(value)
            elif name is not None:
                within[name] = value
                name = None
                left -= 1
                if not left:
                    within = None
            elif type(value) is str and value not in within:
                name = value
            else:
                return None
    except (IndexError, UnicodeDecodeError):
        return None
    if at != size or within is not None or len(message) != data[1] - 0x80:
        return None
    return [message]


def result(data: bytes) -> tuple[int, Any] | None:
    """Id and value of a batch that is one result of a short scalar; None for anything else, and for what is wrong."""
    if data[:9] != _RESULT or len(data) > _LONGEST:
        return None
    try:
        if data[9] == 25:  # most ids, once there were a few hundred
            ident, at = data[10] << 8 | data[11], 12
        else:
            ident, at = _scalar(data, 9)
        value, at = _scalar(data, at)
    except (IndexError, UnicodeDecodeError):
        return None
    return (ident, value) if at == len(data) and type(ident) is int else None


def call(ident: int, command: str, arguments: dict[str, Any]) -> bytes | None:
    """The message of a call whose names are short and whose arguments are short scalars; None for any other."""
    begin, name = _integer(ident), _names.get(command) or _name(command)
    if begin is None or name is None or len(arguments) > 23:
        return None
    message = _CALL + begin + name + _MAPS[len(arguments)]
    for key, value in arguments.items():
        kind = type(value)
        name = _names.get(key) or _name(key)
        written = (
            _integer(value)
            if kind is int
            else _text(value)
            if kind is str
            else _WRITTEN[value]
            if value is None or kind is bool
            else None
        )
        if name is None or written is None:
            return None
        message += name + written
    return message


def _scalar(data: bytes, at: int) -> tuple[Any, int]:
    """The short scalar at this place, and the place behind it; a place behind all of `data` where there is none."""
    head = data[at]
    if head < 24:
        return head, at + 1
    if 0x60 <= head < 0x78:
        end = at + head - 0x5F
        return data[at + 1 : end].decode(), end
    if head == 25:
        return data[at + 1] << 8 | data[at + 2], at + 3
    if head == 24:
        return data[at + 1], at + 2
    if head == 26:
        return int.from_bytes(data[at + 1 : at + 5], "big"), at + 5
    return (_SIMPLE[head], at + 1) if head in _SIMPLE else (None, len(data) + 1)


def _name(name: str) -> bytes | None:
    """The name of a command or an argument, encoded, and remembered: they come again and again."""
    written = _text(name)
    if written is not None:
        if len(_names) >= _REMEMBERED:
            _names.clear()
        _names[name] = written
    return written


def _text(value: str) -> bytes | None:
    return bytes((0x60 + len(value),)) + value.encode() if len(value) < 24 and value.isascii() else None


def _integer(value: int) -> bytes | None:
    if 255 < value < 65536:
        return b"\x19" + value.to_bytes(2, "big")
    if 0 <= value < 24:
        return bytes((value,))
    if 0 < value < 256:
        return bytes((0x18, value))
    return b"\x1a" + value.to_bytes(4, "big") if 0 < value < 2**32 else None
