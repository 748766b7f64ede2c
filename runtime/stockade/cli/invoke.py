"""`stockade invoke`: the command line of a trial, and how its answer is printed. Knows no process: `cli.trial` does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
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
  stockade invoke editor notes.all | head -3                             a stream: one line for each item
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
    """Try COMMAND as WORKER would call it, and print the answer, or each item of a stream as it comes.

    The core is real and so is the refusal, if WORKER may not: exit code 3, as for any answer that is an error. The
    program of WORKER is not run, nor is any other worker, so what workers export is unavailable.

    A VALUE that is JSON is that value (3, true, null, [1, 2], {"a": 1}, "3"), any other is text. Bytes are
    {"$bytes": "aGVsbG8="}, base64, in arguments as in answers.
    """
    request = Request(command, values.arguments(arguments), timeout)
    configuration = open_configuration(file)
    spec = find_worker(configuration, worker)
    trial = Trial(configuration, spec, worker, log_level, options.wants_color(color))
    outcome = trial.run(request, partial(_print_item, raw=raw))
    if outcome.answer is None:
        return _no_answer(outcome, request)
    error = outcome.answer.get("error", {})
    why = _why(configuration, worker, request, error.get("code"))
    code = _print_answer(outcome, outcome.answer, why, raw)
    for hint in _hints(configuration, request, error):
        click.echo(f"stockade invoke: {hint}", err=True)
    return code


def _print_answer(outcome: Outcome, answer: dict[str, Any], why: tuple[str, ...], raw: bool) -> int:
    """Print the answer, with `why` the policy refused it; the exit code."""
    match answer:
        case {"result": result}:
            _print_result(result, raw)
            _print_log(outcome, outcome.code != Exit.WELL)
            return Exit.WELL
        case {"ended": _}:
            _print_log(outcome, outcome.code != Exit.WELL)
            return Exit.WELL
        case {"error": error}:
            click.echo("\n".join(why or _error_lines(error)), err=True)
            _print_log(outcome, error["code"] in _OF_THE_LOG)
            return Exit.REFUSED
    reason = escape(answer["unsendable"])
    click.echo(f"stockade invoke: this cannot be sent: {reason}; write another value", err=True)
    return Exit.CONFIGURATION


def _no_answer(outcome: Outcome, request: Request) -> int:
    """Say what happened instead, unless it was Ctrl-C; the exit code."""
    if outcome.code < BY_SIGNAL:
        _print_log(outcome, True)
        what = "there was no answer"
        if outcome.called and outcome.code == Exit.CORE_FAILED:
            what = f"the core ended in this call: {request.command}, or what it calls, ends, crashes or holds it"
        click.echo(f"stockade invoke: {what}", err=True)
    return outcome.code or Exit.WORKER_FAILED


def _print_result(result: Any, raw: bool) -> None:
    if raw:
        click.echo(values.raw(result), nl=False)
    else:
        click.echo(values.as_written(result))


def _print_item(item: Any, raw: bool) -> None:
    if raw:
        click.echo(values.raw(item), nl=False)
    else:
        click.echo(values.in_one_line(item))


def _error_lines(error: dict[str, Any]) -> list[str]:
    said = escape(f"{error['code']}: {error['message']}" if error["message"] else error["code"])
    return [said] if error["data"] is None else [said, values.as_written(error["data"])]


def _print_log(outcome: Outcome, wanted: bool) -> None:
    if wanted and outcome.log:
        click.echo(outcome.log, err=True, nl=False)


def _hints(configuration: Configuration, request: Request, error: Mapping[str, Any]) -> Iterator[str]:
    """What a trial cannot do, where that may be the reason of an error."""
    code, data = error.get("code"), error.get("data")
    if code == Code.UNAVAILABLE and any(each.exports for each in configuration.workers):
        yield "no other worker runs in a trial: what workers export is to be had under `stockade run` alone"
    if code == Code.INVALID_ARGS and isinstance(data, dict):
        imported = import_modules(configuration.app.commands, configuration.folder, limits.IMPORT)
        if data.get("path") in imported.channels.get(request.command, ()):
            yield f"{data['path']} is a channel, which a command line cannot give: call {request.command} from a worker"


def _why(configuration: Configuration, worker: str, request: Request, code: str | None) -> tuple[str, ...]:
    """What the policy says of a refusal, if it is the policy's: the worker is not told, its author may know."""
    if code not in _OF_POLICY:
        return ()
    from stockade.cli.explain import explain  # it has the core's policy, which an answer does not need

    commands = import_modules(configuration.app.commands, configuration.folder, limits.IMPORT).commands
    paths = {name: value for name, value in request.arguments.items() if isinstance(value, str)}
    return explain(configuration, commands, worker, request.command, arguments=paths).refusal
