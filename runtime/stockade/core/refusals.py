"""What one worker was refused: each refusal counted, the first of each second logged. Knows no socket or policy."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

import attrs

from stockade import limits

__all__ = ["Refusals"]

_log = logging.getLogger("stockade.core")


@attrs.define
class Refusals:
    """Counts by act and code, and logs `limits.LOGGED_REFUSALS` a second; how many more there were is logged too.

    `clock` gives seconds that never go back.
    """

    worker: str  # "editor@3"
    _clock: Callable[[], float]
    _counts: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    _second: float = float("-inf")
    _logged: int = 0
    _silent: int = 0

    def count(self, act: str, name: str, code: str, reason: str) -> None:
        """Note that `act` (call, listen, emit) of `name` was answered with `code`."""
        self._counts[str(act), str(code)] += 1
        now = self._clock()
        if now - self._second >= 1.0:
            self.flush()
            self._second, self._logged = now, 0
        if self._logged >= limits.LOGGED_REFUSALS:
            self._silent += 1
            return
        self._logged += 1
        fields = {"worker": self.worker, "act": str(act), "name": name[: limits.NAME], "code": str(code)}
        _log.warning("refused: %s", reason, extra={"event": "refused", "fields": fields})

    def flush(self) -> None:
        """Log how many refusals were not logged one by one."""
        if self._silent:
            fields = {"worker": self.worker, "count": self._silent}
            _log.warning("%d more were refused", self._silent, extra={"event": "refused_more", "fields": fields})
            self._silent = 0

    def by_reason(self) -> dict[str, int]:
        """The counts so far, under ``act code``: ``{"call not_allowed": 3}``."""
        return {f"{act} {code}": count for (act, code), count in sorted(self._counts.items())}
