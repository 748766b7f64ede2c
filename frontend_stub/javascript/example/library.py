"""What the core does for its worker: list and read the texts in its scope, and take its report."""

from __future__ import annotations

from collections.abc import Iterator

from stockade import Caller, command


@command("files.list")
def list_files(caller: Caller) -> Iterator[str]:
    """Yield the names of all files in the caller's scope."""
    yield from caller.scope.walk()


@command("files.read")
def read_file(caller: Caller, name: str) -> str:
    """Return the text of one file in the caller's scope."""
    with caller.scope.open(name) as file:
        text: str = file.read()
    return text


@command("report.write")
def write_report(words: dict[str, int]) -> int:
    """Print how many words each text has; return how many there are in all."""
    for name, count in sorted(words.items()):
        print(f"{count:5} {name}")
    return sum(words.values())
