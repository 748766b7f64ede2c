"""The child of `stockade check` that imports an application's command modules, and says what came of it.

``python -P -m stockade.cli.probe FOLDER SECONDS [--describe] MODULE...`` writes JSON lines to its stdout:
``["importing", module]`` before each import, ``["fault", module or null, {...}]``, ``["command", name, takes_scope,
arguments, channels]`` for each command, ``["exported", name, file, line]`` for each that is declared to be a worker's,
with ``--describe`` and without a fault ``["model", {...}]`` or ``["collision", wrong, instead]``, and ``["done"]`` if
it came so far. The modules are the operator's and are trusted, but while they are imported they may print, hang, exit
or crash: they get /dev/null for stdout, and an alarm that shows on which line they hang.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn, TextIO

import attrs

from stockade.cli.importing import DESCRIBE, LATE
from stockade.core.commands.importing import import_module
from stockade.core.commands.registry import Registry, collect
from stockade.errors import Fault

__all__ = ["TimeLimit", "main"]


class TimeLimit(BaseException):
    """Raised by the alarm, in whatever line hangs. No Exception, so that a module's own `except` lets it by."""


def main(folder: str, seconds: float, modules: Sequence[str], describe: bool = False) -> NoReturn:
    """Import `modules` from `folder`, report, and leave without running what the modules have put at the exit.

    With `describe` the report has what bindings are made of, too.
    """
    report = _report_pipe()
    sys.path.insert(0, folder)
    imported = [module for module in modules if _import(module, seconds, report)]
    os.chdir(folder)  # a module may have gone elsewhere, and files are told relative to here
    registry = collect(imported)
    for fault in registry.faults:
        _say(report, "fault", None, attrs.asdict(fault))
    for command in registry.commands.values():
        arguments = [parameter.name for parameter in command.parameters]
        channels = [channel.name for channel in command.channels]
        _say(report, "command", command.name, command.takes_scope, arguments, channels)
    for declared in registry.exported.values():
        _say(report, "exported", declared.name, declared.file, declared.line)
    if describe and not registry.faults:
        _describe(report, registry)
    _say(report, "done")
    os._exit(0)  # neither threads nor exit handlers of the modules have a say in it


def _describe(report: TextIO, registry: Registry) -> None:
    from stockade.bindings import carrying, reading  # which nothing else needs
    from stockade.bindings.naming import Collision

    try:
        _say(report, "model", carrying.carried(reading.read(registry)))
    except Collision as error:
        _say(report, "collision", error.wrong, error.instead)


def _report_pipe() -> TextIO:
    """Our stdout, out of reach of the modules, which get /dev/null instead."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
    return report


def _say(report: TextIO, *message: Any) -> None:
    report.write(json.dumps(message) + "\n")
    report.flush()


def _import(module: str, seconds: float, report: TextIO) -> bool:
    """Whether `module` could be imported in so many seconds; why not has been reported."""

    rang: list[int] = []

    def alarm(signal_number: int, frame: FrameType | None) -> None:
        rang.append(signal_number)
        raise TimeLimit

    _say(report, "importing", module)
    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    result = import_module(module)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if isinstance(result, Fault):
        if rang:
            wrong = f"importing {module} takes more than {seconds:g} s, and is in this line then"
            result = attrs.evolve(result, wrong=wrong, instead=LATE)
        _say(report, "fault", module, attrs.asdict(result))
    return not isinstance(result, Fault)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), [each for each in sys.argv[3:] if each != DESCRIBE], DESCRIBE in sys.argv)
