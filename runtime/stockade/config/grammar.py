"""The grammars of what stands in a stockade.toml as text: what fits each, and what to write in place of what does not.

Knows no file and no permission: `names` says what names are, this page adds the patterns over them. A field of
`specs` names its grammar in its metadata.
"""

from __future__ import annotations

import re
from enum import StrEnum

import attrs

from stockade import names
from stockade.config.wording import quoted

__all__ = ["GRAMMARS", "Grammar", "Kind", "Problem", "problem"]


class Kind(StrEnum):
    """What a text of the file is."""

    TITLE = "title"
    LABEL = "label"
    CAPABILITY = "capability"
    MODULE = "module"
    ARGUMENT = "argument"
    VARIABLE = "variable"
    COMMAND = "command"
    COMMANDS = "commands"
    LISTEN = "listen"
    EMIT = "emit"
    PATHS = "paths"
    FOLDER = "folder"


@attrs.frozen
class Problem:
    """What is wrong with a text, and what to write instead."""

    wrong: str
    instead: str


@attrs.frozen
class Grammar:
    """What texts of a kind look like.

    `pattern` is in the dialect that Python and ECMA 262 share, since the JSON Schema shows it to editors. Of a text
    that does not fit it, the first of `mistakes` that is found in it says why; the last resort is `instead`.
    """

    pattern: str
    longest: int
    what: str
    instead: str
    mistakes: tuple[tuple[str, str, str], ...] = ()

    def problem(self, text: str) -> Problem | None:
        """What is wrong with `text`, or None."""
        if len(text) <= self.longest and re.fullmatch(self.pattern, text):
            return None
        if len(text) > self.longest:
            return Problem(f"{quoted(text)} is longer than {self.longest} characters", self.instead)
        for mistake, wrong, instead in self.mistakes:
            if re.search(mistake, text):
                return Problem(f"{quoted(text)} {wrong}", instead)
        return Problem(f"{quoted(text)} is no {self.what}", self.instead)


_EMPTY = (r"\A\Z", "is empty", "write a name, or ** for all")
_STAR = ("has a star beside other characters", "write * for a segment, ** for several")
_PARTIAL = (r"\*[^*/]|[^*/]\*|\*\*\*", *_STAR)
_PARTIAL_OF_DOTTED = (r"\*[^*.]|[^*.]\*|\*\*\*", *_STAR)


def _pattern_of(segment: str, joint: str) -> str:
    one = rf"(?:\*\*|\*|{segment})"
    return rf"{one}(?:{joint}{one})*"


_EVENTS = _pattern_of(r"[A-Za-z0-9_:.-]+", "/")
_EVENT_MISTAKES = (
    _EMPTY,
    _PARTIAL,
    (r"/\Z", "ends in a slash", "end it in /** to mean all below"),
    (r"\A/|//", "has an empty segment", "write names joined by single slashes"),
)

