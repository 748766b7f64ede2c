"""`stockade invoke`: the command line of a trial, and how its answer is printed. Knows no process: `cli.trial` does."""

from __future__ import annotations

from typing import Any

import click

from stockade import limits
from stockade.cli import options, values
from stockade.cli.importing import import_modules
from stockade.cli.opening import find_worker, open_configuration
from stockade.cli.trial import Outcome, Request, Trial
from stockade.config.specs import Configuration
from stockade.errors import Code
from stockade.exits import BY_SIGNAL, Exit
from stockade.observe.logs import LEVELS, escape

__all__ = ["invoke"]

_EXAMPLE = """\
\b
Examples:
  stockade invoke editor notes.read name=notes/todo
  stockade invoke editor notes.save name=notes/todo text='buy milk' tags='["home"]'
  stockade invoke editor notes.read name=notes/todo --raw > todo.txt
"""

#: Refusals whose reason the policy may know; the worker itself is never told.
_OF_POLICY = (Code.NOT_ALLOWED, Code.NOT_FOUND)
#: Answers whose reason is in the log alone.
_OF_THE_LOG = (Code.FAILED, Code.INTERNAL)


@click.command(epilog=_EXAMPLE)
@options.worker
@options.command
@click.argument("arguments", nargs=-1, metavar="[NAME=VALUE]...")
@options.file_option
@click.option("--raw", is_flag=True, help="Print text and bytes as they are, anything else as JSON in one line.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds to wait for the answer.")
@click.option("--log-level", type=click.Choice(list(LEVELS)), help="Show log lines, at least of this level.")
@options.color
def invoke(
    worker: str,
    command: str,
    arguments: tuple[str, ...],
    file: str,
    raw: bool,
    timeout: float | None,
    log_level: str | None,
    color: bool | None,
) -> int:
    """Try COMMAND as WORKER would call it, and print the answer.

    The core is real and so is the refusal, if WORKER may not: exit code 3, as for any answer that is an error. The
    program of WORKER is not run, nor is any other worker.

    A VALUE that is JSON is that value (3, true, null, [1, 2], {"a": 1}, "3"), any other is text. Bytes are
    {"$bytes": "aGVsbG8="}, base64, in arguments as in answers.
    """
    request = Request(command, values.arguments(arguments), timeout)
    configuration = open_configuration(file)
    spec = find_worker(configuration, worker)
    outcome = Trial(configuration, spec, worker, log_level, options.wants_color(color)).run(request)
    match outcome.answer:
        case {"result": result}:
            _print_result(result, raw)
            _print_log(outcome, outcome.code != Exit.WELL)
            return Exit.WELL
        case {"error": error}:
            _print_error(error)
            _print_log(outcome, error["code"] in _OF_THE_LOG)
            _print_reason(configuration, worker, request, error["code"])
            return Exit.REFUSED
        case {"unsendable": reason}:
            click.echo(f"stockade invoke: this cannot be sent: {escape(reason)}; write another value", err=True)
            return Exit.CONFIGURATION
    if outcome.code < BY_SIGNAL:
        _print_log(outcome, True)
        click.echo("stockade invoke: there was no answer", err=True)
    return outcome.code or Exit.WORKER_FAILED


def _print_result(result: Any, raw: bool) -> None:
    if raw:
        click.echo(values.raw(result), nl=False)
    else:
        click.echo(values.as_written(result))


def _print_error(error: dict[str, Any]) -> None:
    click.echo(escape(f"{error['code']}: {error['message']}" if error["message"] else error["code"]), err=True)
    if error["data"] is not None:
        click.echo(values.as_written(error["data"]), err=True)


def _print_log(outcome: Outcome, wanted: bool) -> None:
    if wanted and outcome.log:
        click.echo(outcome.log, err=True, nl=False)


def _print_reason(configuration: Configuration, worker: str, request: Request, code: str) -> None:
    """What the policy says of a refusal, if it is the policy's: the worker is not told, its author may know."""
    if code not in _OF_POLICY:
        return
    from stockade.cli.explain import explain  # it has the core's policy, which an answer does not need

    commands = import_modules(configuration.app.commands, configuration.folder, limits.IMPORT).commands
    paths = {name: value for name, value in request.arguments.items() if isinstance(value, str)}
    explanation = explain(configuration, commands, worker, request.command, arguments=paths)
    if not explanation.allowed:
        click.echo("\n".join(explanation.lines), err=True)
