"""What may happen to a supervisor, as values: all that `Tree.step` is ever told. Knows no system call."""

from __future__ import annotations

import attrs

from stockade.control import Message

__all__ = [
    "Begun",
    "Child",
    "Ended",
    "Garbled",
    "Happening",
    "Heard",
    "NotStarted",
    "Signalled",
    "Started",
    "Tick",
]

#: The core's label: no worker can have it, labels are not empty.
_CORE = ""


@attrs.frozen
class Child:
    """One process, for as long as it lives: a worker's or the core's generation. Never the same twice."""

    label: str
    generation: int

    @classmethod
    def core(cls, generation: int) -> Child:
        """A generation of the core."""
        return cls(_CORE, generation)

    @property
    def is_core(self) -> bool:
        """Whether this is the core."""
        return self.label == _CORE

    def __str__(self) -> str:
        return "core" if self.is_core else f"{self.label}@{self.generation}"


@attrs.frozen
class Begun:
    """The supervisor runs: start everything."""


@attrs.frozen
class Started:
    """A `Start` was carried out. `directory` and `secret` are a worker's, made for this generation."""

    child: Child
    pid: int
    directory: str = ""
    secret: str = attrs.field(default="", repr=False)


@attrs.frozen
class NotStarted:
    """A `Start` could not be carried out. `chance` as in `Ended`."""

    child: Child
    reason: str
    chance: float


@attrs.frozen
class Ended:
    """A process has ended and its whole group is killed. `code` is negative for a signal.

    `last_lines` are the last of its stderr; `chance` is a random number in [0, 1) for the wait before a restart.
    """

    child: Child
    code: int
    last_lines: tuple[str, ...]
    chance: float


@attrs.frozen
class Heard:
    """A core said something."""

    core: Child
    message: Message


@attrs.frozen
class Garbled:
    """A core can no longer be talked with: its control pipe ended, overflowed, or carried what is no message."""

    core: Child
    reason: str


@attrs.frozen
class Signalled:
    """The supervisor was sent SIGINT, SIGTERM or SIGHUP."""

    number: int


@attrs.frozen
class Tick:
    """Time has passed: `Tree.next_deadline` was reached."""


Happening = Begun | Started | NotStarted | Ended | Heard | Garbled | Signalled | Tick
