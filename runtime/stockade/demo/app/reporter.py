"""The reporter: listens to the indexers' progress, and when all is done asks the core to write the report."""

from __future__ import annotations

from typing import Any

from stockade_frontend import connect


def cell(name: str) -> str:
    """A name as code in a cell of a Markdown table: files may be called anything, also `|` or two lines."""
    name = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name).replace("|", "\\|")
    return f"`` {name} ``" if "`" in name else f"`{name}`"


def table(title: str, unit: str, rows: list[Any]) -> str:
    """A heading and a Markdown table of names and numbers."""
    lines = [f"## {title}", "", f"| | {unit} |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {cell(name)} | {number:,} |" for name, number in rows), ""])


def report(totals: Any) -> str:
    """The whole report."""
    read = totals["progress"]["done"] - len(totals["skipped"])
    parts = [
        "# Report",
        "",
        f"{read} files, {totals['words']} words; {len(totals['skipped'])} files were no text.",
        "",
        table("Most frequent words", "times", totals["most_frequent"]),
        table("Largest files", "bytes", totals["largest"]),
    ]
    return "\n".join(parts)


def is_done(progress: Any) -> bool:
    """Whether every file has been read, of which there is at least one."""
    return bool(0 < progress["total"] == progress["done"])


with connect() as core:
    done: list[bool] = []
    core.listen("progress/indexed", lambda event: done.append(is_done(event.payload)))
    core.ready()
    # What was indexed before this worker listened has sent it no event: so ask once.
    done.append(is_done(core.invoke("report.totals")["progress"]))
    while not any(done) and not core.stopping:
        core.poll(1.0)
    if any(done):
        print("wrote", core.invoke("report.write", text=report(core.invoke("report.totals"))))
