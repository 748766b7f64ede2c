"""The commands of the example: the names and contents of a folder's files, within the scope of who asks."""

from __future__ import annotations

from collections.abc import Iterator

from stockade import Caller, command


@command("files.list")
def list_files(caller: Caller) -> Iterator[str]:
    """Yield the names of all files in the caller's scope."""
    yield from caller.scope.walk()


@command("files.read")
def read_file(caller: Caller, name: str) -> bytes:
    """Return the content of one file in the caller's scope; a large one travels as it is, beside the message."""
    with caller.scope.open(name, "rb") as file:
        content: bytes = file.read()
    return content
