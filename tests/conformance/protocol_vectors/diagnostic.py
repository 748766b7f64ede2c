"""CBOR diagnostic notation (RFC 8949, section 8), compiled to bytes and to the values of vectors.json.

Written for the vectors alone, from the RFC and from neither codec, so that what it writes can judge them. It also
writes what the strict profile refuses (tags, indefinite lengths, wide lengths). Knows nothing of the protocol.

An encoding indicator behind an item or an opening bracket gives the width of its head, as in the RFC: ``_0`` one byte
more, ``_1`` two, ``_2`` four, ``_3`` eight. ``_`` alone is an indefinite length. Without one the shortest form is
written.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Iterable
from typing import Any

import attrs

__all__ = ["Item", "NotInTheProfile", "compile_item"]

#: What `Item.value` is for something that vectors.json cannot say.
NotInTheProfile = object()

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<text>"(?:[^"\\]|\\.)*")
  | (?P<bytes>h'[0-9a-f\s]*')
  | (?P<float>-?(?:\d+\.\d+(?:[eE][+-]?\d+)?|Infinity)|NaN)
  | (?P<int>-?\d+)
  | (?P<word>[a-z]+)
  | (?P<indicator>_[0-3]?)
  | (?P<mark>[][{}(),:])
    """,
    re.VERBOSE,
)
_WORDS = {"false": b"\xf4", "true": b"\xf5", "null": b"\xf6", "undefined": b"\xf7"}
_VALUES: dict[str, Any] = {"false": False, "true": True, "null": None}


@attrs.frozen
class Item:
    """One data item: its bytes, and its value in the notation of vectors.json."""

    cbor: bytes
    value: Any


def compile_item(text: str) -> Item:
    """The item that `text` writes; raises ValueError where it writes none."""
    reader = _Reader(_tokens(text))
    item = reader.item()
    if reader.rest:
        raise ValueError(f"text behind the item: {reader.rest[:3]}")
    return item


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"no diagnostic notation: {text[at : at + 20]!r}")
        if match.lastgroup != "space":
            found.append((match.lastgroup, match.group()))
        at = match.end()
    return found


@attrs.define
class _Reader:
    rest: list[tuple[str, str]]

    def item(self) -> Item:
        kind, text = self.rest.pop(0)
        read: Callable[[str], Item] = getattr(self, f"_{kind}")  # by the names of _TOKEN's groups
        return read(text)

    def _text(self, text: str) -> Item:
        value: str = json.loads(text)
        return Item(_string(3, value.encode(), self._width()), value)

    def _bytes(self, text: str) -> Item:
        value = bytes.fromhex(text[2:-1])
        return Item(_string(2, value, self._width()), {"$bytes": value.hex()})

    def _int(self, text: str) -> Item:
        number, width = int(text), self._width()
        if self._take("("):
            return self._tag(number, width)
        cbor = _head(0, number, width) if number >= 0 else _head(1, -1 - number, width)
        return Item(cbor, number if abs(number) < 2**53 else {"$int": str(number)})

    def _tag(self, number: int, width: int | None) -> Item:
        content = self.item()
        self._need(")")
        return Item(_head(6, number, width) + content.cbor, NotInTheProfile)

    def _float(self, text: str) -> Item:
        number = float(text)
        return Item(_float(number, self._width()), {"$float": text})

    def _word(self, text: str) -> Item:
        if text == "simple":
            self._need("(")
            number = int(self.rest.pop(0)[1])
            self._need(")")
            return Item(_head(7, number, None), NotInTheProfile)
        if text not in _WORDS:
            raise ValueError(f"no simple value: {text}")
        return Item(_WORDS[text], _VALUES.get(text, NotInTheProfile))

    def _mark(self, text: str) -> Item:
        return {"[": self._array, "{": self._map, "(": self._chunks}[text]()

    def _array(self) -> Item:
        indefinite, width = self._opening()
        items = self._until("]", self.item)
        head = b"\x9f" if indefinite else _head(4, len(items), width)
        values = [item.value for item in items]
        sayable = not indefinite and NotInTheProfile not in values
        return Item(_whole(head, (item.cbor for item in items), indefinite), values if sayable else NotInTheProfile)

    def _map(self) -> Item:
        indefinite, width = self._opening()
        pairs = self._until("}", self._pair)
        head = b"\xbf" if indefinite else _head(5, len(pairs), width)
        cbor = _whole(head, (key.cbor + value.cbor for key, value in pairs), indefinite)
        return Item(cbor, NotInTheProfile if indefinite else _map_value(pairs))

    def _pair(self) -> tuple[Item, Item]:
        key = self.item()
        self._need(":")
        return key, self.item()

    def _chunks(self) -> Item:
        self._need("_")
        chunks = self._until(")", self.item)
        head = bytes([(chunks[0].cbor[0] & 0xE0) | 31])
        return Item(_whole(head, (chunk.cbor for chunk in chunks), True), NotInTheProfile)

    def _until(self, mark: str, read: Callable[[], Any]) -> list[Any]:
        found: list[Any] = []
        while not self._take(mark):
            if found:
                self._need(",")
            found.append(read())
        return found

    def _opening(self) -> tuple[bool, int | None]:
        indefinite = self._take("_")
        return indefinite, None if indefinite else self._width()

    def _width(self) -> int | None:
        if self.rest and self.rest[0][0] == "indicator" and self.rest[0][1] != "_":
            return int(self.rest.pop(0)[1][1])
        return None

    def _take(self, text: str) -> bool:
        if self.rest and self.rest[0][1] == text:
            self.rest.pop(0)
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise ValueError(f"{text!r} is missing before {self.rest[:3]}")


def _map_value(pairs: list[tuple[Item, Item]]) -> Any:
    keys = [key.value for key, _ in pairs]
    sayable = all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys)
    if not sayable or any(value.value is NotInTheProfile for _, value in pairs):
        return NotInTheProfile
    if any(key.startswith("$") for key in keys):
        return {"$map": [[key.value, value.value] for key, value in pairs]}
    return {key.value: value.value for key, value in pairs}


def _whole(head: bytes, parts: Iterable[bytes], indefinite: bool) -> bytes:
    return head + b"".join(parts) + (b"\xff" if indefinite else b"")


def _string(major: int, content: bytes, width: int | None) -> bytes:
    return _head(major, len(content), width) + content


def _head(major: int, number: int, width: int | None) -> bytes:
    """The initial byte and the argument: of the given width, or the shortest."""
    if width is None:
        if number < 24:
            return bytes([major << 5 | number])
        width = next(width for width in range(4) if number < 256 ** (1 << width))
    return bytes([major << 5 | 24 + width]) + number.to_bytes(1 << width, "big")


_FORMATS = {1: (0xF9, ">e"), 2: (0xFA, ">f"), 3: (0xFB, ">d")}


def _float(number: float, width: int | None) -> bytes:
    """A float of the given width (1 half, 2 single, 3 double), or of the narrowest that keeps its value."""
    if width is None:
        width = next(width for width in _FORMATS if _keeps(_FORMATS[width][1], number))
    initial, form = _FORMATS[width]
    return bytes([initial]) + struct.pack(form, number)


def _keeps(form: str, number: float) -> bool:
    try:
        (back,) = struct.unpack(form, struct.pack(form, number))
    except OverflowError:
        return False
    return math.isnan(number) or back == number
