"""The commands of the example: the names and texts of a folder's documents, within the scope of who asks."""

from __future__ import annotations

from collections.abc import Iterator

from stockade import Caller, command


@command("documents.list")
def list_documents(caller: Caller) -> Iterator[str]:
    """Yield the names of all documents in the caller's scope."""
    for name in caller.scope.walk():
        if name.endswith(".md"):
            yield name


@command("documents.read")
def read_document(caller: Caller, name: str) -> str:
    """Return the text of one document; what is no text in it is shown as such."""
    with caller.scope.open(name, errors="backslashreplace") as file:
        text: str = file.read()
    return text
