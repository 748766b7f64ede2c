"""`stockade new`: the command line that begins a project, and what it says to do next.

Knows no file of it: `stockade.new` does.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from stockade.cli import options
from stockade.cli.usage import Usage
from stockade.config.wording import quoted
from stockade.exits import Exit
from stockade.names import RESERVED_LABELS, is_label
from stockade.new import folder, project
from stockade.new.languages import LANGUAGES
from stockade.new.project import Project

__all__ = ["new"]

_EXAMPLE = """\
\b
Examples:
  stockade new app notes && cd notes && stockade run
  stockade new worker thumbs --language rust
"""

_NAME = click.argument("name")


@click.group(epilog=_EXAMPLE)
def new() -> None:
    """Begin a project in a new folder: an application, or a worker in a language of yours. It runs at once."""


@new.command(epilog=_EXAMPLE)
@_NAME
@options.as_json
def app(name: str, as_json: bool) -> int:
    """Begin an application in the new folder NAME.

    It has a stockade.toml, a module of commands for the core, a worker in Python, tests and a README.
    """
    return _begin(project.app(_checked(name)), as_json)


@new.command(epilog=_EXAMPLE)
@_NAME
@click.option(
    "--language", type=click.Choice(list(LANGUAGES)), default="python", show_default=True, help="Of the worker."
)
@options.as_json
def worker(name: str, language: str, as_json: bool) -> int:
    """Begin a worker in the new folder NAME, which is its label too.

    It has a small core to try the worker on, tests and a README. The sources of Stockade's library for the language
    come along: building fetches only what they need.
    """
    return _begin(project.worker(_checked(name), language), as_json)


def _checked(name: str) -> str:
    if name in RESERVED_LABELS:
        raise Usage(f"{name} is a name of Stockade's own", "choose another")
    if not is_label(name):
        raise Usage(f"{quoted(name)} is no name", "write 1 to 32 of a-z, 0-9 and -, the first a letter")
    return name


def _begin(begun: Project, as_json: bool) -> int:
    try:
        folder.write(Path(begun.name), begun.files)
    except FileExistsError:
        raise Usage(f"{begun.name} is there already", "choose another name, or remove it") from None
    except OSError as error:
        raise Usage(f"{begun.name} cannot be made: {error.strerror}", "go to a folder of yours") from error
    if as_json:
        click.echo(json.dumps(_described(begun), indent=2))
    else:
        _say(begun)
    return Exit.WELL


def _described(begun: Project) -> dict[str, object]:
    spoken = begun.spoken
    return {
        "kind": begun.kind,
        "folder": str(Path(begun.name).absolute()),
        "language": begun.language,
        "takes": spoken.takes,
        "fetches": spoken.fetches,
        "build": spoken.build,
        "next": [f"cd {begun.name}", *begun.commands],
        "files": sorted(begun.files),
    }


def _say(begun: Project) -> None:
    spoken = begun.spoken
    click.echo(f"{begun.name}/ is there: {len(begun.files)} files. Next:")
    click.echo("")
    for line in (f"cd {begun.name}", *begun.commands):
        click.echo(f"  {line}")
    click.echo("")
    if spoken.build:
        click.echo(f"Building takes {spoken.takes}.")
    if spoken.fetches:
        click.echo(f"It fetches {spoken.fetches}.")
    click.echo("README.md has the other commands.")
