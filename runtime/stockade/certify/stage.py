"""What all lives of a worker have in common, and the record of what passed in one. Knows no process and no socket."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import attrs

__all__ = ["Passed", "Stage"]


class Passed(NamedTuple):
    """A ZeroMQ message that has passed, from the core (`ours`) or from the worker."""

    ours: bool
    socket: str
    frames: tuple[bytes, ...]


@attrs.define(eq=False)
class Stage:
    """The program, a folder for its lives, for how many seconds to wait, and what the worker offers."""

    argv: Sequence[str]
    folder: Path
    patience: float
    offers: frozenset[str] = frozenset()
    lives: int = 0

    def place(self) -> tuple[int, Path]:
        """The number of a new life, and its folder."""
        self.lives += 1
        folder = self.folder / str(self.lives)
        folder.mkdir(mode=0o700)
        return self.lives, folder
