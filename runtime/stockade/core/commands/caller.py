"""Who called: what a command gets where a parameter is annotated `Caller`.

Knows no rule: what the caller may touch is decided by its scope, until when it waits by its context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from stockade.errors import Cancelled

if TYPE_CHECKING:
    from stockade.core.commands.context import Context
    from stockade.core.policy.scope import Scope

__all__ = ["Caller"]


@attrs.frozen
class Caller:
    """The worker whose call a command answers, as the core knows it: nothing here is the worker's own claim.

    `worker` is its label and `generation` counts its starts, from 1. `scope` has the paths that its capabilities allow
    for this `command`: open files by ``caller.scope.open(name)``.

    A command in a thread cannot be stopped from outside: one that takes long asks ``caller.check()`` now and then. An
    inline command cannot be cancelled, and has no deadline.
    """

    worker: str
    generation: int
    command: str
    scope: Scope
    _context: Context | None = attrs.field(default=None, repr=False, eq=False)

    def within(self, context: Context) -> Caller:
        """The same caller, for one call of its own."""
        return Caller(self.worker, self.generation, self.command, self.scope, context)

    @property
    def deadline(self) -> float | None:
        """Seconds that are left for this call, never negative; None where it has all the time it needs."""
        return None if self._context is None else self._context.left()

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for this call any more: it was cancelled, or its deadline has passed."""
        return self._context is not None and self._context.cancelled

    def check(self) -> None:
        """Raise Cancelled, which the command lets pass, once nobody waits for this call any more."""
        if self.cancelled:
            raise Cancelled
