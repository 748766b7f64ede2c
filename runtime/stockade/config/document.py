"""A TOML text as values that remember their lines, with every fault of syntax in it.

Knows no key of Stockade's. Values are `tomllib`'s, the standard's own; lines are `positions`'. A statement that does
not parse is cut out, its fault noted, and the rest is read again: so one misplaced quote hides no other fault.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

import attrs

from stockade import limits
from stockade.config.positions import Mark, header_of, marks
from stockade.config.wording import quoted
from stockade.errors import Fault

__all__ = ["Document", "Node", "parse"]

#: So many faults of syntax are enough to show: the text is no TOML.
_MOST_FAULTS = 20

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_STATEMENT = re.compile(r"""\s*(?:\[{1,2}[\w\s"'.-]+\]{1,2}\s*(?:\#.*)?$|(?:[\w-]+|"[^"]*"|'[^']*')[\w\s"'.-]*=)""")
_HEADER = re.compile(r"\s*\[")
_ENDLESS = re.compile(r"[0-9][0-9_]{4000,}")
_TWICE = re.compile(r"Duplicate inline table key '(.*?)'")

#: How tomllib's messages begin, what they mean, and what to write instead: the first that fits.
_MEANINGS = (
    ("Invalid value", "this value is none that TOML has", 'write text in quotes, "like this"'),
    ("Unclosed array", "this list is not closed", 'write a comma between its elements and "]" at its end'),
    ("Unclosed inline table", "this table is not closed", 'write a comma between its keys and "}" at its end'),
    ("Unterminated string", "this text is not closed", "write a quote at its end"),
    ("Illegal character '\\n'", "this text is not closed", "write a quote at its end"),
    ("Illegal character", "this text holds a control character", 'write it as an escape, "\\u001b"'),
    ('Expected "', "this text is not closed", "write a quote at its end"),
    ("Expected '=' after", "this key has no value", "write key = value"),
    ("Expected ']", "this header is not closed", "write [table], or [[table]] for one of several"),
    ("Expected newline", "there is more on this line than one value", "write text in quotes, and one key to a line"),
    ("Unescaped '\\'", "this text holds a backslash that escapes nothing", "write it twice, or use single quotes"),
    ("Invalid initial character", "a key is missing here", "write key = value"),
    ("Found invalid character", "this line holds a control character", "write the line without it"),
    ("Invalid statement", "this line is neither key, table nor comment", "write key = value, [table] or # comment"),
    ("Escaped character", "this escape is no character", "write one between \\u0000 and \\uD7FF, or the text itself"),
)


@attrs.frozen
class Node:
    """A value and its line: a scalar of TOML, or a dict or list of further nodes."""

    line: int
    value: Any

    @property
    def members(self) -> dict[str, Node]:
        """The members of a table; of anything else none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def elements(self) -> list[Node]:
        """The elements of an array; of anything else none."""
        return self.value if isinstance(self.value, list) else []

    def plain(self) -> Any:
        """The value without lines."""
        if isinstance(self.value, dict):
            return {key: member.plain() for key, member in self.value.items()}
        if isinstance(self.value, list):
            return [element.plain() for element in self.value]
        return self.value


@attrs.frozen
class Document:
    """What could be read of a text, and what could not.

    Where there are faults the document is not whole: then it proves nothing that something is missing in it.
    """

    root: Node
    faults: tuple[Fault, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all of the text was read."""
        return not self.faults


class _TooDeep(Exception):
    """Values within values beyond `limits.DEPTH`, from this line on."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def parse(text: str, file: str) -> Document:
    """Read `text`, which the user knows as `file`. Raises nothing: what is wrong stands in the document's faults."""
    # A byte order mark is no part of the text, only a habit of some editors; and tomllib wants the lines that we count.
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        values, lines, faults = _read(text, file)
        huge: list[int] = []
        root = _join(values, marks("\n".join(lines)), 0, huge)
        return Document(root, (*faults, *(_too_large(file, line) for line in huge)))
    except _TooDeep as deep:
        return _nested_too_deep(file, deep.line)
    except RecursionError:
        # Too deep for the parser to say where: it can only be the line with the most brackets.
        brackets = [line.count("[") + line.count("{") + line.count(".") for line in text.split("\n")]
        return _nested_too_deep(file, 1 + brackets.index(max(brackets)))


def _nested_too_deep(file: str, line: int) -> Document:
    wrong = f"values are nested more than {limits.DEPTH} deep"
    return Document(Node(1, {}), (Fault(file, line, wrong, "write them flatter, in [tables] of their own"),))


def _too_large(file: str, line: int) -> Fault:
    return Fault(file, line, "this number has more than 64 bits", "write a smaller one, or text in quotes")


def _join(value: Any, mark: Mark, depth: int, huge: list[int]) -> Node:
    """`value` with the lines of `mark`; the lines of integers that are none of TOML's are put into `huge`."""
    if depth > limits.DEPTH:
        raise _TooDeep(mark.line)
    if isinstance(value, dict):
        return Node(mark.line, {key: _join(each, mark.at(key), depth + 1, huge) for key, each in value.items()})
    if isinstance(value, list):
        return Node(mark.line, [_join(each, mark.at(index), depth + 1, huge) for index, each in enumerate(value)])
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        huge.append(mark.line)
        value = 1  # what it would be is no matter, but it must not cause more faults, or fail to print
    return Node(mark.line, value)


# -- going on after a fault ------------------------------------------------------------------------------------------


def _read(text: str, file: str) -> tuple[dict[str, Any], list[str], list[Fault]]:
    """The values of `text`, the lines that they were read from, and the faults of those that were cut out."""
    lines = text.split("\n")
    faults: list[Fault] = []
    while True:
        try:
            return tomllib.loads("\n".join(lines) + "\n"), lines, faults
        except tomllib.TOMLDecodeError as error:
            first, last, fault = _diagnose(str(error), lines, file)
            faults.append(fault)
            if len(faults) == _MOST_FAULTS:
                return {}, [], faults
            lines[first:last] = [""] * (last - first)
        except ValueError:  # Python refuses to read integers of thousands of digits
            line = next(n for n, each in enumerate(lines) if _ENDLESS.search(each))
            faults.append(_too_large(file, line + 1))
            lines[line] = ""


def _diagnose(message: str, lines: list[str], file: str) -> tuple[int, int, Fault]:
    """The half-open range of lines (from 0) to cut out, and the fault, of what tomllib said about `lines`."""
    at = _AT.search(message)
    error = min(int(at[1]) - 1, len(lines) - 1) if at and at[1] else len(lines)
    column = int(at[2]) - 1 if at and at[2] else 0
    first = _start(lines, min(error, len(lines) - 1))
    # A value that is not closed is noticed only where the next statement or the end of the text stands.
    unclosed = error > first and (error == len(lines) or _STATEMENT.match(lines[error]) is not None)
    last = _next_statement(lines, first + 1 if unclosed else error + 1, bool(_HEADER.match(lines[first])))
    where = first if unclosed else error
    rest = "" if unclosed else lines[where][column:]
    if braces := message.startswith("Invalid initial") and not rest.strip():
        last = next((n + 1 for n in range(error, len(lines)) if lines[n].strip().startswith("}")), last)
    if twice := _TWICE.match(message):
        wrong, instead = f"{quoted(twice[1])} is written twice in one table", "write it once"
    elif message.startswith("Cannot "):
        wrong, instead = _clash(lines, first, last)
    elif braces:
        wrong, instead = "a table in { braces } ends on the line it begins on", "write it on one line, or as a [table]"
    else:
        wrong, instead = _meaning(
            "Unclosed array" if unclosed and message.startswith("Invalid value") else message, rest
        )
    return first, max(last, first + 1), Fault(file, where + 1, wrong, instead)


def _start(lines: list[str], error: int) -> int:
    """The line on which the statement begins that tomllib could not read at line `error`: before it, all is well."""
    candidates = (line for line in range(error, -1, -1) if line == error or _STATEMENT.match(lines[line]))
    return next((line for line in candidates if _parses(lines[:line])), error)


def _parses(lines: list[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines) + "\n")
    except tomllib.TOMLDecodeError:
        return False
    return True


def _next_statement(lines: list[str], line: int, table: bool) -> int:
    """The first line from `line` on that seems to begin a statement; with `table`, a table."""
    begins = _HEADER if table else _STATEMENT
    return next((n for n in range(line, len(lines)) if begins.match(lines[n])), len(lines))


def _clash(lines: list[str], first: int, last: int) -> tuple[str, str]:
    """What to say of a statement that writes what is written already."""
    statement = header_of("\n".join(lines[:last] if not _HEADER.match(lines[first]) else lines[: first + 1]))
    name = ".".join(statement)
    earlier = marks("\n".join(lines[:first])).nearest(statement).line
    return f"{quoted(name)} is written twice, first in line {earlier}", "write it once"


def _meaning(message: str, rest: str) -> tuple[str, str]:
    if rest.startswith("\r"):
        return "this line ends in a carriage return alone", "save the file with line feeds, or with both"
    word = re.match(r"[A-Za-z][\w./*-]*", rest)
    if message.startswith("Invalid value") and word:
        lower = word[0].lower()
        better = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(lower, lower)
        return f"{word[0]} is no value", f"write {better if better in ('true', 'false') else quoted(word[0])}"
    if message.startswith("Invalid value") and not rest.strip():
        return "this key has no value", "write one after the equals sign"
    for begin, wrong, instead in _MEANINGS:
        if message.startswith(begin):
            return wrong, instead
    return f"this is no TOML: {_AT.sub('', message)}", "write it as https://toml.io/en/v1.0.0 has it"
