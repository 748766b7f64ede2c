"""Names of the application as names of a language: their words in its case, its own words out of the way.

Knows no model. Two names that would become one are refused: a number behind one of them would change with the order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NoReturn

import attrs

from stockade.errors import StockadeError

__all__ = ["Collision", "Names", "camel", "kebab", "pascal", "screaming", "snake"]

#: A word of a name: capitals that belong together (``HTTP``), a word with or without a capital, or digits.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W_a-zA-Z0-9]+")


class Collision(StockadeError):
    """Two names of the application would be one elsewhere: `wrong` says which, `instead` what to do."""

    def __init__(self, wrong: str, instead: str = "rename one of the two") -> None:
        super().__init__(wrong, instead)
        self.wrong = wrong
        self.instead = instead

    def __str__(self) -> str:
        return f"{self.wrong}; {self.instead}"


def _words(name: str) -> list[str]:
    return _WORD.findall(name) or ["x"]


def _led(name: str, lead: str = "_") -> str:
    """`name` with something before it where it begins with a digit."""
    return f"{lead}{name}" if name[0].isdigit() else name


def snake(name: str) -> str:
    """``notes.readAll`` as ``notes_read_all``."""
    return _led("_".join(word.lower() for word in _words(name)))


def screaming(name: str) -> str:
    """``light blue`` as ``LIGHT_BLUE``."""
    return snake(name).upper()


def kebab(name: str) -> str:
    """``notes.readAll`` as ``notes-read-all``."""
    return _led("-".join(word.lower() for word in _words(name)), "x")


def pascal(name: str) -> str:
    """``notes.read_all`` as ``NotesReadAll``."""
    return _led("".join(word[:1].upper() + word[1:].lower() for word in _words(name)), "X")


def camel(name: str) -> str:
    """``notes.read_all`` as ``notesReadAll``."""
    words = _words(name)
    return _led(words[0].lower() + "".join(word[:1].upper() + word[1:].lower() for word in words[1:]))


@attrs.define
class Names:
    """The names of one place, where each may be there once: a file, a function's parameters, a class's fields.

    `reserved` are words of the language, or of the generated code itself, which get `escape` applied.
    """

    place: str
    case: Callable[[str], str]
    reserved: Collection[str] = frozenset()
    escape: Callable[[str], str] = "{}_".format
    _taken: dict[str, str] = attrs.field(factory=dict)

    def take(self, name: str, source: str = "") -> str:
        """What `name` is called here; raises Collision where something else is called so. `source` is for the words."""
        spelled = self.case(name)
        if spelled in self.reserved:
            spelled = self.escape(spelled)
        first = self._taken.setdefault(spelled, source or name)
        if first != (source or name):
            self._refuse(spelled, first, source or name)
        return spelled

    def claim(self, spelled: str, source: str) -> str:
        """`spelled` itself, for `source`."""
        return attrs.evolve(self, case=str, reserved=frozenset()).take(spelled, source)

    def _refuse(self, spelled: str, first: str, second: str) -> NoReturn:
        raise Collision(f"{first} and {second} would both be {spelled} in {self.place}")
