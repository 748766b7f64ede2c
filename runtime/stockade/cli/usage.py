"""How the command line speaks of its wrong use: what is wrong, and what to write instead, in one line.

Knows click's errors and turns them into ours; prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from stockade.config.wording import listed, nearest, one_line, quoted

__all__ = ["Usage", "complaint", "no_such_argument", "no_such_command", "no_such_worker"]


class Usage(Exception):
    """Wrong use of a command, in our own words: exit code 2."""

    def __init__(self, wrong: str, instead: str) -> None:
        super().__init__(f"stockade: {wrong}; {instead}")


def no_such_command(name: str, known: Iterable[str]) -> Usage:
    """For a first word that is no command."""
    near = nearest(name, known)
    instead = f"write {near}" if near else f"write {listed(known)}"
    return Usage(f"there is no command {quoted(name)}", instead)


def no_such_worker(label: str, known: Iterable[str]) -> Usage:
    """For a worker that is not in the configuration."""
    labels = list(known)
    near = nearest(label, labels)
    if not labels:
        instead = f"add a [[worker]] with label = {quoted(label)}"
    else:
        instead = f"write {near}" if near else f"write {listed(labels)}"
    return Usage(f"there is no worker {quoted(label)}", instead)


def no_such_argument(name: str, command: str, known: Sequence[str]) -> Usage:
    """For an argument that the command has not."""
    near = nearest(name, known) or (known[0] if len(known) == 1 else None)
    instead = f"write {near}" if near else f"write {listed(known)}" if known else "it takes none"
    return Usage(f"{command} has no argument {quoted(name)}", instead)


def complaint(error: click.ClickException) -> str:
    """An error of click's as we would say it."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    where = ctx.command_path if ctx else "stockade"
    return one_line(f"{where}: {_wrong(error)}; {_instead(error, where)}", longest=1000)


def _wrong(error: click.ClickException) -> str:
    match error:
        case click.NoSuchOption():
            return f"there is no option {error.option_name}"
        case click.MissingParameter(param=click.Parameter() as parameter):
            return f"{_name(parameter)} is missing"
        case click.BadParameter(param=click.Parameter() as parameter):
            return f"{_name(parameter)}: {_lower(error.message)}"
    return _lower(error.message)


def _instead(error: click.ClickException, where: str) -> str:
    near = error.possibilities if isinstance(error, click.NoSuchOption) else None
    return f"write {listed(near)}" if near else f'see "{where} --help"'


def _name(parameter: click.Parameter) -> str:
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name


def _lower(sentence: str) -> str:
    """A sentence as the middle of one; a word in capitals stays so."""
    head = sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]
    return head.rstrip(".")
