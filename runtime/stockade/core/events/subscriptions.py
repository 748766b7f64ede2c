"""What one worker listens to: exact names and prefixes that were granted, and those that were not. Pure."""

from __future__ import annotations

import attrs

from stockade import limits

__all__ = ["Subscriptions"]


@attrs.define
class Subscriptions:
    """The subscriptions of one generation, at most `limit` of them granted."""

    limit: int
    _exact: set[str] = attrs.field(factory=set)
    _prefixes: set[str] = attrs.field(factory=set)
    _denied: set[tuple[str, bool]] = attrs.field(factory=set)

    def add(self, name: str, prefix: bool) -> bool:
        """Note a subscription; False if there is no room for one more. One that is there already needs no room."""
        kind = self._prefixes if prefix else self._exact
        if name not in kind and len(self) >= self.limit:
            return False
        kind.add(name)
        return True

    def deny(self, name: str, prefix: bool) -> bool:
        """Note a subscription that was denied; False if too many of them wait to be taken back."""
        if (name, prefix) not in self._denied and len(self._denied) >= limits.DENIED_TOPICS:
            return False
        self._denied.add((name, prefix))
        return True

    def discard(self, name: str, prefix: bool) -> bool:
        """Forget a subscription; False if none was granted."""
        self._denied.discard((name, prefix))
        kind = self._prefixes if prefix else self._exact
        known = name in kind
        kind.discard(name)
        return known

    def hears(self, event: str) -> bool:
        """Whether an event of this name is for this worker."""
        return event in self._exact or (bool(self._prefixes) and any(map(event.startswith, self._prefixes)))

    def __len__(self) -> int:
        return len(self._exact) + len(self._prefixes)
