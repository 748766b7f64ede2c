"""The commands of the example: lines of logs, and reports, each caller within its own scope."""

from __future__ import annotations

from collections.abc import Iterator

from stockade import Caller, command


@command("logs.all")
def all_logs(caller: Caller) -> Iterator[str]:
    """Yield the names of all files in the caller's scope."""
    yield from caller.scope.walk()


@command("logs.lines")
def lines(caller: Caller, name: str) -> Iterator[str]:
    """Yield the lines of one file; what is no text in them is shown as such."""
    with caller.scope.open(name, errors="backslashreplace") as file:
        for line in file:
            yield line.rstrip("\n")


@command("reports.write")
def write(caller: Caller, name: str, text: str) -> None:
    """Keep a report."""
    with caller.scope.open(name, "w") as file:
        file.write(text)
