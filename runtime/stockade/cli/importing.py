"""Importing the command modules in a child process, for `stockade check`: what they register, and what goes wrong.

Knows no stockade.toml: module names in, commands and faults out. The child is `stockade.cli.probe`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import IO, Any

import attrs

from stockade.config.environment import core_environment
from stockade.errors import Fault, StockadeError

__all__ = ["DESCRIBE", "LATE", "Imported", "ProbeError", "import_modules"]

#: What to do about a module that takes too long.
LATE = "move what takes long into a @lifespan, which runs when the core starts, or into a command"

#: Asks the child for a model, too.
DESCRIBE = "--describe"

#: Seconds that we wait longer than the child itself: its alarm knows the line on which a module hangs, we do not.
_SLACK = 2.0


@attrs.frozen
class Imported:
    """What importing came to. Files of faults are relative to the folder, or absolute.

    `commands` says of each command's name whether it takes a scope, `arguments` the names of what it takes else, and
    `channels` those of its channels; `unimported` has the fault of each module that is not among them, and `faults`
    those of what was registered; `exported` says where each command is declared that is a worker's. Where it was asked
    for, `model` is what `bindings.carrying` made of the application, or `collision` why there is none: what is wrong,
    and what to do instead.
    """

    commands: dict[str, bool] = attrs.field(factory=dict)
    arguments: dict[str, list[str]] = attrs.field(factory=dict)
    channels: dict[str, list[str]] = attrs.field(factory=dict)
    unimported: dict[str, Fault] = attrs.field(factory=dict)
    faults: list[Fault] = attrs.field(factory=list)
    exported: dict[str, tuple[str, int]] = attrs.field(factory=dict)
    model: dict[str, Any] | None = None
    collision: tuple[str, str] | None = None


class ProbeError(StockadeError):
    """The child failed by its own doing, which is a bug of this package; the message has its traceback."""


def import_modules(modules: Sequence[str], folder: str, limit: float, *, describe: bool = False) -> Imported:
    """Import `modules`, with `folder` first on their path, each in `limit` seconds. Raises ProbeError for our bugs."""
    lost: dict[str, Fault] = {}
    while rest := [module for module in modules if module not in lost]:
        outcome = _attempt(rest, folder, limit, describe)
        if isinstance(outcome, Imported):
            outcome.unimported.update(lost)
            return outcome
        lost[outcome.file] = outcome  # it took the process with it: the others have another chance, without it
    return Imported(unimported=lost)


def _attempt(modules: Sequence[str], folder: str, limit: float, describe: bool) -> Imported | Fault:
    """What one child says; if it has not come to its end, the fault of the module that it was importing, as `file`."""
    with tempfile.TemporaryFile() as errors:
        child = _start(modules, folder, limit, errors, describe)
        deadline = time.monotonic() + limit * len(modules) + _SLACK
        try:
            messages = list(_messages(child, deadline))
            late = time.monotonic() >= deadline
        finally:
            # With its group, so that what the modules have started goes too; and before the child is reaped, while the
            # group's number is still its own. A child that has ended already keeps its own status.
            os.killpg(child.pid, signal.SIGKILL)
            status = child.wait()
        if ["done"] in messages:
            return _understood(messages)
        importing = [message[1] for message in messages if message[0] == "importing"]
        failed = [message[1] for message in messages if message[0] == "fault"]
        if not importing or importing[-1] in failed:
            errors.seek(0)
            raise ProbeError(f"status {status}: {errors.read().decode(errors='replace')}")
        return _unfinished(importing[-1], None if late else status, limit)


def _start(
    modules: Sequence[str], folder: str, limit: float, errors: IO[bytes], describe: bool
) -> subprocess.Popen[bytes]:
    asked = [DESCRIBE] if describe else []
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "stockade.cli.probe", folder, str(limit), *asked, *modules],
        cwd=folder,
        env=core_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,  # a file: nobody need read along, and what a module has started cannot hold us up
        start_new_session=True,
    )


def _messages(child: subprocess.Popen[bytes], deadline: float) -> Iterator[list[Any]]:
    """The child's messages up to its last one, its end or the `deadline`; half a line is what a killed child leaves."""
    rest = b""
    with child.stdout or open(os.devnull, "rb") as output:
        while select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
            data = os.read(output.fileno(), 65536)
            *lines, rest = (rest + data).split(b"\n")
            yield from map(json.loads, lines)
            if not data or b'["done"]' in lines:
                return


def _understood(messages: list[list[Any]]) -> Imported:
    imported = Imported()
    for message in messages:
        match message:
            case ["fault", None, fields]:
                imported.faults.append(Fault(**fields))
            case ["fault", module, fields]:
                imported.unimported[module] = Fault(**fields)
            case ["command", name, takes_scope, arguments, channels]:
                imported.commands[name], imported.arguments[name] = takes_scope, arguments
                imported.channels[name] = channels
            case ["exported", name, file, line]:
                imported.exported[name] = (file, line)
            case ["model", described]:
                imported = attrs.evolve(imported, model=described)
            case ["collision", wrong, instead]:
                imported = attrs.evolve(imported, collision=(wrong, instead))
    return imported


def _unfinished(module: str, status: int | None, limit: float) -> Fault:
    """The fault of a module whose import took the process with it (`status`), or hears no alarm (None)."""
    if status is None:
        wrong = f"importing {module} takes more than {limit:g} s, and cannot be interrupted"
        return Fault(module, 0, wrong, LATE)
    how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
    return Fault(module, 0, f"importing {module} ends the process, {how}", "find the line with python -X faulthandler")
