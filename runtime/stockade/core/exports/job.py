"""One call to what a worker exports, while it waits or runs. Knows no worker, no message and no time."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import attrs

__all__ = ["CORE", "Blockers", "Job"]

#: The owner of the calls that the core makes on nobody's behalf; no worker can be called so.
CORE = "core"


class Blockers(Protocol):
    """Where jobs wait, and who knows what stands in their way."""

    def blockers(self, job: Job) -> Collection[Job] | None:
        """The running jobs of which one has to end before `job`, which waits, can go; None if none has to."""


@attrs.define(eq=False)
class Job:
    """A call of `command`, for `owner`: the label of the worker that asks, or CORE.

    `chain` has the labels of all workers that wait for it, the outermost first; `parent` is the job that one of them,
    the innermost that handles one, is handling meanwhile. `idempotent` says that it may run again if the replica that
    runs it dies, `once` that it may not, whatever the worker says that exports it: its channels are under way.
    """

    command: str
    owner: str
    chain: tuple[str, ...] = ()
    parent: Job | None = None
    idempotent: bool = False
    once: bool = False
    pool: Blockers | None = None  # where it waits, or has waited
    replica: str | None = None  # who runs it now
    tries: int = 0  # how often it was given to a replica
    children: set[Job] = attrs.field(factory=set, init=False)  # those not answered whose parent it is

    def begin(self) -> None:
        """It is not answered: its parent has to wait for it."""
        if self.parent is not None:
            self.parent.children.add(self)

    def end(self) -> None:
        """It is answered, or will be: its parent need not wait any more."""
        if self.parent is not None:
            self.parent.children.discard(self)
