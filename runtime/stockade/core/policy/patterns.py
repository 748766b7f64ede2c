"""A glob over whole segments: ``*`` is one of them, ``**`` any number, also none; anything else stands for itself.

Knows nothing of what the names are: commands split at dots, events and paths at slashes.

A pattern is a tiny automaton whose states are the bits of one integer, so that a name costs one step per segment
whatever the pattern: nothing backtracks, and ``**/**/**/a`` is no way to keep the core busy.
"""

from __future__ import annotations

import attrs

__all__ = ["Pattern"]


@attrs.frozen
class Pattern:
    """One compiled pattern. Made by `compile`; the masks have one bit per element, the lowest for the first."""

    text: str
    separator: str
    _ones: int  # where an element is `*`
    _manys: int  # where an element is `**`
    _literals: dict[str, int]  # where an element is this very segment
    _end: int  # the one bit behind the last element

    @classmethod
    def compile(cls, text: str, separator: str) -> Pattern:
        """The pattern of `text`.

        Raises ValueError for an empty segment and for a star beside other characters. `config` has refused those with
        file and line; here they are refused once more, since a deny rule that never matches protects nothing.
        """
        ones = manys = 0
        literals: dict[str, int] = {}
        bit, before = 1, ""
        for element in text.split(separator):
            if not element or ("*" in element and element not in ("*", "**")):
                raise ValueError(f"{text!r} is no pattern: it has the segment {element!r}")
            if element == before == "**":
                continue  # two in a row say what one says; `_close` relies on there being one
            if element == "*":
                ones |= bit
            elif element == "**":
                manys |= bit
            else:
                literals[element] = literals.get(element, 0) | bit
            bit, before = bit << 1, element
        return cls(text, separator, ones, manys, literals, bit)

    def matches(self, name: str) -> bool:
        """Whether `name` as a whole fits."""
        return bool(self._after(name.split(self.separator)) & self._end)

    def covers(self, prefix: str) -> bool:
        """Whether every name under `prefix` fits; a prefix ends in the separator."""
        state = self._after(self._segments(prefix))
        # What fits a segment that no literal names fits any segment. The states of such steps soon repeat: what a
        # `**` has reached only grows, what no `**` has reached runs off the end.
        while state:
            further = self._step(state, 0)
            if not further & self._end:
                return False
            if further == state:
                return True
            state = further
        return False

    def meets(self, prefix: str) -> bool:
        """Whether any name under `prefix` could fit; a prefix ends in the separator."""
        return bool(self._after(self._segments(prefix)) & (self._end - 1))

    def _segments(self, prefix: str) -> list[str]:
        if not prefix.endswith(self.separator):
            raise ValueError(f"{prefix!r} is no prefix: it does not end in {self.separator!r}")
        return prefix.split(self.separator)[:-1]

    def _after(self, segments: list[str]) -> int:
        state = self._close(1)
        for segment in segments:
            if not state:
                break
            state = self._step(state, self._literals.get(segment, 0))
        return state

    def _step(self, state: int, named: int) -> int:
        return self._close((state & (self._ones | named)) << 1 | state & self._manys)

    def _close(self, state: int) -> int:
        return state | (state & self._manys) << 1
