"""Who called: what a command gets where a parameter is annotated `Caller`.

Knows no rule: what the caller may touch is decided by its scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from stockade.core.policy.scope import Scope

__all__ = ["Caller"]


@attrs.frozen
class Caller:
    """The worker whose call a command answers, as the core knows it: nothing here is the worker's own claim.

    `worker` is its label and `generation` counts its starts, from 1. `scope` has the paths that its capabilities allow
    for this `command`: open files by ``caller.scope.open(name)``.
    """

    worker: str
    generation: int
    command: str
    scope: Scope
