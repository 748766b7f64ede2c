"""`stockade certify -- PROGRAM [ARGS]`: whether a program speaks the protocol, as `stockade.certify` finds."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import Sequence

import click

from stockade.certify import report
from stockade.certify.step import Step
from stockade.certify.steps import FIRST, STEPS
from stockade.certify.walk import Certificate
from stockade.certify.walk import certify as walk
from stockade.cli import options
from stockade.cli.usage import Usage
from stockade.config.wording import nearest, quoted
from stockade.exits import BY_SIGNAL, Exit

__all__ = ["certify"]

_EXAMPLE = """\
\b
Examples:
  stockade certify -- python -m stockade_frontend.certify
  stockade certify --step calls/result --step errors/ -- build/certify
  stockade certify --json -- node certify.js > certificate.json
  stockade certify --list
"""


@click.command(epilog=_EXAMPLE, context_settings={"ignore_unknown_options": False})
@click.argument("program", nargs=-1, type=click.UNPROCESSED)
@click.option("--step", "names", multiple=True, metavar="NAME", help="Only this step, or all that begin so: calls/.")
@click.option("--list", "listed", is_flag=True, help="Print the steps, and start nothing.")
@click.option("--patience", type=click.FloatRange(min=0.1), metavar="SECONDS", help="How long to wait for an answer.")
@options.as_json
def certify(
    program: tuple[str, ...], names: tuple[str, ...], listed: bool, patience: float | None, as_json: bool
) -> int:
    """Say whether PROGRAM speaks the protocol: a scripted core starts it as a worker and leads it through every verb.

    It must be an echo worker, which docs/certify.md describes. Exit code 0 if every step has passed of what it offers,
    else 1; what is optional does not count.
    """
    steps = _chosen(names)
    if listed:
        click.echo(report.listed_as_json(steps) if as_json else report.listed(steps))
        return Exit.WELL
    if not program:
        raise Usage("no program is named", "write stockade certify -- PROGRAM [ARGS]")
    if shutil.which(program[0]) is None:
        raise Usage(f"there is no program {quoted(program[0])}", "write its path, or the name of one that is on PATH")
    certificate = _walk(program, steps, patience, as_json)
    if as_json:
        click.echo(json.dumps(report.as_json(certificate), ensure_ascii=False))
    else:
        report.show(certificate)
    return Exit.WELL if certificate.passed else Exit.WORKER_FAILED


def _walk(program: Sequence[str], steps: Sequence[Step], patience: float | None, quiet: bool) -> Certificate:
    async def walked() -> Certificate:
        task = asyncio.ensure_future(walk(program, FIRST, steps, patience=patience, tell=tell))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    with report.progress(len(steps), quiet=quiet) as tell:
        try:
            return asyncio.run(walked())
        except asyncio.CancelledError:  # SIGTERM; Ctrl-C comes out as what it is
            raise click.exceptions.Exit(BY_SIGNAL + signal.SIGTERM) from None


def _chosen(names: Sequence[str]) -> list[Step]:
    """The steps of these names, in their own order; all of them if none is named."""
    for name in names:
        if not any(_is_meant(step, name) for step in STEPS):
            near = nearest(name, [step.name for step in STEPS])
            raise Usage(f"there is no step {quoted(name)}", f"write {near}" if near else "see stockade certify --list")
    return [step for step in STEPS if not names or any(_is_meant(step, name) for name in names)]


def _is_meant(step: Step, name: str) -> bool:
    return step.name == name or (name.endswith("/") and step.name.startswith(name))
