"""An application in a folder of its own, run as a user runs it, and everything it left when it has ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from applications.log import Log, Record
from applications.processes import PATIENCE, Process, descendants, end, reap_orphans, until
from applications.puppets import Puppet, Puppets

__all__ = ["Application", "capability", "table", "worker"]

PROGRAMS = Path(__file__).parent / "programs"
#: The children whose ends their Popen takes.
_STARTED: set[int] = set()
#: What a worker of a test has unless the test says otherwise: short times, and restarts without end.
_TIMES: dict[str, Any] = {
    "backoff": {"first": 0.0, "longest": 0.0},
    "restart_limit": {"times": 1000},
    "inherit": ["PUPPETS"],
    "grace": {"stop": 1.5, "stdin": 0.3, "term": 0.3},
}


def table(heading: str, **keys: Any) -> str:
    """A table of TOML."""
    return "\n".join([heading, *(f"{_key(name)} = {_toml(value)}" for name, value in keys.items())]) + "\n"


def worker(label: str, *run: str, **keys: Any) -> str:
    """A `[[worker]]` that runs this Python program, a puppet unless told otherwise."""
    if run == ("raw_puppet.py",):  # it heeds no `stop`, only its stdin's end
        keys.setdefault("grace", {"stop": 0.05, "stdin": 1.0})
    return table("[[worker]]", label=label, run=["python", *(run or ("puppet.py",))], **{**_TIMES, **keys})


def capability(name: str, **keys: Any) -> str:
    """A `[[capability]]`."""
    return table("[[capability]]", name=name, **keys)


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() else _toml(name)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


class Application:
    """A folder with a stockade.toml and a module `commands`; `start` runs it.

    `close` ends it, and fails if anything is left: a process, a directory. Each application has a directory for its
    sockets of its own, with a short name, since a socket's path is at most 107 bytes long.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runtime = Path(tempfile.mkdtemp(prefix="e-", dir="/tmp"))
        self.puppets = Puppets(str(self.runtime / "puppets"))
        self.process: subprocess.Popen[bytes] | None = None
        self.log: Log = None  # type: ignore[assignment]  # a test that takes the log for itself has none here
        self._before = {each.pid for each in descendants()}
        for program in PROGRAMS.iterdir():
            if program.suffix == ".py":
                shutil.copy(program, folder)

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, name: str, text: str) -> Path:
        """Write a file of the application."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def configure(self, *tables: str, commands: str = "", core: dict[str, Any] | None = None, **settings: Any) -> None:
        """Write a stockade.toml of these tables and, if there are any, the module with its commands."""
        head = table("[app]", name="tested", commands=["commands"] if commands else [])
        if commands:
            self.write("commands.py", commands)
        if settings:
            head += table("[app.settings]", **settings)
        self.write("stockade.toml", "\n".join([head, table("[core]", **(core or {})), *tables]))

    # -- running ------------------------------------------------------------------------------------------------------

    def start(self, *options: str, prefix: Sequence[str] = (), **popen: Any) -> Application:
        """`stockade run` in the folder."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("STOCKADE_", "COVERAGE"))
        }
        environment |= {"XDG_RUNTIME_DIR": str(self.runtime), "PUPPETS": self.puppets.address}
        command = [*prefix, sys.executable, "-m", "stockade", "run", "--log-format", "json", *options]
        popen = {"stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **popen}
        self._close_log()
        self.process = subprocess.Popen(command, cwd=self.folder, env=environment, **popen)
        _STARTED.add(self.process.pid)
        if self.process.stderr is not None:
            self.log = Log(self.process.stderr)
        return self

    @property
    def supervisor(self) -> int:
        """Its process id: `stockade run` becomes the supervisor."""
        assert self.process is not None
        return self.process.pid

    def core(self, generation: int = 1) -> int:
        """The process id of the core, once it is ready."""
        return int(self.log.wait(event="core_ready", generation=generation)["pid"])

    def pid(self, label: str, generation: int = 1) -> int:
        """The process id of a worker's generation, once it has started."""
        return int(self.log.wait(event="worker_started", worker=label, generation=generation)["pid"])

    def ready(self, *labels: str) -> None:
        """Wait until the first generation of each of these has said that it is ready."""
        for label in labels:
            self.log.wait(event="worker_ready", worker=label, generation=1)

    def puppet(self, label: str, generation: int = 1) -> Puppet:
        """The puppet that is this generation, once it has reported."""
        return self.puppets.get(label, generation)

    def closed(self, name: str) -> Record:
        """What the core has counted of a worker's generation (``editor@1``), once its link is closed."""
        return self.log.wait(event="worker_closed", worker=name)

    # -- ending -------------------------------------------------------------------------------------------------------

    def signal(self, number: int) -> None:
        """Send `stockade run` a signal."""
        os.kill(self.supervisor, number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait for its end; the exit code."""
        assert self.process is not None
        code = self.process.wait(patience)
        if self.log is not None:
            self.log.join()
        return code

    def stop(self) -> int:
        """Ask it to stop, and wait; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def processes(self) -> list[Process]:
        """All of its processes that are there, orphans included."""
        reap_orphans(_STARTED)
        return [each for each in descendants() if each.pid not in self._before]

    def directories(self) -> list[str]:
        """What it has in the directory for its sockets."""
        return sorted(path.name for path in self.runtime.iterdir() if path.name != "puppets")

    def check_that_nothing_is_left(self) -> None:
        """Fails if a process or a directory is left, when there was time enough to go."""
        until(lambda: not self.processes(), lambda: f"no process is left of {[*map(str, self.processes())]}")
        until(lambda: not self.directories(), lambda: f"no directory is left of {self.directories()}")

    def close(self) -> None:
        """End it, if it has not ended, and check that nothing is left. Then nothing is, whatever it was."""
        try:
            if self.process is not None:
                if self.process.poll() is None:
                    self.stop()
                self.check_that_nothing_is_left()
        finally:
            end(self.processes())
            if self.process is not None:
                self.process.wait(PATIENCE)
            self._close_log()
            reap_orphans(_STARTED)
            self.puppets.close()
            shutil.rmtree(self.runtime, ignore_errors=True)

    def _close_log(self) -> None:
        """Close the pipe of what was started last, if anything was."""
        if self.process is not None and self.process.stderr is not None:
            self.process.stderr.close()
