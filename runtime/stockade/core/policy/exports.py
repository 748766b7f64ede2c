"""Which worker may export which command: the patterns under `exports`, by the family of replicas that has them.

Knows no worker that runs, and not what any of them does export.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import attrs

from stockade.config.specs import WorkerSpec
from stockade.core.policy.patterns import Pattern
from stockade.errors import Fault

__all__ = ["Exports", "clashes"]


@attrs.frozen
class Exports:
    """The patterns of all workers; of a configuration without fault, at most one family's match a name."""

    _families: tuple[tuple[str, tuple[Pattern, ...]], ...]

    @classmethod
    def of(cls, workers: Iterable[WorkerSpec]) -> Exports:
        """What these may export; raises ValueError for a pattern that is none."""
        listed = ((spec.label, tuple(Pattern.compile(text, ".") for text in spec.exports)) for spec in workers)
        return cls(tuple((label, patterns) for label, patterns in listed if patterns))

    @property
    def labels(self) -> tuple[str, ...]:
        """The workers that may export anything."""
        return tuple(label for label, _ in self._families)

    def family(self, command: str) -> str | None:
        """The label, without the number of a replica, of the worker that may export `command`; None where none may."""
        for label, patterns in self._families:
            if any(pattern.matches(command) for pattern in patterns):
                return label
        return None


def clashes(workers: Iterable[WorkerSpec], commands: Collection[str]) -> list[Fault]:
    """A fault for each worker that may export what is one of the core's own `commands`, as `stockade check` has it."""
    faults = []
    for spec in workers:
        own = Exports.of([spec])
        taken = next((command for command in commands if own.family(command) is not None), None)
        if taken is not None:
            wrong = f'"exports" of {spec.label} meets "{taken}", which is a command of the core\'s'
            faults.append(
                Fault(spec.place.file, spec.place.line, wrong, "write patterns of names that the core has not")
            )
    return faults
