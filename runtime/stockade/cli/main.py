"""The command `stockade`: which commands it has, and how all of them end. Knows what none of them does.

A command's module is imported when that command is asked for: `stockade run` stands in the way of every start, and must
not load what only others need.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from stockade.cli.completion import COMPLETE, complete
from stockade.cli.usage import Usage, complaint, no_such_command
from stockade.errors import ConfigurationError, StartError
from stockade.exits import BY_SIGNAL, MEANINGS, Exit

__all__ = ["cli", "main"]

#: Each command: where it is, and what the list of commands says of it.
COMMANDS = {
    "run": ("stockade.cli.run:run", "Run a system: its core and all its workers."),
    "check": ("stockade.cli.verdicts:check", "Find every fault that can be known without starting."),
    "explain": ("stockade.cli.verdicts:explain", "Say whether a worker may do something, and by which rule."),
    "invoke": ("stockade.cli.invoke:invoke", "Try a command as a worker would, and print its answer."),
    "demo": ("stockade.cli.demo:demo", "Watch a small system at work on a folder of text files."),
    "new": ("stockade.cli.new:new", "Begin an application, or a worker in any of seven languages."),
    "certify": ("stockade.cli.certify:certify", "Say whether a program speaks the protocol: a walk for its stub."),
    "bindings": ("stockade.cli.bindings:bindings", "Write typed functions for a worker, in its language."),
    "schema": ("stockade.cli.schema:schema", "Print a schema: of stockade.toml, or of commands and events."),
    "completion": ("stockade.cli.completion:completion", "Print what a shell needs to complete these commands."),
}

_HELP = """\
A message-only, multi-process runtime: a trusted core behind commands, isolated workers in any language.
"""

#: The exit code that has no number of its own.
_SIGNALLED = (f"{BY_SIGNAL} + n", "signal n ended it: at once, or because it came a second time during a stop")

_EXAMPLE = """\
\b
Examples:
  stockade demo                      see one run
  stockade check && stockade run     run the stockade.toml of this folder
  stockade COMMAND --help            more about a command, with an example
"""


class _Commands(click.Group):
    """The group of `COMMANDS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing one; and how they end."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), about) for code, about in MEANINGS.items()] + [_SIGNALLED])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click has it, but for a name that is no command."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise no_such_command(args[0], COMMANDS)
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from stockade.cli.version import versions  # zmq and cbor2 are loaded for this alone

        for name, version in versions().items():
            click.echo(f"{name} {version}")
        ctx.exit()


@click.group(cls=_Commands, help=_HELP, epilog=_EXAMPLE, invoke_without_command=True)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the versions of all that matters to a report of a bug, and exit.",
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """All commands; without one, the help."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, `sys.argv` unless `arguments` are given, and exit with a code of `stockade.exits`."""
    instruction = os.environ.get(COMPLETE)
    if instruction:
        sys.exit(complete(cli, instruction))
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()
    except BrokenPipeError:
        # Who read our output has read enough. Python would flush at its end too: into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = BY_SIGNAL + signal.SIGPIPE
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """The exit code of the command; whatever a user can mend is on standard error."""
    try:
        with cli.make_context("stockade", arguments) as ctx:
            return int(cli.invoke(ctx) or 0)
    except click.exceptions.Exit as end:
        return end.exit_code
    except Usage as error:
        return _fail(str(error), Exit.CONFIGURATION)
    except click.ClickException as error:
        return _fail(complaint(error), Exit.CONFIGURATION)
    except ConfigurationError as error:
        return _fail(str(error), Exit.CONFIGURATION)
    except StartError as error:
        return _fail(f"stockade: {error}", Exit.MACHINE)
    except KeyboardInterrupt:
        return BY_SIGNAL + signal.SIGINT


def _fail(words: str, code: int) -> int:
    click.echo(words, err=True)
    return code
