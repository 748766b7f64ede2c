"""Frames and values in the diagnostic notation of CBOR (RFC 8949, section 8), shortened for people. Knows no message.

What cannot be read as CBOR is shown in hexadecimal digits alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import cbor2

__all__ = ["diagnostic", "digits", "printable", "topical", "written"]

#: Characters of a text, bytes of bytes, items of an array: what is longer is cut, and its length said.
_LONGEST_TEXT, _LONGEST_BYTES, _LONGEST_ARRAY = 120, 32, 24
#: Bytes of a frame that are shown in hexadecimal digits.
_DIGITS = 96


def digits(frame: bytes) -> str:
    """The bytes of a frame in hexadecimal digits, cut where it is long."""
    if len(frame) <= _DIGITS:
        return frame.hex() or "(empty)"
    return f"{frame[:_DIGITS].hex()}... ({len(frame)} bytes)"


def diagnostic(frame: bytes) -> str:
    """What stands in a frame, or why it cannot be read."""
    try:
        return written(cbor2.loads(frame))
    except (cbor2.CBORError, ValueError, OverflowError, MemoryError, RecursionError, TypeError) as error:
        return f"(not CBOR: {str(error).partition(chr(10))[0]:.100})"


def topical(frame: bytes) -> str:
    """What stands in a frame of the events or emits socket: its topic, and what is behind."""
    topic, bar, body = frame.partition(b"|")
    return f"{topic.decode('ascii', 'backslashreplace')}| {diagnostic(body)}" if bar else repr(frame[:_LONGEST_TEXT])


def written(value: Any) -> str:
    """A value as text. What is none of CBOR's, a matcher of the steps, says itself what it is."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return _float(value)
        case int():
            return str(value)
        case str():
            return _cut(printable(json.dumps(value, ensure_ascii=False)), _LONGEST_TEXT, f"({len(value)} characters)")
        case bytes() | bytearray() | memoryview():
            return _bytes(bytes(value))
        case list() | tuple():
            return f"[{_joined(map(written, value[:_LONGEST_ARRAY]), value)}]"
        case dict():
            pairs = list(value.items())
            return f"{{{_joined((f'{written(key)}: {written(item)}' for key, item in pairs[:_LONGEST_ARRAY]), pairs)}}}"
        case cbor2.CBORTag():
            return f"{value.tag}({written(value.value)})"
        case cbor2.CBORSimpleValue():
            return f"simple({value.value})"
    return "undefined" if value is cbor2.undefined else str(value)


def printable(text: str) -> str:
    """The text with what would move a terminal's cursor, or colour it, written out; lines stay lines."""
    return "".join(each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text)


def _float(value: float) -> str:
    text = repr(value)
    return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)


def _bytes(value: bytes) -> str:
    return f"h'{_cut(value.hex(), 2 * _LONGEST_BYTES, f'({len(value)} bytes)')}'"


def _cut(text: str, longest: int, size: str) -> str:
    return text if len(text) <= longest else f"{text[:longest]}... {size}"


def _joined(shown: Iterable[str], whole: Sequence[Any]) -> str:
    more = [f"... ({len(whole)} in all)"] if len(whole) > _LONGEST_ARRAY else []
    return ", ".join([*shown, *more])
