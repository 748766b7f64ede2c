"""What a step finds: that a worker did something else than it should. Knows no step."""

from __future__ import annotations

from typing import Any

from stockade.certify.notation import written

__all__ = ["Fault", "require"]


class Fault(Exception):
    """The worker's: what was `wanted` of it, and what `came`, each a few words."""

    def __init__(self, wanted: str, came: str) -> None:
        super().__init__(wanted, came)
        self.wanted = wanted
        self.came = came

    def __str__(self) -> str:
        return f"wanted {self.wanted}; came {self.came}"


def require(fits: bool, wanted: str, came: Any) -> None:
    """Raise Fault unless `fits`; `came` is text as it is, of all else its diagnostic notation is shown."""
    if not fits:
        raise Fault(wanted, came if isinstance(came, str) else written(came))
