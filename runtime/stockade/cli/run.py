"""`stockade run`: check the configuration, make the plan, and become the supervisor.

On the way of every start, so it imports little and never zmq; the application's modules are the core's to import.
"""

from __future__ import annotations

import os
import textwrap
from typing import NoReturn

import click

from stockade.cli import options
from stockade.cli.usage import Usage
from stockade.config.load import MINIMAL, load
from stockade.config.plan import plan
from stockade.supervisor.launch import become_supervisor

__all__ = ["run"]

_EXAMPLE = """\
\b
Examples:
  stockade run
  stockade run notes/stockade.toml --log-level debug
  stockade run --log-format json 2> log.jsonl
"""

_WRITE = f"""\
write one:

{textwrap.indent(MINIMAL, "    ")}
or name one (stockade run FILE), or see a system at work: stockade demo"""


@click.command(epilog=_EXAMPLE)
@options.file_argument
@options.log_format
@options.log_level
@options.color
def run(file: str, log_format: str, log_level: str, color: bool | None) -> NoReturn:
    """Run the system that FILE (stockade.toml, unless you name another, or its folder) describes, in the foreground.

    Log lines go to standard error. Ctrl-C, or SIGTERM, stops all workers and the core, each in its own time; a second
    one kills them at once.
    """
    if file == options.FILE and not os.path.lexists(file):
        raise Usage(f"there is no {options.FILE} in this folder", _WRITE)
    wanted = options.wants_color(color)
    become_supervisor(plan(load(file), log_format=log_format, log_level=log_level, color=wanted))
