"""How a demonstration is shown, while it runs and after: a bar or plain lines, then tables. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from stockade.demo.story import Story

__all__ = ["progress", "show_summary", "summary"]


@contextmanager
def progress(console: Console) -> Iterator[Any]:
    """Yields what is told the story again and again: it moves a bar on a terminal, and elsewhere writes each tenth."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("files"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(story: Story) -> None:
            bar.update(task, completed=story.done, total=story.total or None, description=story.going_on())

        yield show


class _Lines:
    """The bar's stand-in where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tenth = 0
        self._said = ""

    def __call__(self, story: Story) -> None:
        tenth, going_on = 10 * story.done // story.total if story.total else 0, story.going_on()
        if tenth > self._tenth:
            self._tenth = tenth
            self._console.print(f"reading: {story.done} of {story.total} files")
        if tenth == 10 and going_on != self._said:
            self._said = going_on
            self._console.print(going_on)


def summary(story: Story, seconds: float) -> dict[str, Any]:
    """What the table and `--json` show."""
    return {
        "files": story.done - story.skipped,
        "skipped": story.skipped,
        "words": story.words,
        "files_of_each": dict(sorted(story.shares.items())),
        "calls": story.calls,
        "call_p50_ms": round(story.quantile(0.5), 3),
        "call_p99_ms": round(story.quantile(0.99), 3),
        "refusals": sum(story.refusals.values()),
        "breaches": sum(story.breaches.values()),
        "restarts": sum(story.restarts.values()),
        "seconds": round(seconds, 3),
        "report": story.report,
        "checks": [
            {"what": check.what, "wanted": check.wanted, "came": check.came, "right": check.is_right}
            for check in story.checks()
        ],
    }


_ROWS = {
    "files": "files read",
    "skipped": "files left out: no text, or not readable",
    "words": "words",
    "files_of_each": "files that each indexer took on",
    "calls": "calls",
    "call_p50_ms": "half of the calls that read a file took at most (p50), ms",
    "call_p99_ms": "99 of 100 took at most (p99), ms",
    "refusals": "refusals",
    "breaches": "breaches of the protocol",
    "restarts": "restarts",
    "seconds": "seconds",
}


def _written(value: int | float | dict[str, int]) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{label}: {count:,}" for label, count in value.items())
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


_REFUSED = "What the core would not have"


def show_summary(console: Console, story: Story, shown: dict[str, Any]) -> None:
    """Three tables: the figures, what the rogue was told, and what did not come out as it should."""
    figures = Table(title="Summary", show_header=False)
    for key, words in _ROWS.items():
        figures.add_row(words, _written(shown[key]))
    console.print(figures)
    refused = Table("worker", Column("was refused, or ended, because", overflow="fold"), title=_REFUSED)
    for worker, reason in story.reasons:
        refused.add_row(worker, escape(reason))
    console.print(refused)
    wrong = [check for check in story.checks() if not check.is_right]
    if wrong:
        table = Table("what", "wanted", "came", title="What did not come out", style="red")
        for check in wrong:
            table.add_row(escape(check.what), check.wanted, escape(check.came))
        console.print(table)
    if story.report is not None:
        console.print(f"The report is in {escape(story.report)}", soft_wrap=True)
