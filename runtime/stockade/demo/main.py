"""Runs the demonstration: a supervisor with the application in `app/`, its log read line by line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console

from stockade.config.plan import plan
from stockade.config.specs import Configuration
from stockade.control import Plan
from stockade.demo import languages, stage
from stockade.demo.languages import Built
from stockade.demo.show import progress, show_summary, summary
from stockade.demo.story import Story
from stockade.errors import StartError
from stockade.exits import BY_SIGNAL, Exit
from stockade.observe.logs import escape, format_human, parse_json
from stockade.supervisor.launch import plan_in_memory, supervisor_program

__all__ = ["run_demo"]

_OURS = Path(__file__).parents[1]
#: Lines of the log that are shown when something did not come out.
_LAST = 30


def run_demo(folder: str | None, *, force: bool, python_only: bool, json_output: bool) -> int:
    """Index `folder` (None: this package), write report.md into the working directory, print a summary.

    Workers that are there in C or C++ too are compiled, unless `python_only`, or the machine lacks what that takes.

    Returns 0 if everything came out as it should, 1 if not, 2 if the folder or the report cannot be used. Writes
    nothing into `folder`.
    """
    console = Console(stderr=json_output, highlight=False)
    report = Path.cwd() / "report.md"
    try:
        stage.check_folder(Path(folder) if folder else _OURS)
        if report.exists() and not force:
            raise StartError(f"{report} is there already; remove it, or write stockade demo --force")
        if not os.access(report if report.exists() else report.parent, os.W_OK):
            raise StartError(f"{report} cannot be written; go to a folder of yours")
    except StartError as error:
        print(f"stockade demo: {error}", file=sys.stderr)
        return Exit.CONFIGURATION
    with tempfile.TemporaryDirectory(prefix="stockade-demo-") as place:
        corner = Path(place, "corner")
        stage.fill_corner(corner)
        run = _Run(console, json_output)
        run.build(Path(place), python_only)
        return run.run(stage.configuration(Path(folder) if folder else _OURS, report, force, corner, run.programs))


@attrs.define
class _Run:
    """One demonstration on its way."""

    _console: Console
    _json: bool
    _story: Story = attrs.field(factory=Story)
    _lines: list[str] = attrs.field(factory=list)  # what is shown if something goes wrong
    _built: Built = Built({}, {}, ())

    @property
    def programs(self) -> Mapping[str, Path]:
        """What has been compiled, by the worker that runs it."""
        return self._built.programs

    def build(self, place: Path, python_only: bool) -> None:
        """Compile what this machine can, into a folder in `place`, and say what that is."""
        if python_only:
            return
        (place / "programs").mkdir()
        begin = time.monotonic()
        self._built = languages.build(place / "programs")
        for reason in self._built.reasons:
            self._say(reason)
        if self._built.languages:
            made = " and ".join(f"the {worker} in {language}" for worker, language in self._built.languages.items())
            self._say(f"Compiled {made}, in {time.monotonic() - begin:.1f} s; the others are Python.")

    def run(self, configuration: Configuration) -> int:
        """Run it to its end, show how it came out, and return the exit code."""
        begin = time.monotonic()
        self._say("A core, two indexers, a reporter, a rogue and a crasher start. They share nothing but messages.")
        with progress(self._console) as show, _supervisor(_plan(configuration)) as child:
            assert child.stderr is not None
            for line in child.stderr:
                self._read(line)
                show(self._story)
            code = child.wait()
        return self._end(code, time.monotonic() - begin)

    def _read(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\n")
        try:
            record: Any = json.loads(text)
        except ValueError:
            self._story.faults.append(f"a line of the log is no JSON: {text[:80]}")
            record = None
        if isinstance(record, dict):
            self._story.read(record)
        if not isinstance(record, dict) or record.get("event") != "demo_progress":
            self._lines = [*self._lines[1 - _LAST :], text]

    def _end(self, code: int, seconds: float) -> int:
        shown = summary(self._story, seconds)
        wrong = [check for check in self._story.checks() if not check.is_right]
        well = code == Exit.WELL and not wrong
        if self._json:
            print(json.dumps({**shown, **self._built.shown(), "exit": code}, indent=2))
        else:
            show_summary(self._console, self._story, shown)
        if code >= BY_SIGNAL:
            return code
        if not well:
            for check in wrong:
                print(f"stockade demo: {check.what}: wanted {check.wanted}, came {check.came}", file=sys.stderr)
            print("stockade demo: not everything came out as it should; the last lines of the log:", file=sys.stderr)
            print("\n".join(map(_readable, self._lines)), file=sys.stderr)
        return Exit.WELL if well else Exit.WORKER_FAILED

    def _say(self, words: str) -> None:
        if not self._json:
            self._console.print(words, markup=False)


def _readable(line: str) -> str:
    """A line of the log as `stockade run` would show it."""
    try:
        return format_human(parse_json(line), color=False)
    except ValueError:
        return escape(line)


def _plan(configuration: Configuration) -> Plan:
    return plan(configuration, log_format="json", log_level="info")


@contextmanager
def _supervisor(todo: Plan) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor that gets SIGINT and SIGTERM when we do, and does not outlive us."""
    descriptor = plan_in_memory(todo)
    child = subprocess.Popen(supervisor_program(descriptor), stderr=subprocess.PIPE, pass_fds=[descriptor])
    os.close(descriptor)
    before = signal.signal(signal.SIGTERM, lambda number, _: child.send_signal(number))
    # Ctrl-C reaches the supervisor by itself, since it is in our group; we wait for what it makes of it.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield child
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, interrupt)
        if child.poll() is None:
            child.terminate()
            child.wait()
