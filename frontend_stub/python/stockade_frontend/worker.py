"""What this process was given as a worker: its environment, its secret, its lifeline (protocol, section 2).

Knows no socket. Everything here happens once per process, before anything else is sent.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import sys
from collections.abc import Mapping
from typing import NamedTuple

from stockade_frontend.errors import StartedByHand, Stopped
from stockade_frontend.messages import PROTOCOL

__all__ = ["Place", "say", "take_place"]

_BY_HAND = (
    "this program is a Stockade worker: the supervisor that starts it gives it its sockets, and here is none ({why}).\n"
    "Name it as `run` of a [[worker]] in stockade.toml, and start that with `stockade run`."
)
_SECRET = re.compile(rb"[0-9a-f]{64}\n")
_PR_SET_DUMPABLE = 4


class Place(NamedTuple):
    """This worker's place: who it is, where its sockets belong, and the descriptor whose end-of-file ends it."""

    label: str
    generation: int
    sockets: str
    core_pid: int | None
    secret: bytes
    lifeline: int

    def __repr__(self) -> str:
        return f"Place({self.label}@{self.generation})"  # a secret is never printed


def say(reason: str) -> None:
    """Tell the operator: what a worker writes to standard error is in the log, with its label."""
    print(f"stockade_frontend: {reason}", file=sys.stderr, flush=True)


def take_place() -> Place:
    """Read the environment and the secret, and keep standard input as the lifeline: descriptor 0 is /dev/null after.

    Raises `StartedByHand` (status 2) if there is no supervisor behind this process, and `Stopped` if it has gone.
    """
    label, generation, sockets, core_pid = _read(os.environ)
    if os.environ.get("STOCKADE_DEBUGGABLE") != "1":
        _hide()
    lifeline = _take_stdin()
    return Place(label, generation, sockets, core_pid, _read_secret(lifeline), lifeline)


def _read(environment: Mapping[str, str]) -> tuple[str, int, str, int | None]:
    """Label, generation, place of the sockets and the core's pid."""
    for name in ("STOCKADE_SOCKETS", "STOCKADE_PROTOCOL", "STOCKADE_WORKER", "STOCKADE_GENERATION"):
        if not environment.get(name):
            raise StartedByHand(_BY_HAND.format(why=f"{name} is not set"))
    if environment["STOCKADE_PROTOCOL"] != str(PROTOCOL):
        spoken = environment["STOCKADE_PROTOCOL"]
        raise StartedByHand(
            f"the core speaks version {spoken} of the protocol, this package version {PROTOCOL}.\n"
            "Install the stockade_frontend that belongs to the runtime."
        )
    try:
        generation = int(environment["STOCKADE_GENERATION"])
        core_pid = int(environment.get("STOCKADE_CORE_PID") or 0)
    except ValueError:
        why = "STOCKADE_GENERATION or STOCKADE_CORE_PID is no number"
        raise StartedByHand(_BY_HAND.format(why=why)) from None
    return environment["STOCKADE_WORKER"], generation, environment["STOCKADE_SOCKETS"], core_pid or None


def _hide() -> None:
    """Close this process's memory and descriptors to its siblings of the same user. It must happen here: exec undoes
    what the supervisor could set.
    """
    import ctypes  # 6 ms; nothing else in the standard library calls prctl

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE, 0) was refused")


def _take_stdin() -> int:
    """Move standard input out of the way, so that no child inherits the lifeline and no input() waits on it."""
    try:
        lifeline = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    except OSError:
        raise StartedByHand(_BY_HAND.format(why="standard input is closed")) from None
    kind = os.fstat(lifeline).st_mode
    if not (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):  # a terminal would never end, and /dev/null at once, unsaid
        raise StartedByHand(_BY_HAND.format(why="standard input is no pipe, which would bring the secret"))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return lifeline


def _read_secret(lifeline: int) -> bytes:
    """The first line. Byte by byte: what stands behind it, if ever, is not this function's to take."""
    line = b""
    while not line.endswith(b"\n") and len(line) < 65:
        byte = os.read(lifeline, 1)
        if not byte:
            raise Stopped("the supervisor has gone before it gave the secret")
        line += byte
    if _SECRET.fullmatch(line) is None:
        raise StartedByHand(_BY_HAND.format(why="the first line of standard input is no secret"))
    return line[:-1]
