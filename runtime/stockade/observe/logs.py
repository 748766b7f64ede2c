"""One thing to log, and how people and machines read it. Knows no descriptor and no clock.

A worker writes what it likes; here its text becomes harmless. In lines for people every control character, every
character that changes the direction of text and every line separator is escaped, so that nobody can paint over the
screen or forge a line of somebody else. In JSON lines everything beyond ASCII is escaped, so that they say exactly
what was written.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

__all__ = [
    "FORMATS",
    "LEVELS",
    "Record",
    "escape",
    "exit_text",
    "format_human",
    "format_json",
    "is_shown",
    "parse_json",
]

#: The levels, from the least.
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_COLORS = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
#: What stands between a source and its text: who reads it sees what is a record and what a worker's own words.
_MARKS = {None: ":", "stdout": " |", "stderr": " !"}

#: C0 but tab, DEL and C1; zero-width and direction marks; line and paragraph separators; lone surrogates; the BOM.
_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")
#: A value that needs no quotes behind ``key=``.
_BARE = re.compile(r"[^\s\"'=]+")


@attrs.frozen
class Record:
    """One thing to log: a line of a worker's output (`stream` is set), or something that happened (`event` is).

    `time` is seconds since the epoch; `event` never changes its meaning, `message` is for people; `fields` are JSON
    values; `lines` belong to it: a worker's last words, a traceback. `counts` are fields, too: numbers, and maps of
    them, of which people are not shown what is zero.
    """

    time: float
    level: str
    source: str  # "supervisor", "core", "editor@3"
    message: str
    event: str | None = None
    fields: dict[str, Any] = attrs.field(factory=dict)
    lines: tuple[str, ...] = ()
    stream: str | None = None  # "stdout" or "stderr"
    counts: dict[str, Any] = attrs.field(factory=dict)


def escape(text: str) -> str:
    """The text with what could move a cursor, end a line or turn the text around written as an escape."""
    return _UNSAFE.sub(_escape_one, text)


def _escape_one(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def is_shown(level: str, least: str) -> bool:
    """Whether a record of `level` is shown when `least` is asked for."""
    return LEVELS[level] >= LEVELS[least]


def exit_text(code: int) -> str:
    """How a process ended, in words: ``exit status 1``, ``signal SIGSEGV`` (a negative code)."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"


def format_human(record: Record, color: bool) -> str:
    """The record for people: one line, then `lines` indented. Without a newline at its end."""
    clock = _local(record.time).strftime("%H:%M:%S.%f")[:-3]
    # A worker's own words have no level: it did not give one.
    level = "" if record.stream else record.level
    words = f"{escape(record.source)}{_MARKS[record.stream]} {escape(record.message)}"
    shown = [(name, value) for name, value in record.fields.items() if value is not None]
    fields = "".join(f" {escape(name)}={_field(value)}" for name, value in [*shown, *_counted(record.counts)])
    if color:
        clock = f"{_DIM}{clock}{_PLAIN}"
        fields = f"{_DIM}{fields}{_PLAIN}" if fields else ""
    level = f"{_COLORS[record.level]}{level:7}{_PLAIN}" if color and level else f"{level:7}"
    return "\n".join([f"{clock} {level} {words}{fields}", *(f"    | {escape(line)}" for line in record.lines)])


def _local(seconds: float) -> datetime:
    """The time in this machine's zone."""
    return datetime.fromtimestamp(seconds, UTC).astimezone()


def _counted(counts: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """What is not zero, without braces: ``{"refusals": {"call busy": 3}}`` is ``refusals.call.busy=3``."""
    for name, value in counts.items():
        path = above + name.replace(" ", ".")
        if isinstance(value, Mapping):
            yield from _counted(value, f"{path}.")
        elif value:
            yield path, value


def _field(value: Any) -> str:
    if isinstance(value, str):
        return escape(value if _BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False))
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return escape(json.dumps(value, ensure_ascii=False, default=str))


def format_json(record: Record, color: bool = False) -> str:
    """The record as one line of JSON, ASCII alone, without a newline: time (ISO 8601 with its zone), level, source,
    event, message, stream, lines, then the fields; what is empty is left out. `color` changes nothing.
    """
    own: dict[str, Any] = {
        "time": _local(record.time).isoformat(timespec="milliseconds"),
        "level": record.level,
        "source": record.source,
        "event": record.event,
        "message": record.message,
        "stream": record.stream,
        "lines": list(record.lines) or None,
    }
    shown = {name: value for name, value in own.items() if value is not None}
    # A field never stands for the record's own: `source` above is the truth.
    fields = {**record.fields, **record.counts}
    fields = {name: value for name, value in fields.items() if name not in own and value is not None}
    return json.dumps({**shown, **fields}, default=str)


def parse_json(line: str) -> Record:
    """The record of a line that `format_json` has made; raises ValueError for what is none."""
    try:
        said = json.loads(line)
        own = {name: said.pop(name, None) for name in ("level", "source", "message", "event", "stream")}
        when, lines = datetime.fromisoformat(said.pop("time")).timestamp(), tuple(said.pop("lines", ()))
        return Record(when, fields=said, lines=lines, **own)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no record: {line:.100}") from error


#: What `--log-format` may say.
FORMATS: dict[str, Callable[[Record, bool], str]] = {"human": format_human, "json": format_json}
