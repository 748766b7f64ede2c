"""`stockade demo`: the command line of the demonstration. Knows how it is called; `stockade.demo` is what happens."""

from __future__ import annotations

from pathlib import Path

import click

from stockade.cli import options

__all__ = ["demo"]

_EXAMPLE = """\
\b
Examples:
  stockade demo
  stockade demo ~/notes --force
"""


@click.command(epilog=_EXAMPLE)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write report.md even if there is one.")
@options.as_json
def demo(folder: Path | None, force: bool, as_json: bool) -> int:
    """Read a FOLDER of text files (our own sources, unless you name another) with a core and five workers.

    Two indexers share the work, a reporter writes report.md into the current folder, a rogue tries what it may not,
    and a crasher crashes. Nothing is written into FOLDER.
    """
    from stockade.demo.main import run_demo

    return run_demo(None if folder is None else str(folder), force=force, json_output=as_json)
