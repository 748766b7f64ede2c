"""What this worker may do, as `welcome` said it: patterns over whole segments (protocol, section 8).

Decides nothing that counts: the core checks everything again. It is here so that a worker's author gets a clear error
at once, and before an emit, which has no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["Grant", "Grants"]

#: A segment that no pattern names, so that only ``*`` and ``**`` match it.
_ANY = None
#: Decisions remembered per grant. Names come from the worker itself, but may be made up without end.
_REMEMBERED = 1024


class Grant:
    """The patterns that allow and those that deny, over names whose segments are joined by `separator`."""

    __slots__ = ("_allow", "_decided", "_deny", "_separator")

    def __init__(self, separator: str, allow: Iterable[str], deny: Iterable[str]) -> None:
        self._separator = separator
        self._allow = [pattern.split(separator) for pattern in allow]
        self._deny = [pattern.split(separator) for pattern in deny]
        self._decided: dict[str, bool] = {}

    def __repr__(self) -> str:
        allow, deny = ([self._separator.join(pattern) for pattern in side] for side in (self._allow, self._deny))
        return f"Grant(allow={allow}, deny={deny})"

    def allows(self, name: str) -> bool:
        """Whether an allowed pattern matches `name` and no denied one does."""
        decided = self._decided.get(name)
        if decided is None:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            decided = self._decided[name] = self._decide(name.split(self._separator))
        return decided

    def _decide(self, segments: list[str]) -> bool:
        return any(_matches(p, segments) for p in self._allow) and not any(_matches(p, segments) for p in self._deny)

    def covers(self, prefix: str) -> bool:
        """Whether one allowed pattern matches *every* name that begins with `prefix` (which ends in the separator),
        and no denied pattern matches any.
        """
        segments = prefix.removesuffix(self._separator).split(self._separator)
        return any(_covers(p, segments) for p in self._allow) and not any(_meets(p, segments) for p in self._deny)


class Grants:
    """`commands`, `listen` and `emit`: each a `Grant`."""

    __slots__ = ("commands", "emit", "listen")

    def __init__(self, commands: Grant, listen: Grant, emit: Grant) -> None:
        self.commands = commands
        self.listen = listen
        self.emit = emit

    def __repr__(self) -> str:
        return f"Grants(commands={self.commands!r}, listen={self.listen!r}, emit={self.emit!r})"


# A pattern is an automaton: its states are positions in it, and one past its end is where it accepts.


def _settled(pattern: Sequence[str], positions: Iterable[int]) -> frozenset[int]:
    """`positions`, and those reached from them by letting ``**`` stand for nothing."""
    reached = set()
    for position in positions:
        reached.add(position)
        while position < len(pattern) and pattern[position] == "**":
            position += 1
            reached.add(position)
    return frozenset(reached)


def _step(pattern: Sequence[str], positions: frozenset[int], segment: str | None) -> frozenset[int]:
    """Where the pattern stands after one more segment."""
    reached = []
    for position in positions:
        if position < len(pattern):
            if pattern[position] == "**":
                reached.append(position)
            elif pattern[position] == "*" or pattern[position] == segment:
                reached.append(position + 1)
    return _settled(pattern, reached)


def _after(pattern: Sequence[str], segments: Iterable[str]) -> frozenset[int]:
    positions = _settled(pattern, (0,))
    for segment in segments:
        positions = _step(pattern, positions, segment)
    return positions


def _matches(pattern: Sequence[str], segments: Iterable[str]) -> bool:
    return len(pattern) in _after(pattern, segments)


def _covers(pattern: Sequence[str], segments: Iterable[str]) -> bool:
    """Whether the pattern matches whatever one or more segments follow: if it does so for segments it does not name,
    it does so for all.
    """
    positions, seen = _after(pattern, segments), set()
    while positions not in seen:
        seen.add(positions)
        positions = _step(pattern, positions, _ANY)
        if len(pattern) not in positions:
            return False
    return True


def _meets(pattern: Sequence[str], segments: Iterable[str]) -> bool:
    """Whether the pattern matches anything at all that has one or more segments behind these."""
    return any(position < len(pattern) for position in _after(pattern, segments))
