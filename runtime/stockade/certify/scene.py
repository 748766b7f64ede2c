"""What a worker is told of itself by its scripted core: its name, its limits, its grants. Knows no socket."""

from __future__ import annotations

from typing import Any

import attrs

from stockade import __version__, limits

__all__ = ["OTHER", "PLAIN", "TIGHT", "Scene"]

_LIMITS: dict[str, Any] = {
    "message": 1024 * 1024,
    "event": limits.EVENT,
    "batch": limits.BATCH,
    "calls": limits.CALLS,
    "channels": limits.CHANNELS,
    "frames": limits.FRAMES,
    "topics": limits.TOPICS,
    "depth": limits.DEPTH,
}
_GRANTS: dict[str, Any] = {
    "commands": {"allow": ["certify.**"], "deny": ["certify.forbidden"]},
    "listen": {"allow": ["certify/**", "core:worker/*"], "deny": ["certify/forbidden/**"]},
    "emit": {"allow": ["certify/**"], "deny": ["certify/forbidden"]},
}
#: Whom else there is: the source of some events, the receiver of some emits.
OTHER = "other.2"


@attrs.frozen
class Scene:
    """A worker's label, and what `welcome` says to it beyond that."""

    label: str = "certify"
    limits: dict[str, Any] = _LIMITS
    grants: dict[str, Any] = _GRANTS

    def but(self, label: str | None = None, **changed: Any) -> Scene:
        """The same with other limits."""
        return Scene(label or self.label, {**self.limits, **changed}, self.grants)

    def welcome(self, generation: int) -> dict[str, Any]:
        """What `welcome` carries."""
        return {
            "protocol": limits.PROTOCOL,
            "worker": self.label,
            "generation": generation,
            "core": f"certify/{__version__}",
            "limits": self.limits,
            "grants": self.grants,
        }


PLAIN = Scene()
#: Where little is allowed at once.
TIGHT = PLAIN.but(message=16 * 1024, event=1024, batch=4, calls=4, channels=8, frames=2, deadline=60_000)
