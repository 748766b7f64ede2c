"""Reads and writes what is short without the decoder and the encoder: most calls and answers, one at a time, are.

Knows no message: bytes in, what `codec` would make of them out, or None where that is the one to ask.
"""

# A call that comes alone finds cold caches, since the process has slept: there each thing costs by how much different
# code it is, and cbor2 is much. Measured within the core, one call at a time: a call read 7.4 µs by the codec and 4.5
# here, its answer written 2.5 and 1.6; in all, since the rest is then warmer, 6 µs of 36 on the way from the wake-up to
# the answer. Warm, a call is read in 2.4 and 1.3. (Compiled with mypyc, a reader of this kind was no faster when cold.)

from __future__ import annotations

from typing import Any

__all__ = ["read", "write"]

#: What is longer is no longer read faster here.
_LONGEST = 96
_SIMPLE: dict[int, bool | None] = {0xF4: False, 0xF5: True, 0xF6: None}
_WRITTEN = {False: b"\xf4", True: b"\xf5", None: b"\xf6"}


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


def write(value: object) -> bytes | None:
    """A small integer, a short text of ASCII, a boolean or null, encoded; None for anything else."""
    if type(value) is int:
        if 0 <= value < 24:
            return bytes((value,))
        if 255 < value < 65536:
            return b"\x19" + value.to_bytes(2, "big")
        if 0 < value < 256:
            return bytes((0x18, value))
        return b"\x1a" + value.to_bytes(4, "big") if 0 < value < 2**32 else None
    if type(value) is str:
        return bytes((0x60 + len(value),)) + value.encode() if len(value) < 24 and value.isascii() else None
    return _WRITTEN[value] if value is None or type(value) is bool else None
