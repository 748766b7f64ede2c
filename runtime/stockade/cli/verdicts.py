"""`stockade check` and `stockade explain`: the command lines of two answers that `cli.check` and `cli.explain` find."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from stockade import limits
from stockade.cli import check as checking
from stockade.cli import explain as explaining
from stockade.cli import options, values
from stockade.cli.importing import Imported, import_modules
from stockade.cli.opening import find_worker, open_configuration
from stockade.cli.usage import no_such_argument
from stockade.errors import ConfigurationError
from stockade.exits import Exit

__all__ = ["check", "explain"]

_CHECK_EXAMPLE = """\
\b
Examples:
  stockade check
  stockade check notes/stockade.toml --json
"""

_EXPLAIN_EXAMPLE = """\
\b
Examples:
  stockade explain editor notes.read
  stockade explain editor notes.read --arg name=notes/private/diary
  stockade explain editor --listen notes/changed
  stockade explain editor --listen notes/             all that begins so
  stockade explain editor --emit editor/opened --json
"""


@click.command(epilog=_CHECK_EXAMPLE)
@options.file_argument
@options.as_json
def check(file: str, as_json: bool) -> int:
    """Find every fault of FILE (stockade.toml, unless you name another, or its folder) that starting would show.

    Each is one line: file, line, what is wrong, and what to write instead. The modules under "commands" are imported
    to see what they register. Exit code 0 if there is no fault, else 2.
    """
    checked = checking.check(file)
    click.echo(checking.as_json(checked) if as_json else "\n".join(checking.lines(checked)))
    return Exit.CONFIGURATION if checked.faults else Exit.WELL


@click.command(epilog=_EXPLAIN_EXAMPLE)
@options.worker
@click.argument("command", required=False, shell_complete=options.complete_commands)
@click.option("--listen", metavar="EVENT", help="Ask whether it may listen; a prefix ends in a slash.")
@click.option("--emit", metavar="EVENT", help="Ask whether it may emit.")
@click.option(
    "--arg", "arguments", multiple=True, metavar="NAME=VALUE", help="An argument, judged by the scope of COMMAND."
)
@options.file_option
@options.as_json
def explain(
    worker: str,
    command: str | None,
    listen: str | None,
    emit: str | None,
    arguments: tuple[str, ...],
    file: str,
    as_json: bool,
) -> int:
    """Say whether WORKER may call COMMAND, or listen to or emit an event, and by which rule of which capability.

    The decision is the core's own. Exit code 0 if it is allowed, 3 if it is refused.
    """
    asked = values.texts(arguments)
    configuration = open_configuration(file)
    find_worker(configuration, worker)
    imported = import_modules(configuration.app.commands, configuration.folder, limits.IMPORT)
    _refuse_faults(imported)
    _refuse_arguments(command, asked, imported)
    explanation = explaining.explain(
        configuration, imported.commands, worker, command, listen=listen, emit=emit, arguments=asked
    )
    text = json.dumps(explanation.json, ensure_ascii=False) if as_json else "\n".join(explanation.lines)
    click.echo(text)
    return explanation.exit_code


def _refuse_faults(imported: Imported) -> None:
    faults = [*imported.unimported.values(), *imported.faults]
    if faults:
        raise ConfigurationError(faults)


def _refuse_arguments(command: str | None, asked: Iterable[str], imported: Imported) -> None:
    """Raise Usage for an ``--arg`` that the command does not have; of one that a worker exports nobody knows them."""
    if command in imported.arguments:
        known = imported.arguments[command]
        for name in asked:
            if name not in known:
                raise no_such_argument(name, command, known)
