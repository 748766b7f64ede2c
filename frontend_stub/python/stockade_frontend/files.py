"""Files through channels, in pieces of bytes: what both faces do with them. Knows no channel."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, BinaryIO

from stockade_frontend.errors import InvalidArgs

__all__ = ["File", "Progress", "opened", "piece_of", "piece_size"]

#: A path, or a file that is open for bytes.
File = str | os.PathLike[str] | BinaryIO
#: Called after each piece with the bytes so far.
Progress = Callable[[int], object]

#: Bytes of a piece: large enough that its way costs little beside them, and small enough that several fit a window.
_PIECE = 512 * 1024


def opened(file: File, mode: str) -> Any:
    """A context with the open file: one that was given open stays so."""
    if isinstance(file, str | os.PathLike):
        return open(file, mode)
    return nullcontext(file)


def piece_size(largest: int) -> int:
    """Bytes of a piece where a message may have `largest`: its head needs some of them."""
    return max(1, min(_PIECE, largest - 64))


def piece_of(item: Any) -> bytes | memoryview:
    """The item of a channel that a file is received from. Raises InvalidArgs for what is no bytes."""
    if type(item) is not bytes and type(item) is not memoryview:
        raise InvalidArgs(f"a piece of a file is bytes, not {type(item).__name__}")
    return item
