"""Opens files and lists folders beneath a folder, by their real names: no link is followed, nothing is waited for.

Knows no rules: `scope` decides on the real name first, then asks for exactly that.

Every step goes from the descriptor of one directory to the next with O_NOFOLLOW, so whoever swaps a directory for a
link after the decision makes the open fail and gains nothing. This is what openat2(RESOLVE_NO_SYMLINKS) does in one
system call; the walk gives the same here, needs no number per architecture, and works where a container's seccomp
profile answers ENOSYS.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stockade.errors import StartError

__all__ = ["Entry", "MovedAway", "NoRegularFile", "directory", "entries", "open_file", "real_path"]

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: How often a file may come and go between looking and opening before that is answered as busy.
_TRIES = 100

#: A name in a directory, and whether it is a directory (True) or a regular file (False).
Entry = tuple[str, bool]


class NoRegularFile(OSError):
    """What is there is a directory, a link, a FIFO, a device or a socket."""


class MovedAway(OSError):
    """A directory was no longer where it was found: someone moved it meanwhile."""


def real_path(descriptor: int) -> str:
    """Where the kernel says that the open `descriptor` is."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except FileNotFoundError as error:
        raise StartError("/proc is not mounted, and path scopes cannot be kept without it; mount it") from error


@contextmanager
def directory(start: int, segments: Sequence[str]) -> Iterator[int]:
    """A descriptor (O_PATH) of the directory at `segments` beneath the descriptor `start`, closed at the end.

    Raises OSError for what is missing or no directory, and MovedAway when it is found to be elsewhere after the walk.
    """
    found = os.dup(start)
    try:
        for segment in segments:
            below = os.open(segment, _DIRECTORY, dir_fd=found)
            os.close(found)
            found = below
        if real_path(found) != os.path.join(real_path(start), *segments):
            raise MovedAway(errno.ELOOP, "moved while it was opened", "/".join(segments))
        yield found
    finally:
        os.close(found)


def open_file(parent: int, name: str, flags: int) -> int:
    """The descriptor of the regular file `name` in `parent`, opened or created as `flags` say (see open(2)).

    It is looked at through O_PATH, which neither waits for a FIFO's other end nor wakes a device, and opened only
    once it is known to be a regular file; what is opened is what was looked at, whatever `name` means by then.
    Nothing is truncated before that. Raises NoRegularFile, or OSError as open(2) does.
    """
    for _ in range(_TRIES):
        try:
            found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            created = _create(parent, name, flags)
            if created is not None:
                return created
            continue
        try:
            return _reopen(found, name, flags)
        finally:
            os.close(found)
    raise BlockingIOError(errno.EAGAIN, "the file comes and goes", name)


def _create(parent: int, name: str, flags: int) -> int | None:
    """A new file; None when someone else made one first and `flags` allow that."""
    try:
        return os.open(name, flags & ~os.O_TRUNC | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=parent)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return None


def _reopen(found: int, name: str, flags: int) -> int:
    if flags & os.O_EXCL:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        raise NoRegularFile(errno.EINVAL, "not a regular file", name)
    # O_NONBLOCK: without it a lease that another process holds on the file would make this thread wait.
    return os.open(f"/proc/self/fd/{found}", flags & ~os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC)


def entries(found: int) -> list[Entry]:
    """The regular files and directories in the directory `found`, by name; links and all else are left out."""
    # An O_PATH descriptor cannot be read; "." is the same directory, whatever its name is by now.
    readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=found)
    try:
        with os.scandir(readable) as listed:
            kept = [
                (entry.name, entry.is_dir(follow_symlinks=False))
                for entry in listed
                if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
            ]
    finally:
        os.close(readable)
    return sorted(kept)
