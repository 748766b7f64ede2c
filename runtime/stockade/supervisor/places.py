"""The run directory, with a directory of sockets and one for temporary files per generation. Knows no process.

::

    <base>/stockade-1f0a77c2/            0700, held by a flock on `lock` for as long as the supervisor lives
        lock
        <32 hexadecimal digits>/         a generation's sockets
        t<8 hexadecimal digits>/         a generation's TMPDIR
        x<8 hexadecimal digits>/         renamed aside, being removed

A run directory whose lock can be taken is a dead supervisor's: the next start removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping

import attrs

from stockade.errors import StartError

__all__ = ["GenerationPlace", "RunDirectory", "bases", "dead_runs"]

#: A Unix socket's path is at most 107 bytes, and this is the longest that follows the base.
_LONGEST_PATH, _BELOW_BASE = 107, len("/stockade-12345678/") + 32 + len("/commands")
_NAME = re.compile(r"stockade-[0-9a-f]{8}")
#: A run directory without a lock is younger than this if its supervisor is just making it.
_MAKING = 60.0


@attrs.frozen
class GenerationPlace:
    """The two directories of one generation."""

    sockets: str
    temporary: str


@attrs.frozen
class RunDirectory:
    """A run's directory and the descriptor that holds its lock."""

    path: str
    lock: int

    @classmethod
    def create(cls, environment: Mapping[str, str]) -> RunDirectory:
        """Make one in the first base that can hold it; raises StartError when none can."""
        faults = []
        for base in bases(environment):
            path = os.path.join(base, f"stockade-{os.urandom(4).hex()}")
            try:
                os.mkdir(path, 0o700)
                return cls(path, _lock(os.path.join(path, "lock"), os.O_CREAT | os.O_EXCL))
            except OSError as error:
                faults.append(f"{path}: {error.strerror}")
        raise StartError(f"no directory for sockets can be made: {'; '.join(faults)}")

    def make_generation(self) -> GenerationPlace:
        """Two new directories with names that nobody can guess; raises OSError."""
        place = GenerationPlace(
            os.path.join(self.path, os.urandom(16).hex()), os.path.join(self.path, f"t{os.urandom(4).hex()}")
        )
        os.mkdir(place.sockets, 0o700)
        os.mkdir(place.temporary, 0o700)
        return place

    def put_aside(self, place: GenerationPlace) -> list[str]:
        """Rename a dead generation's directories, so that nothing finds them any more; what is to be removed."""
        aside = []
        for path in (place.sockets, place.temporary):
            new = os.path.join(self.path, f"x{os.urandom(4).hex()}")
            with contextlib.suppress(FileNotFoundError):  # the worker removed it itself
                os.rename(path, new)
                aside.append(new)
        return aside


def bases(environment: Mapping[str, str]) -> list[str]:
    """Where a run directory may be, best first: those of the environment that are absolute and short enough."""
    wanted = (environment.get("XDG_RUNTIME_DIR"), environment.get("TMPDIR"), "/tmp")
    room = _LONGEST_PATH - _BELOW_BASE
    fitting = [base for base in wanted if base and os.path.isabs(base) and len(os.fsencode(base)) <= room]
    return list(dict.fromkeys(fitting))


def dead_runs(base: str) -> Iterator[tuple[str, int | None]]:
    """The run directories of this user in `base` that no supervisor holds, each with its lock, now ours.

    A directory without a lock file is dead when it is old: its supervisor died while it made or removed it.
    """
    try:
        names = [entry.name for entry in os.scandir(base) if _NAME.fullmatch(entry.name)]
    except OSError:
        return  # a base that is missing or not readable has no runs of ours
    for name in names:
        path = os.path.join(base, name)
        try:
            found = os.lstat(path)
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                continue
            yield path, _lock(os.path.join(path, "lock"), 0)
        except FileNotFoundError:
            if _is_old(path):
                yield path, None
        except OSError:
            continue  # held: that supervisor lives


def _lock(path: str, flags: int) -> int:
    """Open and lock a file; raises BlockingIOError when somebody holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _is_old(path: str) -> bool:
    try:
        return time.time() - os.lstat(path).st_mtime > _MAKING
    except FileNotFoundError:
        return False
