"""The strict profile of CBOR (protocol, section 4): values to bytes and back, or a refusal. Knows no message."""

from __future__ import annotations

import os
from io import BytesIO
from typing import Any, NoReturn

from cbor2 import CBORDecodeError, CBORDecoder, CBORSimpleValue, dumps, loads, undefined

from stockade_frontend.errors import EncodeError

__all__ = ["DEPTH", "HIGHEST", "LARGEST_ID", "LOWEST", "DecodeError", "check", "decode", "encode", "integer"]

#: Containers within containers, the outermost counted.
DEPTH = 32
#: The protocol's own integers end here, where a double stops being exact.
LARGEST_ID = 2**53 - 1

LOWEST, HIGHEST = -(2**63), 2**63 - 1
_PLAIN = frozenset({str, bytes, float, bool, type(None)})


class DecodeError(ValueError):
    """Bytes that are not one item of the profile."""


def encode(value: Any, depth: int = DEPTH) -> bytes:
    """One CBOR item. Tuples are sent as arrays; of all other types only the profile's own, not their subclasses.

    `depth` is how many containers deep the value may be where it will stand. Raises `EncodeError` with the path of
    what cannot be said: the worker's own bug.
    """
    check(value, depth)
    try:
        return dumps(value)
    except UnicodeEncodeError:
        raise _surrogate(value) from None


def check(value: Any, depth: int) -> None:
    """Raise EncodeError for what cbor2 would send as something else: tags, big integers, keys that are not text.

    What is left to the encoder is text that is no Unicode.
    """
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is int:
        if not LOWEST <= value <= HIGHEST:
            raise EncodeError("an integer that does not fit into 64 bits")
    elif kind is dict:
        _deeper(depth)
        for key, item in value.items():
            if type(key) is not str:
                raise EncodeError(f"a map's key must be str, not {_name(type(key))}")
            if type(item) not in _PLAIN:
                _step(f".{key}", item, depth - 1)
    elif kind is list or kind is tuple:
        _deeper(depth)
        for index, item in enumerate(value):
            if type(item) not in _PLAIN:
                _step(f"[{index}]", item, depth - 1)
    else:
        raise EncodeError(f"{_name(kind)} cannot be sent; say it with int, float, str, bytes, bool, None, list or dict")


def _step(place: str, item: Any, depth: int) -> None:
    try:
        check(item, depth)
    except EncodeError as error:
        raise EncodeError(error.reason, _join(place, error.path)) from None


def _join(place: str, path: str) -> str:
    return place.removeprefix(".") + ("." if path and path[0] != "[" else "") + path


def _deeper(depth: int) -> None:
    if depth < 1:
        raise EncodeError(f"more than {DEPTH} containers within each other")


def _name(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _surrogate(value: Any) -> EncodeError:
    """Where in `value`, which has been checked, stands the text that is no Unicode: the encoder does not say."""
    if type(value) is dict:
        parts = [(f".{key}", part) for key, item in value.items() for part in (key, item)]
    elif type(value) is list or type(value) is tuple:
        parts = [(f"[{index}]", item) for index, item in enumerate(value)]
    else:
        return EncodeError("text with a lone surrogate, which UTF-8 cannot say")
    for place, item in parts:
        try:
            dumps(item)
        except UnicodeEncodeError:
            error = _surrogate(item)
            return EncodeError(error.reason, _join(ascii(place)[1:-1], error.path))
    raise AssertionError("the encoder refused text that cannot be found")  # pragma: no cover


def integer(value: Any) -> int | None:
    """The protocol's own integer that `value` is, or None. A float of integral value is one (some encoders do so)."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= LARGEST_ID else None


def _refuse(*_: Any) -> NoReturn:
    raise DecodeError("a tag")


#: Every tag that cbor2 would decode by itself; the others go to the tag hook.
_TAGS = dict.fromkeys(
    (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799),
    _refuse,
)
#: Without one of these bytes there can be no bytes (as keys), no integer of 8 bytes, no simple value.
_SUSPECT = bytes([0x1B, 0x3B, *range(0x40, 0x5C), *range(0xE0, 0xF4), 0xF7, 0xF8])


#: An array of two, and a second item that nobody outside this process knows.
_PAIR, _END = b"\x82", os.urandom(16)
_BEHIND = b"\x50" + _END
#: Above this, copying costs more than a stream.
_LARGE = 64 * 1024


def decode(data: bytes) -> Any:
    """The one value that `data` says. Raises `DecodeError` for anything that is not the profile: the sender's fault.

    `loads` does not say whether anything stands behind the item, and a decoder over a stream, which does, takes three
    times as long. So the item is read as the first of a pair, whose second must then be the one that was put there.
    """
    # Measured on a frame with one result, in µs: loads without a rule 0.45, this 0.9, with a stream 1.9; in a worker
    # that has slept until the answer came, so with cold caches, a call became 5 µs shorter.
    if len(data) > _LARGE:
        return _examined(_decode_exactly(data), data)
    try:
        # The pair is one level more, and cbor2 lets an *empty* container stand one level below its limit: what is
        # just as deep as it may be is read again, exactly.
        value, end = loads(
            _PAIR + data + _BEHIND,
            tag_hook=_refuse,
            semantic_decoders=_TAGS,
            max_depth=DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        )
    except CBORDecodeError:
        value = _decode_exactly(data)
    else:
        if end != _END:
            raise DecodeError("bytes after the item")
    return _examined(value, data)


def _examined(value: Any, data: bytes) -> Any:
    if len(data.translate(None, _SUSPECT)) != len(data):
        _examine(value)
    return value


def _decode_exactly(data: bytes) -> Any:
    """Read over a stream, to the very depth: what is large, or was refused with one level less."""
    stream = BytesIO(data)
    decoder = CBORDecoder(
        stream,
        tag_hook=_refuse,
        semantic_decoders=_TAGS,
        max_depth=DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
    )
    try:
        value = decoder.decode()
    except CBORDecodeError as error:
        raise DecodeError(str(error)) from None
    if stream.tell() != len(data):
        raise DecodeError("bytes after the item")
    if _depth(value) > DEPTH:
        raise DecodeError(f"more than {DEPTH} containers within each other")
    return value


def _depth(value: Any) -> int:
    if type(value) is dict:
        return 1 + max(map(_depth, value.values()), default=0)
    if type(value) is list:
        return 1 + max(map(_depth, value), default=0)
    return 0


def _examine(value: Any) -> None:
    """Refuse what cbor2 has no switch for. What it decodes has at most `DEPTH` levels, so this ends."""
    kind = type(value)
    if kind is int:
        if not LOWEST <= value <= HIGHEST:
            raise DecodeError("an integer that does not fit into 64 bits")
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise DecodeError("a map's key that is not text")
            if type(item) not in _PLAIN:
                _examine(item)
    elif kind is list:
        for item in value:
            if type(item) not in _PLAIN:
                _examine(item)
    elif kind is CBORSimpleValue or value is undefined:
        raise DecodeError("undefined, or a simple value")