#: Each kind of text and its grammar.
GRAMMARS = {
    Kind.TITLE: Grammar(r"[^\x00-\x1f\x7f]+", 128, "name", 'write a name on one line, as in "notes"'),
    Kind.LABEL: Grammar(
        names.LABEL.pattern,
        32,
        "label",
        "write at most 32 of a to z, 0 to 9 and -, a letter first",
        (
            (
                rf"\A(?:{'|'.join(names.RESERVED_LABELS)})\Z",
                "is Stockade's own name, in events and logs",
                "write another, of at most 32 of a to z, 0 to 9 and -, a letter first",
            ),
            (
                r"\A[a-z][a-z0-9-]*\.[0-9]+\Z",
                "has the number of a replica",
                'write it without, and "replicas" for how many there are',
            ),
        ),
    ),
    Kind.CAPABILITY: Grammar(
        names.CAPABILITY.pattern,
        64,
        "name of a capability",
        "write at most 64 of a to z, 0 to 9 and -, a letter first",
    ),
    Kind.MODULE: Grammar(
        r"(?!.*\.py$)[^\s./\\*-]+(?:\.[^\s./\\*-]+)*",
        1024,
        "name of a module",
        'write it as import does, "notes.commands"',
        ((r"\.py\Z|/", "is a file, where a module is wanted", 'write it as import does, "notes.commands"'),),
    ),
    Kind.ARGUMENT: Grammar(r"[^\x00]*", 131072, "argument", "write it without the null character, below 128 KiB"),
    Kind.VARIABLE: Grammar(
        r"[A-Za-z_][A-Za-z0-9_]*",
        1024,
        "name of a variable",
        "write letters, digits and _, no digit first",
    ),
    Kind.COMMAND: Grammar(
        r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*",
        128,
        "name of a command",
        'write names joined by dots, as in "notes.read"',
        ((r"\*", "is a pattern, where one command is wanted", "write one entry for each command, by its name"),),
    ),
    Kind.COMMANDS: Grammar(
        _pattern_of(r"[A-Za-z0-9_-]+", r"\."),
        128,
        "pattern of commands",
        'write names joined by dots, as in "notes.read" or "notes.*"',
        (
            _EMPTY,
            _PARTIAL_OF_DOTTED,
            (r"\.\Z", "ends in a dot", "end it in .** to mean all below"),
            (r"\A\.|\.\.", "has an empty segment", "write names joined by single dots"),
            (r"/", "has a slash", "write names joined by dots"),
        ),
    ),
    Kind.LISTEN: Grammar(
        _EVENTS, 128, "pattern of events", 'write names joined by slashes, as in "notes/changed"', _EVENT_MISTAKES
    ),
    Kind.EMIT: Grammar(
        # Lookahead: the core's own events are refused to workers whatever a rule says, so the rule is a mistake.
        r"(?!core:)" + _EVENTS,
        128,
        "pattern of events",
        'write names joined by slashes, as in "editor/opened"',
        (
            (r"\Acore:", "is an event of the core's, which no worker may emit", "write an event of your own"),
            *_EVENT_MISTAKES,
        ),
    ),
    Kind.PATHS: Grammar(
        r"(?!~)" + _pattern_of(r"(?!\.{1,2}(?:/|$))[^*/\x00]+", "/"),
        4096,
        "pattern of paths",
        'write a path below the folder, as in "notes/**"',
        (
            _EMPTY,
            (
                r"\A[/~]",
                "is absolute",
                'write a path relative to "folder", which is that of this file if it is not set',
            ),
            (
                r"(?:\A|/)\.\.(?:/|\Z)",
                'has a ".." segment',
                'write a path below the folder, without "..", or set "folder"',
            ),
            (r"(?:\A|/)\.(?:/|\Z)", 'has a "." segment', "write the path without it, ** for the whole folder"),
            _PARTIAL,
            (r"/\Z", "ends in a slash", "end it in /** to mean all below"),
            (r"//", "has an empty segment", "write names joined by single slashes"),
        ),
    ),
    Kind.FOLDER: Grammar(r"[^\x00]+", 4096, "path of a folder", 'write one, "." for the folder of this file'),
}

#: Variables that are not the configuration's to set: whose they are.
_TAKEN = {"TMPDIR": "each worker is given a private one"}


def problem(kind: Kind, text: str) -> Problem | None:
    """What is wrong with a `text` of this kind, or None."""
    found = GRAMMARS[kind].problem(text)
    return _reserved(text) if found is None and kind is Kind.VARIABLE else found


def _reserved(variable: str) -> Problem | None:
    if variable.startswith("STOCKADE_"):
        return Problem(f"{quoted(variable)} is Stockade's own to set", "write a name without STOCKADE_ before it")
    if variable in _TAKEN:
        return Problem(f"{quoted(variable)} cannot be set: {_TAKEN[variable]}", "write the other variables only")
    return None
