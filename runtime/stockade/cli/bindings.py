"""`stockade bindings`: what an application offers its workers, as source code in the language of one of them.

Knows no language: `stockade.bindings` renders.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import click

from stockade.bindings.comments import Origin
from stockade.bindings.languages import LANGUAGES, Wanted
from stockade.bindings.naming import Collision
from stockade.cli import options
from stockade.cli.completion import complete_workers
from stockade.cli.describing import described
from stockade.cli.usage import Usage
from stockade.exits import Exit

__all__ = ["bindings"]

#: The output that is no file.
_STDOUT = "-"

_EXAMPLE = """\
\b
Examples:
  stockade bindings --language python -o notes_api.py
  stockade bindings --language python --asyncio --worker editor -o editor/api.py
  stockade bindings --language typescript -o src/api.ts --check         for CI: exit code 1 if it is stale
"""


@click.command(epilog=_EXAMPLE)
@click.option("--language", type=click.Choice(sorted(LANGUAGES)), required=True, help="Which to write.")
@click.option("-o", "--output", metavar="FILE", required=True, help='Where to; "-" prints it.')
@click.option("--check", is_flag=True, help="Write nothing: say whether FILE is what would be written.")
@click.option(
    "--worker", shell_complete=complete_workers, help="Leave out what this worker may not call, hear or emit."
)
@click.option("--package", metavar="NAME", default="", help="The package of the code (go, java).")
@click.option("--asyncio", is_flag=True, help="For stockade_frontend.aio (python).")
@options.file_option
def bindings(
    language: str, output: str, check: bool, worker: str | None, package: str, asyncio: bool, file: str
) -> int:
    """Write typed functions for the commands and events of the application into FILE.

    They are made from the type hints of its commands, and from what it declares of events and exported commands. Exit
    code 0, or 1 if --check finds FILE stale or missing.
    """
    _refuse_options(language, package, asyncio)
    if check and output == _STDOUT:
        raise Usage("--check needs a file to look at, not -", "name the file: -o api.py")
    application, model = described(file, worker)
    origin = Origin(application, _command(language, worker, package, asyncio))
    wanted = Wanted(package, "" if output == _STDOUT else Path(output).name.partition(".")[0], asyncio)
    try:
        text = LANGUAGES[language].render(model, origin, wanted)
    except Collision as error:
        raise Usage(error.wrong, error.instead) from error
    if check:
        return _check(Path(output), text, origin.command)
    if output == _STDOUT:
        click.echo(text, nl=False)
    else:
        _write(Path(output), text)
    return Exit.WELL


def _refuse_options(language: str, package: str, asyncio: bool) -> None:
    for option, said in (("package", bool(package)), ("asyncio", asyncio)):
        if said and option not in LANGUAGES[language].options:
            others = " or ".join(name for name in sorted(LANGUAGES) if option in LANGUAGES[name].options)
            raise Usage(f"{language} has no --{option}", f"leave it out, or write --language {others}")


def _command(language: str, worker: str | None, package: str, asyncio: bool) -> str:
    """What makes the file anew, as its head says it: the same wherever it is run."""
    said = ["stockade bindings --language", language]
    said += ["--asyncio"] if asyncio else []
    said += ["--package", package] if package else []
    said += ["--worker", worker] if worker else []
    return " ".join([*said, "-o FILE"])


def _check(file: Path, text: str, command: str) -> int:
    try:
        if file.read_bytes() == text.encode():
            return Exit.WELL
        wrong = "stale: it is not what the application offers now"
    except FileNotFoundError:
        wrong = "missing"
    except OSError as error:
        raise Usage(f"{file} cannot be read: {error.strerror}", "name a file") from error
    click.echo(f"stockade bindings: {file} is {wrong}; write it with: {command.replace('FILE', str(file))}", err=True)
    return Exit.WORKER_FAILED


def _write(file: Path, text: str) -> None:
    """All of it or nothing: who builds meanwhile never sees half of it."""
    written = None
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=file.parent, delete=False) as whole:
            written = whole.name
            whole.write(text)
        os.chmod(written, 0o666 & ~_mask())
        os.replace(written, file)
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(written or "")
        raise Usage(f"{file} cannot be written: {error.strerror}", "name a file in a folder that is there") from error


def _mask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
