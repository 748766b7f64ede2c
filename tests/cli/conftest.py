"""The console script as a user has it, a process; and a small application for it to work on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

#: Generous: the machine may be busy.
PATIENCE = 50.0

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[bytes]"]

CONFIGURATION = """\
[app]
name = "notes"
commands = ["notes"]

[[worker]]
label = "editor"
run = ["python", "editor.py"]
capabilities = ["notes"]
restart = "never"

[[worker]]
label = "reader"
run = ["python", "missing.py"]

[[capability]]
name = "notes"
commands = { allow = ["notes.*"], deny = ["notes.purge"] }
events = { listen = ["notes/**"], emit = ["editor/opened"] }
scopes."notes.read" = { allow = ["texts/**"] }
"""

COMMANDS = '''\
import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from stockade import Caller, CommandError, Events, ReceiveChannel, command


@command("notes.read")
def read(caller: Caller, name: str) -> str:
    """The text of a note."""
    with caller.scope.open(name) as file:
        return file.read()


@command("notes.echo")
def echo(value: Any) -> Any:
    return value


@command("notes.who")
def who(caller: Caller) -> str:
    return caller.worker


@command("notes.tell")
def tell(events: Events, label: str) -> None:
    events.emit_to(label, "notes/changed", None)


@command("notes.fail")
def fail() -> None:
    raise RuntimeError("the reason")


@command("notes.lock")
def lock() -> None:
    raise CommandError("notes.locked", "it is locked", {"by": "me"})


@command("notes.stream")
def stream(values: list[Any], fault: bool = False) -> Iterator[Any]:
    yield from values
    if fault:
        raise CommandError("notes.torn", "a page is missing")


@command("notes.endless")
async def endless() -> AsyncIterator[str]:
    while True:
        yield "x" * 1000
        await asyncio.sleep(0)


@command("notes.import")
def take(pages: ReceiveChannel[str]) -> int:
    return len(list(pages))


@command("notes.hang")
async def hang() -> None:
    await asyncio.sleep(3600)


@command("notes.purge")
def purge() -> None: ...
'''

WORKER = """\
from stockade_frontend import connect

with connect() as core:
    print(core.invoke("notes.read", name="texts/todo"), end="")
    core.run()
"""


def environment(**changes: str) -> dict[str, str]:
    """Ours, with `changes`, and without what would change how anything is printed."""
    ours = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**ours, **changes}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An application with one worker whose program is there, and one whose is not."""
    (tmp_path / "stockade.toml").write_text(CONFIGURATION)
    (tmp_path / "notes.py").write_text(COMMANDS)
    (tmp_path / "editor.py").write_text(WORKER)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/todo").write_text("buy milk\n")
    return tmp_path


@pytest.fixture
def whole(folder: Path) -> Path:
    """The same, with nothing missing: its second worker ends at once and well."""
    (folder / "missing.py").write_text("from stockade_frontend import connect\nconnect().close()\n")
    return folder


@pytest.fixture
def stockade(tmp_path: Path) -> Run:
    """Run `stockade` with these arguments, in the test's folder, to its end."""

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stockade", *arguments],
            cwd=tmp_path,
            env=environment(**changes),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `stockade` with these arguments and leave it running; what still runs in the end is killed."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str, stderr: int = subprocess.PIPE, **changes: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "stockade", *arguments],
            cwd=tmp_path,
            env=environment(**changes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        running.append(child)
        return child

    yield begin
    for child in running:
        child.kill()
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
