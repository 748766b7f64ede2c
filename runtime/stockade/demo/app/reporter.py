"""The reporter: has the words of every file counted, and asks the core to write a report. It runs on asyncio."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

from stockade_frontend import aio

#: More than there are indexers, so that none has to wait for us.
CALLS_AT_A_TIME = 16


class Findings:
    """What has been found in all files together."""

    def __init__(self) -> None:
        self.words: Counter[str] = Counter()
        self.sizes: dict[str, int] = {}  # file -> bytes
        self.skipped = 0

    def add(self, name: str, found: Any) -> None:
        """Take in what an indexer answers: None if the file is no text."""
        if found is None:
            self.skipped += 1
        else:
            self.sizes[name] = found["size"]
            self.words.update(found["words"])


def cell(name: str) -> str:
    """A name as code in a cell of a Markdown table: files may be called anything, also `|` or two lines."""
    name = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name).replace("|", "\\|")
    return f"`` {name} ``" if "`" in name else f"`{name}`"


def table(title: str, unit: str, numbers: dict[str, int], most: int) -> str:
    """A heading and a Markdown table of the names with the largest numbers."""
    rows = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))[:most]
    lines = [f"## {title}", "", f"| | {unit} |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {cell(name)} | {number:,} |" for name, number in rows), ""])


def report(findings: Findings) -> str:
    """The whole report."""
    parts = [
        "# Report",
        "",
        f"{len(findings.sizes)} files, {findings.words.total()} words; {findings.skipped} files were no text.",
        "",
        table("Most frequent words", "times", findings.words, 20),
        table("Largest files", "bytes", findings.sizes, 10),
    ]
    return "\n".join(parts)


async def count(core: aio.Connection, names: Iterator[str], findings: Findings) -> None:
    """Have one file after the other counted. Several of these take their names from the same iterator."""
    for name in names:
        if core.stopping:
            break
        findings.add(name, await core.invoke("text.count", name=name))


async def main() -> None:
    """List, count, report."""
    async with aio.connect() as core:
        counted: Counter[str] = Counter()
        await core.listen("progress/indexed", lambda event: counted.update([event.source]))
        handlers = asyncio.create_task(core.run())
        names = [name async for name in core.stream("files.list")]
        await core.emit("progress/listed", {"files": len(names)})
        findings, left = Findings(), iter(names)
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLS_AT_A_TIME):
                group.create_task(count(core, left, findings))
        if not core.stopping:
            print("files that each indexer has counted:", dict(counted))
            print("wrote", await core.invoke("report.write", text=report(findings)))
        handlers.cancel()


asyncio.run(main())
