"""Arguments and answers as they are written on a command line: JSON, with a form for what JSON lacks.

Bytes are ``{"$bytes": "aGVsbG8="}`` (base64), and floats that are no number ``{"$float": "nan"}``, in both directions.
Knows no command.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from stockade.cli.usage import Usage
from stockade.config.wording import quoted

__all__ = ["arguments", "as_written", "in_one_line", "raw", "texts"]


def _bytes(encoded: Any) -> bytes:
    return base64.b64decode(encoded, validate=True)


def _float(word: Any) -> float:
    if word not in ("nan", "inf", "-inf"):
        raise ValueError(word)
    return float(word)


#: The maps of one key that stand for what JSON lacks: how each is read, and an example of it.
_STAND_INS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "$bytes": (_bytes, '{"$bytes": "aGVsbG8="}, which is base64'),
    "$float": (_float, '{"$float": "nan"}, or "inf" or "-inf"'),
}
#: What JSON lets through as it is, and a terminal may act on: C1, zero-width and direction marks, line separators.
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def texts(words: Iterable[str]) -> dict[str, str]:
    """The ``name=value`` of `words`, split; raises Usage for a word that is none, and for a name that comes twice."""
    split: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Usage(f"{quoted(word)} is no argument", "write name=value")
        if name in split:
            raise Usage(f"{quoted(name)} is given twice", "write it once; a list is name='[1, 2]'")
        split[name] = value
    return split


def arguments(words: Iterable[str]) -> dict[str, Any]:
    """The arguments that `words` stand for: a value that is JSON is that value, any other is text. Raises Usage."""
    values = {name: _value(text) for name, text in texts(words).items()}
    for name, value in values.items():
        _check(name, value)
    return values


def as_written(value: Any) -> str:
    """An answer as JSON in several lines, in which nothing can move a cursor."""
    return _safe(json.dumps(value, ensure_ascii=False, indent=2))


def in_one_line(value: Any) -> str:
    """The same in one line, for an item of a stream."""
    return _safe(json.dumps(value, ensure_ascii=False))


def _safe(written: str) -> str:
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", written)


def raw(value: Any) -> bytes:
    """An answer for programs: bytes and text as they are, anything else as JSON in one line."""
    match value:
        case str():
            return value.encode()
        case {"$bytes": encoded} if len(value) == 1:
            return _bytes(encoded)
    return json.dumps(value).encode() + b"\n"


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's: a note of that name is text."""
    raise ValueError(name)


def _finite(digits: str) -> float:
    """1e999 is no float that JSON could give back: it stays text."""
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(digits)
    return value


def _check(name: str, value: Any) -> None:
    """Raise Usage for what stands for something, and does not."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    [key] = value if isinstance(value, dict) and len(value) == 1 else [""]
    if key in _STAND_INS:
        read, example = _STAND_INS[key]
        try:
            read(value[key])
        except (ValueError, TypeError):  # no base64 is a ValueError
            raise Usage(f"{quoted(key)} in {quoted(name)} cannot be read", f"write {example}") from None
        return
    for member in members:
        _check(name, member)
