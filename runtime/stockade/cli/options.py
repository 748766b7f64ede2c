"""The arguments and options that several commands have. Knows their names and what completes them."""

from __future__ import annotations

import os

import click

from stockade.cli.completion import complete_commands, complete_workers
from stockade.observe.logs import FORMATS, LEVELS

__all__ = [
    "FILE",
    "as_json",
    "color",
    "command",
    "complete_commands",
    "file_argument",
    "file_option",
    "log_format",
    "log_level",
    "wants_color",
    "worker",
]

#: The configuration that is meant when none is named.
FILE = "stockade.toml"
#: What no-color.org asks of every program.
_NO_COLOR = "NO_COLOR"


def _in_folder(ctx: click.Context, parameter: click.Parameter, file: str) -> str:
    """The configuration in `file`, where that is a folder."""
    return os.path.join(file, FILE) if os.path.isdir(file) else file


file_argument = click.argument("file", default=FILE, type=click.Path(), callback=_in_folder)
file_option = click.option(
    "--file",
    default=FILE,
    show_default=True,
    type=click.Path(),
    callback=_in_folder,
    help="The configuration, or its folder.",
)
worker = click.argument("worker", shell_complete=complete_workers)
command = click.argument("command", shell_complete=complete_commands)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
log_format = click.option(
    "--log-format", type=click.Choice(list(FORMATS)), default="human", show_default=True, help="For people, or JSON."
)
log_level = click.option(
    "--log-level", type=click.Choice(list(LEVELS)), default="info", show_default=True, help="The least that is shown."
)
color = click.option(
    "--color/--no-color", default=None, help=f"Colour log lines. Default: on a terminal, unless {_NO_COLOR} is set."
)


def wants_color(asked: bool | None, descriptor: int = 2) -> bool:
    """Whether lines for `descriptor` are to be coloured: as asked, else on a terminal without NO_COLOR."""
    return not os.environ.get(_NO_COLOR) and os.isatty(descriptor) if asked is None else asked
