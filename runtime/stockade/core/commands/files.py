"""Files through channels, in pieces of bytes. Knows no channel: what sends a piece, or gives the next, is given."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import nullcontext
from typing import Any, BinaryIO

from stockade.errors import Code, CommandError

__all__ = ["File", "Progress", "receive", "receive_blocking", "send", "send_blocking"]

#: A path, or a file that is open for bytes.
File = str | os.PathLike[str] | BinaryIO
#: Called after each piece with the bytes so far.
Progress = Callable[[int], None]

#: Bytes of a piece: large enough that its way costs little beside them, and small enough that several fit a window.
_PIECE = 512 * 1024


async def send(
    file: File, largest: int, put: Callable[[bytes], Awaitable[None]], progress: Progress | None = None
) -> int:
    """Put what a file has, from where it stands, in pieces of `largest` bytes at most; returns how many bytes."""
    sent, size = 0, min(_PIECE, largest)
    with await asyncio.to_thread(_opened, file, "rb") as source:
        while piece := await asyncio.to_thread(source.read, size):
            await put(piece)
            sent += len(piece)
            if progress is not None:
                progress(sent)
    return sent


def send_blocking(file: File, largest: int, put: Callable[[bytes], None], progress: Progress | None = None) -> int:
    """`send`, in a thread."""
    sent, size = 0, min(_PIECE, largest)
    with _opened(file, "rb") as source:
        while piece := source.read(size):
            put(piece)
            sent += len(piece)
            if progress is not None:
                progress(sent)
    return sent


async def receive(file: File, pieces: AsyncIterable[Any], progress: Progress | None = None) -> int:
    """Write all pieces to a file; returns how many bytes. Raises CommandError for one that is no bytes."""
    received = 0
    with await asyncio.to_thread(_opened, file, "wb") as sink:
        async for piece in pieces:
            await asyncio.to_thread(sink.write, _checked(piece))
            received += len(piece)
            if progress is not None:
                progress(received)
    return received


def receive_blocking(file: File, pieces: Iterable[Any], progress: Progress | None = None) -> int:
    """`receive`, in a thread."""
    received = 0
    with _opened(file, "wb") as sink:
        for piece in pieces:
            sink.write(_checked(piece))
            received += len(piece)
            if progress is not None:
                progress(received)
    return received


def _opened(file: File, mode: str) -> Any:
    """A context with the open file: one that was given open stays so."""
    if isinstance(file, (str, os.PathLike)):
        return open(file, mode)
    return nullcontext(file)


def _checked(piece: Any) -> bytes | memoryview:
    if type(piece) is not bytes and type(piece) is not memoryview:
        raise CommandError(Code.INVALID_ARGS, f"a piece of a file is bytes, not {type(piece).__name__}")
    return piece
