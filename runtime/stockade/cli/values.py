"""Arguments and answers as they are written on a command line: JSON, with a form for what JSON lacks.

Bytes are ``{"$bytes": "aGVsbG8="}`` (base64), in both directions. Knows no command.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from stockade.cli.usage import Usage
from stockade.config.wording import quoted

__all__ = ["arguments", "as_written", "raw", "texts"]

#: The one key of the map that stands for bytes.
_BYTES = "$bytes"
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
        _check_bytes(name, value)
    return values


def as_written(value: Any) -> str:
    """An answer as JSON in several lines, in which nothing can move a cursor."""
    written = json.dumps(value, ensure_ascii=False, indent=2)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", written)


def raw(value: Any) -> bytes:
    """An answer for programs: bytes and text as they are, anything else as JSON in one line."""
    if isinstance(value, str):
        return value.encode()
    encoded = _encoded(value)
    if encoded is not None:
        return base64.b64decode(encoded)
    return json.dumps(value).encode() + b"\n"


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's, not JSON's: a note of that name is text."""
    raise ValueError(name)


def _encoded(value: Any) -> Any:
    """What stands for bytes, or None where `value` does not."""
    return value[_BYTES] if isinstance(value, dict) and list(value) == [_BYTES] else None


def _check_bytes(name: str, value: Any) -> None:
    encoded = _encoded(value)
    if encoded is not None:
        try:
            base64.b64decode(encoded, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise Usage(f"the bytes in {quoted(name)} are no base64", f'write {{"{_BYTES}": "aGVsbG8="}}') from None
        return
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        _check_bytes(name, member)
