"""CBOR as few encoders write it, which a worker must take all the same: each head with eight bytes more."""

from __future__ import annotations

from typing import Any

import cbor2

__all__ = ["wide"]


def wide(value: Any) -> bytes:
    """The encoding of `value` in which each integer and each length has the widest head that there is."""
    match value:
        case bool() | None | float():
            return cbor2.dumps(value)
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            text = value.encode()
            return _head(3, len(text)) + text
        case list():
            return _head(4, len(value)) + b"".join(map(wide, value))
        case dict():
            return _head(5, len(value)) + b"".join(wide(key) + wide(item) for key, item in value.items())
    raise TypeError(f"{type(value).__name__} is no value")


def _head(major: int, number: int) -> bytes:
    return bytes((major << 5 | 27,)) + number.to_bytes(8, "big")
