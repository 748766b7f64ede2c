"""The strict profile of CBOR: values to bytes and back, refusing whatever the profile cannot say.

Knows no message: what the bytes mean is the conversation's. The profile is docs/protocol.md, section 4.
"""

from __future__ import annotations

import gc
import io
from collections.abc import Iterable
from typing import Any, NoReturn

import cbor2

from stockade import limits
from stockade.core.wire import brief

__all__ = ["WireError", "check", "decode", "encode", "join"]

_LEAST, _MOST = -(2**63), 2**63 - 1

#: Only a frame with one of these bytes can hold keys of bytes, integers of eight bytes, or simple values other than
#: false, true and null; looking for them costs nanoseconds where walking the value costs 50 ns an element.
_SUSPECT = bytes((0x1B, 0x3B, *range(0x40, 0x5C), *range(0xE0, 0xF4), 0xF7, 0xF8))


class WireError(ValueError):
    """Bytes that are not CBOR of the profile, or a value that it cannot say; the text says which part."""


def _refuse_tag(*_: Any) -> NoReturn:
    raise WireError("a tag, which the profile has none of")


#: cbor2 decodes these tags by itself (55799 even without a trace), so each is refused by name; all others by the hook.
_TAGS = dict.fromkeys((*range(300), 1004, 43000, 55799), _refuse_tag)


#: The head of an array of two, and its second item. None of its bytes is its own head: what a frame ends with cannot
#: be the beginning of an item that goes on behind it and is the same.
_PAIR, _END = b"\x82", b"nothing's behind"
_BEHIND = cbor2.dumps(_END)
#: Frames of more bytes than this are large: to copy them would cost more than a stream.
_LARGE = 64 * 1024
_FAULTS = (cbor2.CBORError, ValueError, OverflowError, MemoryError, RecursionError)


def decode(data: bytes) -> Any:
    """The one value that `data` encodes; raises WireError for anything that the profile does not have.

    `loads` does not tell whether anything stands behind the value. So the value is read as the first of a pair, whose
    second must then be what was put there.
    """
    # Measured on the frame of one call, as it comes after a sleep: 7 µs with one decoder that is kept and reads a
    # stream, 4 so. What runs once, with cold caches, costs by how much different code it is.
    if len(data) > _LARGE:
        return _decode_large(data)
    if _END in data:
        return _decode_exactly(data)
    try:
        # cbor2 lets an *empty* container stand one level below its limit, and the pair is one level: what is refused
        # here is read again by the decoder that tells exactly.
        value, end = cbor2.loads(
            _PAIR + data + _BEHIND,
            max_depth=limits.DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
            tag_hook=_refuse_tag,
            semantic_decoders=_TAGS,
        )
    except _FAULTS:
        return _decode_exactly(data)
    if end != _END:
        return _decode_exactly(data)
    return _examined(value, data)


def _decode_large(data: bytes) -> Any:
    """`decode` without a copy, and without the collector, which would walk what there is so far again and again: 4.4 s
    for 16 MiB of empty arrays, 1.9 without.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        value = _read(data, limits.DEPTH - 1)
    except WireError:
        return _decode_exactly(data)
    finally:
        if was_enabled:
            gc.enable()
    return _examined(value, data)


def _decode_exactly(data: bytes) -> Any:
    value = _read(data, limits.DEPTH)
    check(value, limits.DEPTH, exact=True)
    return value


def _examined(value: Any, data: bytes) -> Any:
    if len(data.translate(None, _SUSPECT)) != len(data):
        check(value, limits.DEPTH, exact=True)
    return value


def _read(data: bytes, depth: int) -> Any:
    """What a decoder over a stream reads. An empty container may stand one level below `depth`."""
    stream = io.BytesIO(data)
    decoder = cbor2.CBORDecoder(
        stream,
        max_depth=depth,
        allow_indefinite=False,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
        tag_hook=_refuse_tag,
        semantic_decoders=_TAGS,
    )
    try:
        value = decoder.decode()
    except _FAULTS as error:
        raise WireError(_first_line(error)) from error
    if stream.tell() != len(data):
        raise WireError(f"{len(data) - stream.tell()} bytes behind the value")
    return value


def encode(value: Any) -> bytes:
    """The bytes of a value that `check` has passed, or that this package made. Raises WireError for lone surrogates."""
    written = brief.write(value)
    if written is not None:
        return written
    try:
        return cbor2.dumps(value)
    except (cbor2.CBORError, ValueError, TypeError) as error:
        raise WireError(_first_line(error)) from error


def join(parts: Iterable[bytes], count: int) -> bytes:
    """The array of the `count` values that `parts` encode, without encoding them again."""
    head = bytes((0x80 | count,)) if count < 24 else b"\x98" + bytes((count,)) if count < 256 else b""
    return (head or b"\x99" + count.to_bytes(2, "big")) + b"".join(parts)


def check(value: Any, depth: int = limits.DEPTH - 3, *, exact: bool = False) -> None:
    """Raise WireError where `value` cannot cross the wire; `depth` leaves room for the message around a payload.

    `exact` is the receiver's: arrays are lists alone. A sender may pass tuples.
    """
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is int:
        if not _LEAST <= value <= _MOST:
            raise WireError(f"the integer {value} has more than 64 bits")
    elif kind is list or (kind is tuple and not exact):
        _descend(value, depth, exact)
    elif kind is dict:
        for name in value:
            if type(name) is not str:
                raise WireError(f"a key of a map is {name!r:.60}, not text")
        _descend(value.values(), depth, exact)
    else:
        raise WireError(f"a value of type {kind.__name__} cannot cross the wire")


_PLAIN = frozenset({str, bytes, bool, float, type(None)})


def _descend(values: Iterable[Any], depth: int, exact: bool) -> None:
    if not depth:
        raise WireError(f"nested deeper than {limits.DEPTH}")
    for value in values:
        if type(value) not in _PLAIN:
            check(value, depth - 1, exact=exact)


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ if isinstance(error.__cause__, WireError) else error
    return (str(cause) or type(cause).__name__).partition("\n")[0][:200]
