"""How faults speak: what the user wrote in quotes, on one line, and the nearest word that there is.

Knows no fault: only words.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

__all__ = ["listed", "nearest", "one_line", "quoted", "shown"]

_LONGEST = 60


def quoted(text: str) -> str:
    """`text` in double quotes, as TOML would have it, without anything that could break or fake a line."""
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return f"\\u{ord(character):04X}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08X}"


def one_line(text: str, longest: int = 300) -> str:
    """`text` as it can stand in one line of a terminal: whitespace folded, control characters escaped."""
    folded = " ".join(text.split())
    line = "".join(character if character.isprintable() else _escaped(character) for character in folded)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def shown(value: Any) -> str:
    """A value of TOML, named so that its type is plain: ``the text "5"``, ``true``, ``a table``."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {quoted(value)}"
        case int() | float():
            return f"the number {value}"
        case datetime() | date() | time():
            return f"the time {value.isoformat()}"
        case dict():
            return "a table"
        case _:
            return "a list"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The word of `known` that `word` most resembles (or alone begins with), or None where none comes near."""
    words = {name.lower(): name for name in known}
    begun = [name for name in words if len(word) > 2 and name.startswith(word.lower())]
    if len(begun) == 1:
        return words[begun[0]]
    found = difflib.get_close_matches(word.lower(), words, n=1, cutoff=0.6)
    return words[found[0]] if found else None


def listed(words: Iterable[str], last: str = "or") -> str:
    """``a, b or c``."""
    *rest, end = words
    return f"{', '.join(rest)} {last} {end}" if rest else end
