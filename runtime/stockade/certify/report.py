"""What a certificate looks like: a table for people, JSON for programs. Knows how nothing was found."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from stockade.certify.notation import diagnostic, digits, topical
from stockade.certify.stage import Passed
from stockade.certify.step import Step
from stockade.certify.walk import Certificate, Evidence, Outcome, Result

__all__ = ["as_json", "listed", "listed_as_json", "progress", "show"]

#: How an outcome is shown, and in which colour.
_SHOWN = {
    Outcome.PASSED: ("passed", "green"),
    Outcome.FAILED: ("FAILED", "bold red"),
    Outcome.NOT_OFFERED: ("not offered", "dim"),
    Outcome.NOT_REACHED: ("not reached", "red"),
}
#: Messages that are shown of a step that failed: its last ones.
_LAST = 12
#: Characters of a line where there is no terminal.
_WIDE = 160


# -- for people -------------------------------------------------------------------------------------------------------


def show(certificate: Certificate, console: Console | None = None) -> None:
    """Print the table, then the evidence of each step that failed, then a line that counts."""
    console = console or _console()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for group, results in groupby(certificate.results, key=lambda result: result.step.name.partition("/")[0]):
        table.add_row(Text(group, "bold"))
        for result in results:
            words, style = _SHOWN[result.outcome]
            table.add_row(f"  {result.step.name}", Text(words, style), _about(result.step))
    console.print(table)
    for result in certificate.results:
        if result.evidence is not None:
            _show_evidence(console, result, result.evidence)
    console.print(_summary(certificate))


def _console() -> Console:
    """Standard output; into a file or pipe with lines as long as they need to be."""
    return Console() if sys.stdout.isatty() else Console(width=_WIDE)


def _about(step: Step) -> str:
    return f"{escape(step.about)}{' [dim](optional)[/dim]' if step.optional else ''}"


def _show_evidence(console: Console, result: Result, evidence: Evidence) -> None:
    step = result.step
    console.print()
    console.print(Text(f"{step.name}: {step.about} (protocol, section {step.section})", "bold"))
    for title, words in (("wanted", evidence.wanted), ("came", evidence.came)):
        console.print(Text(f"  {title + ':':8} {words}"), soft_wrap=True)
    left_out = len(evidence.passed) - _LAST
    if left_out > 0:
        console.print(Text(f"  ... {left_out} messages before these", "dim"))
    for passed in evidence.passed[-_LAST:]:
        for line in written(passed):
            console.print(Text(f"  {line}"), soft_wrap=True)
    for title, words in (("standard output", evidence.stdout), ("standard error", evidence.stderr)):
        if words:
            console.print(Text(f"  {title}:"))
            console.print(Text("".join(f"    {line}\n" for line in words.splitlines()[-20:]), end=""), soft_wrap=True)


def written(passed: Passed) -> list[str]:
    """A message that has passed, in diagnostic notation and, below, in hexadecimal digits."""
    first, *raw = passed.frames
    meaning = diagnostic(first) if passed.socket == "commands" else _other(passed.socket, first)
    lines = [f"{'core' if passed.ours else 'worker':6} {passed.socket}: {meaning}", f"{'':6} {digits(first)}"]
    return lines + [f"{'':6} raw {number}: {digits(frame)}" for number, frame in enumerate(raw, 1)]


def _other(socket: str, frame: bytes) -> str:
    if socket == "events" and frame[:1] in (b"\0", b"\1"):
        return f"{'subscribes to' if frame[0] else 'unsubscribes from'} {frame[1:].decode('latin-1')}"
    return topical(frame)


def _summary(certificate: Certificate) -> Text:
    optional = sum(result.outcome is Outcome.FAILED and not result.counts for result in certificate.results)
    parts = [
        f"{certificate.count(Outcome.PASSED)} passed",
        f"{certificate.count(Outcome.FAILED) - optional} failed",
        *([f"{optional} optional ones failed"] if optional else []),
        *(
            f"{certificate.count(outcome)} {_SHOWN[outcome][0]}"
            for outcome in (Outcome.NOT_OFFERED, Outcome.NOT_REACHED)
            if certificate.count(outcome)
        ),
    ]
    verdict = "certified" if certificate.passed else "not certified"
    return Text(f"\n{', '.join(parts)}: {verdict}", "green" if certificate.passed else "bold red")


@contextlib.contextmanager
def progress(count: int, *, quiet: bool) -> Iterator[Callable[[Result], None]]:
    """A bar on a terminal's standard error while the walk lasts; what it yields is to hear of each result."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda result: None
        return
    columns = TextColumn("certifying"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=count)
        yield lambda result: bar.update(task, advance=1, description=result.step.name)


def listed(steps: Sequence[Step]) -> str:
    """The steps, a line each."""
    return "\n".join(f"{step.name:32} {_needs(step)}{step.about}" for step in steps)


def _needs(step: Step) -> str:
    words = [*step.needs, *(["optional"] if step.optional else [])]
    return f"({', '.join(words)}) " if words else ""


# -- for programs -----------------------------------------------------------------------------------------------------


def as_json(certificate: Certificate) -> dict[str, Any]:
    """The certificate, in the shape that docs/certify.md gives it."""
    failed = [result for result in certificate.results if result.outcome is Outcome.FAILED]
    return {
        "certified": certificate.passed,
        "offers": list(certificate.offers),
        "passed": certificate.count(Outcome.PASSED),
        "failed": sum(result.counts for result in failed),
        "optional_failed": sum(not result.counts for result in failed),
        "not_offered": certificate.count(Outcome.NOT_OFFERED),
        "not_reached": certificate.count(Outcome.NOT_REACHED),
        "steps": [_result(result) for result in certificate.results],
    }


def _result(result: Result) -> dict[str, Any]:
    evidence = result.evidence
    return {
        **_step(result.step),
        "outcome": result.outcome.value,
        "seconds": round(result.seconds, 3),
        "why": None if evidence is None else f"wanted {evidence.wanted}; came {evidence.came}",
        "evidence": None if evidence is None else _evidence(evidence),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "about": step.about,
        "section": step.section,
        "needs": list(step.needs),
        "feature": step.needs[-1] if step.needs else None,
        "optional": step.optional,
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "wanted": evidence.wanted,
        "came": evidence.came,
        "messages": [
            {
                "from": "core" if passed.ours else "worker",
                "socket": passed.socket,
                "diagnostic": written(passed)[0].partition(": ")[2],
                "frames": [frame.hex() for frame in passed.frames],
            }
            for passed in evidence.passed[-_LAST:]
        ],
        "stdout": evidence.stdout,
        "stderr": evidence.stderr,
    }


def listed_as_json(steps: Sequence[Step]) -> str:
    """The steps, for programs."""
    return json.dumps([_step(step) for step in steps], ensure_ascii=False)
