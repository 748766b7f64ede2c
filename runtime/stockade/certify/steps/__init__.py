"""The steps of the walk, in the order in which they are shown."""

from __future__ import annotations

from stockade.certify.step import Step
from stockade.certify.steps import (
    calls,
    cancel,
    channels,
    connect,
    emits,
    ending,
    events,
    exported_channels,
    exports,
    faults,
    limited,
    raw,
    strict,
    values,
)

__all__ = ["FIRST", "STEPS"]

#: All of them.
STEPS: tuple[Step, ...] = tuple(
    step
    for module in (
        connect,
        values,
        calls,
        limited,
        cancel,
        channels,
        raw,
        events,
        emits,
        exports,
        exported_channels,
        ending,
        strict,
        faults,
    )
    for steps in module.ALL
    for step in steps.steps
)
#: The one that comes before all others: where it fails, nothing else can be asked.
FIRST = STEPS[0]
