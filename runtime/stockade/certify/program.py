"""One start of the program that is certified: what it is given, what it writes, how it ends. Knows no socket.

It is started as the supervisor starts a worker (docs/protocol.md, section 2): a scrubbed environment, directories of
its own, a session of its own, its secret on standard input.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from stockade.certify.fault import Fault
from stockade.certify.notation import printable
from stockade.config.environment import worker_environment
from stockade.errors import StartError
from stockade.limits import PROTOCOL
from stockade.supervisor.process import kill_group

__all__ = ["Program"]

#: Bytes of what it wrote that are kept to be shown.
_LAST_WORDS = 4096


@attrs.define(eq=False)
class Program:
    """A process, from `start` to `close`. `folder` is its own, and is removed by whoever made it."""

    folder: Path
    label: str
    generation: int
    secret: str
    pidfd: int
    _process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, argv: Sequence[str], folder: Path, label: str, generation: int, *, by_hand: bool = False) -> Program:
        """Start it; raises StartError where that cannot be. `by_hand`: as a user would, with nothing for a worker."""
        secret = secrets.token_hex(32)
        for name in ("sockets", "temporary"):
            (folder / name).mkdir(mode=0o700)
        environment = worker_environment(os.environ, os.environ if by_hand else (), {})
        environment = {name: value for name, value in environment.items() if not name.startswith("STOCKADE_")}
        if not by_hand:
            environment |= _place(folder, label, generation)
        stdin = subprocess.DEVNULL if by_hand else subprocess.PIPE
        with (folder / "stdout").open("wb") as output, (folder / "stderr").open("wb") as errors:
            try:
                process = subprocess.Popen(
                    argv, stdin=stdin, stdout=output, stderr=errors, env=environment, start_new_session=True
                )
            except OSError as error:
                raise StartError(f"{argv[0]} cannot be started: {error.strerror}") from error
        return cls(folder, label, generation, secret, os.pidfd_open(process.pid), process)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def sockets(self) -> Path:
        """Where it is to bind."""
        return self.folder / "sockets"

    def tell_secret(self) -> None:
        """Write its secret, as the first line of its standard input, which stays open."""
        self._write(f"{self.secret}\n".encode())

    def _write(self, line: bytes) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise ValueError("it was started by hand: nobody holds its standard input")
        try:
            stdin.write(line)
            stdin.flush()
        except BrokenPipeError as error:
            raise Fault("it to read its secret", "it closed its standard input") from error

    def end_lifeline(self) -> None:
        """End its standard input: it is to exit now."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def status(self) -> int | None:
        """Its exit status, the negative number of a signal, or None while it runs. `close` reaps it."""
        found = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def wait(self, seconds: float) -> int | None:
        """`status`, once it has ended, or when so many seconds are over."""
        select.select([self.pidfd], [], [], seconds)
        return self.status()

    def words(self, name: str = "stderr") -> str:
        """The last that it wrote there."""
        with (self.folder / name).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST_WORDS))
            return printable(file.read().decode("utf-8", "backslashreplace")).strip()

    def shows(self, read: Callable[[Path], bytes] = Path.read_bytes) -> list[str]:
        """Where its secret can be seen by others: its environment, its arguments, its output."""
        places = [Path(f"/proc/{self.pid}/{name}") for name in ("environ", "cmdline")]
        places += [self.folder / name for name in ("stdout", "stderr")]
        return [str(place) for place in places if self.secret.encode() in _readable(read, place)]

    def close(self) -> None:
        """Kill what is left of it and its children, and reap it."""
        kill_group(self.pid, signal.SIGKILL)  # before it is reaped: until then the number is its own
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        os.close(self.pidfd)


def _place(folder: Path, label: str, generation: int) -> dict[str, str]:
    return {
        "TMPDIR": str(folder / "temporary"),
        "STOCKADE_PROTOCOL": str(PROTOCOL),
        "STOCKADE_WORKER": label,
        "STOCKADE_GENERATION": str(generation),
        "STOCKADE_CORE_PID": str(os.getpid()),
        "STOCKADE_SOCKETS": f"ipc://{folder / 'sockets'}",
    }


def _readable(read: Callable[[Path], bytes], place: Path) -> bytes:
    try:
        return read(place)
    except OSError:
        return b""  # it hides it, as it should
