"""The commands of the example: the pictures of a folder, each caller within its own scope."""

from __future__ import annotations

from collections.abc import Iterator

from stockade import Caller, command


@command("album.all")
def all_pictures(caller: Caller) -> Iterator[str]:
    """Yield the names of all pictures in the caller's scope."""
    yield from caller.scope.walk()


@command("album.read")
def read(caller: Caller, name: str) -> bytes:
    """Return one picture; large ones travel as they are, beside the message."""
    with caller.scope.open(name, "rb") as file:
        content: bytes = file.read()
    return content


@command("album.write")
def write(caller: Caller, name: str, data: bytes) -> None:
    """Keep one picture."""
    with caller.scope.open(name, "wb") as file:
        file.write(data)
