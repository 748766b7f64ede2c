"""The scalar types: what each takes from the wire, and what it becomes there. One row of a table each.

Knows no containers, classes or names of arguments. A value is never coerced: what would need it does not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path, PosixPath, PurePath, PurePosixPath
from typing import Any
from uuid import UUID

import attrs

from stockade.core.types.values import INT_MAX, INT_MIN, Mismatch, Wire, shown

__all__ = ["PRIMITIVES", "SCALARS", "Scalar", "fits_wire", "in_range"]

#: Characters of the text of a date, UUID or decimal: none that is meant is longer, and parsing hostile text costs.
LONGEST = 64
#: Powers of ten that a decimal may have: `int(Decimal("1e999999999"))` would take the whole memory.
LARGEST_EXPONENT = 64


@attrs.frozen
class Scalar:
    """How one type crosses the wire. `structure` raises Mismatch, `encode` ValueError."""

    expected: str
    wire: frozenset[Wire]
    structure: Callable[[Any], Any]
    encode: Callable[[Any], Any]


def in_range(value: int) -> int:
    """`value`, if it is an integer of the wire; raises ValueError."""
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError("an integer of more than 64 bits cannot cross the wire: send it as text")
    return value


def fits_wire(text: str) -> str:
    """`text`, if it is Unicode that UTF-8 can say; raises ValueError for lone surrogates.

    Python has them in the names of files whose bytes are not UTF-8.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("text with lone surrogates is no Unicode and cannot cross the wire: send bytes") from None
    return text


def _exactly(kind: type, wire: Wire) -> Callable[[Any], Any]:
    def structure(value: Any) -> Any:
        if type(value) is not kind:
            raise Mismatch.of(wire, value)
        return value

    return structure


def _bytes(value: Any) -> bytes:
    """Bytes that came as a raw frame are a view of it, until somebody wants them."""
    if type(value) is memoryview:
        return bytes(value)
    if type(value) is not bytes:
        raise Mismatch.of(Wire.BYTES, value)
    return value


def _view(value: Any) -> memoryview:
    if type(value) is not memoryview and type(value) is not bytes:
        raise Mismatch.of(Wire.BYTES, value)
    return memoryview(value)


def _int(value: Any) -> int:
    if type(value) is not int:
        raise Mismatch.of("int", value)
    if not INT_MIN <= value <= INT_MAX:
        raise Mismatch("expected an int of 64 bits, got a larger one")
    return value


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(_int(value))
    raise Mismatch.of("float", value)


def _parsed(expected: str, parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Structures text by `parse`, which raises ValueError or ArithmeticError for what is no such text."""

    def structure(value: Any) -> Any:
        if type(value) is not str:
            raise Mismatch.of(expected, value)
        try:
            if len(value) <= LONGEST:
                return parse(value)
        except (ValueError, ArithmeticError):
            pass  # said below, with the text
        raise Mismatch(f"expected {expected}, got {shown(value)}")

    return structure


def _datetime(text: str) -> datetime:
    if "T" not in text and " " not in text:
        raise ValueError("a date is no time")
    return datetime.fromisoformat(text)


def _uuid(text: str) -> UUID:
    parsed = UUID(text)
    if str(parsed) != text.lower():
        raise ValueError("not the canonical form")
    return parsed


def _bounded_decimal(value: Decimal) -> Decimal:
    if not value.is_finite() or abs(value.adjusted()) > LARGEST_EXPONENT or len(str(value)) > LONGEST:
        raise ValueError(f"a decimal must be finite, of at most {LONGEST} characters and near enough to 1")
    return value


def _decimal(text: str) -> Decimal:
    try:
        return _bounded_decimal(Decimal(text))
    except InvalidOperation as error:
        raise ValueError("no decimal") from error


def _path(kind: type[PurePath]) -> Callable[[Any], Any]:
    def structure(value: Any) -> PurePath:
        if type(value) is not str:
            raise Mismatch.of("a path as text", value)
        if not value or "\0" in value:
            raise Mismatch("expected a path as text, got text that is empty or has a NUL")
        return kind(value)

    return structure


def _timedelta(value: Any) -> timedelta:
    if type(value) not in (int, float):
        raise Mismatch.of("seconds as a number", value)
    try:
        if isfinite(value):
            return timedelta(seconds=value)
    except OverflowError:
        pass  # said below
    raise Mismatch("expected seconds as a number that a timedelta can hold")


def _scalar(expected: str, structure: Callable[[Any], Any], encode: Callable[[Any], Any], *wire: Wire) -> Scalar:
    return Scalar(expected, frozenset(wire), structure, encode)


def _same(value: Any) -> Any:
    return value


#: Types that are values of the wire themselves.
PRIMITIVES: dict[type, Scalar] = {
    int: _scalar("int", _int, in_range, Wire.INT),
    float: _scalar("float", _float, _same, Wire.FLOAT, Wire.INT),
    str: _scalar("text", _exactly(str, Wire.TEXT), fits_wire, Wire.TEXT),
    bytes: _scalar("bytes", _bytes, _same, Wire.BYTES),
    bool: _scalar("bool", _exactly(bool, Wire.BOOL), _same, Wire.BOOL),
    type(None): _scalar("null", _exactly(type(None), Wire.NULL), _same, Wire.NULL),
}

#: Types that cross the wire as another's values (docs/types.md).
SCALARS: dict[type, Scalar] = {
    memoryview: _scalar("bytes", _view, bytes, Wire.BYTES),
    datetime: _scalar(
        "a date and time as ISO 8601 text",
        _parsed("a date and time as ISO 8601 text", _datetime),
        datetime.isoformat,
        Wire.TEXT,
    ),
    date: _scalar(
        "a date as ISO 8601 text", _parsed("a date as ISO 8601 text", date.fromisoformat), date.isoformat, Wire.TEXT
    ),
    time: _scalar(
        "a time as ISO 8601 text", _parsed("a time as ISO 8601 text", time.fromisoformat), time.isoformat, Wire.TEXT
    ),
    timedelta: _scalar("seconds as a number", _timedelta, timedelta.total_seconds, Wire.INT, Wire.FLOAT),
    UUID: _scalar("a UUID as text", _parsed("a UUID as text", _uuid), str, Wire.TEXT),
    Decimal: _scalar(
        "a decimal as text",
        _parsed("a decimal as text", _decimal),
        lambda value: str(_bounded_decimal(value)),
        Wire.TEXT,
    ),
    **{
        kind: _scalar("a path as text", _path(kind), lambda value: fits_wire(str(value)), Wire.TEXT)
        for kind in (Path, PosixPath, PurePath, PurePosixPath)
    },
}
