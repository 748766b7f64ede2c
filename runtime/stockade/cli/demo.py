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
  stockade demo --python-only           compiles nothing
"""


@click.command(epilog=_EXAMPLE)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Write report.md even if there is one.")
@click.option("--python-only", is_flag=True, help="Run all workers in Python, also where others can be compiled.")
@options.as_json
def demo(folder: Path | None, force: bool, python_only: bool, as_json: bool) -> int:
    """Read a FOLDER of text files (our own sources, unless you name another) with a core and five workers.

    Two indexers share the work, a reporter writes report.md into the current folder, a rogue tries what it may not,
    and a crasher crashes. Nothing is written into FOLDER.

    With compilers, libzmq and libcbor at hand the reporter is a program in C++ and the crasher one in C, compiled into
    a folder that is removed again. Nothing is fetched from a network.
    """
    from stockade.demo.main import run_demo

    return run_demo(None if folder is None else str(folder), force=force, python_only=python_only, json_output=as_json)
