"""Removes a directory with everything in it, however deep, wide or hostile. Knows no run directory and no process.

Both trusted processes need it: the supervisor for what dead workers leave, the core when the supervisor was killed.
"""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["remove_tree"]

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: How often a directory is emptied again when somebody still writes into it.
_PASSES = 10


def remove_tree(path: str) -> None:
    """Remove the directory `path` and all below it; what is gone already is no error, links are never followed.

    Raises the first OSError met, after everything else that can be removed is gone. Needs two descriptors whatever the
    depth: a directory that is not empty is moved up into the top one and emptied there, so neither recursion nor
    PATH_MAX ends it (``shutil.rmtree`` fails at a depth of 1000). May take seconds: not for a loop that must not block.
    """
    try:
        top = _open_directory(path, None)
    except FileNotFoundError:
        return
    try:
        faults = _Emptying(top).run()
    finally:
        os.close(top)
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        faults.append(error)
    if faults:
        raise faults[0]


class _Emptying:
    """The work of emptying one directory, which stays open for the time."""

    def __init__(self, top: int) -> None:
        self._top = top
        self._moved = 0  # directories moved up, for names that are new
        self._faults: list[OSError] = []

    def run(self) -> list[OSError]:
        """Empty it; the faults of the last pass, none if it is empty."""
        for _ in range(_PASSES):
            self._faults = []
            names = os.listdir(self._top)
            if not names:
                break
            while names:  # grows: what is moved up joins it
                names.extend(self._remove(names.pop()))
        return self._faults

    def _remove(self, name: str) -> list[str]:
        """Remove one entry of the top directory; the names of the directories that were moved up from inside it."""
        if self._unlinked(name, self._top):
            return []
        moved: list[str] = []
        try:
            inside = _open_directory(name, self._top)
        except FileNotFoundError:
            return []
        except OSError as error:
            self._faults.append(error)
            return []
        try:
            moved = [up for inner in os.listdir(inside) for up in self._lift(inner, inside)]
        finally:
            os.close(inside)
        self._unlinked(name, self._top, last=True)
        return moved

    def _lift(self, name: str, parent: int) -> list[str]:
        """Remove an entry of `parent`, or move it up if it is a directory with something in it."""
        if self._unlinked(name, parent):
            return []
        while True:
            self._moved += 1
            up = f".removing-{self._moved}"
            try:
                os.rename(name, up, src_dir_fd=parent, dst_dir_fd=self._top)
                return [up]
            except FileNotFoundError:
                return []
            except PermissionError as error:
                # A directory can be moved only if it can be written itself: its ".." changes.
                if not _made_writable(name, parent):
                    self._faults.append(error)
                    return []
            except OSError as error:
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                    self._faults.append(error)
                    return []

    def _unlinked(self, name: str, parent: int, *, last: bool = False) -> bool:
        """Whether the entry is done with, gone or noted as a fault; false: a directory with something in it."""
        try:
            if stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                os.rmdir(name, dir_fd=parent)
            else:
                os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and not last:
                return False
            self._faults.append(error)
        return True


def _open_directory(name: str, parent: int | None) -> int:
    """Open a directory for emptying, given back its permissions if they forbid that."""
    try:
        directory = os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
    except PermissionError:
        if not _made_writable(name, parent):
            raise
        return os.open(name, _OPEN_DIRECTORY, dir_fd=parent)
    if os.fstat(directory).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        try:
            os.fchmod(directory, stat.S_IRWXU)
        except OSError:
            os.close(directory)
            raise
    return directory


def _made_writable(name: str, parent: int | None) -> bool:
    """Whether a directory without permissions could be given them; false if it has them all, or is not ours.

    By way of an O_PATH descriptor: chmod by name would follow a link put there meanwhile.
    """
    try:
        handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        return False
    try:
        if os.fstat(handle).st_mode & stat.S_IRWXU == stat.S_IRWXU:
            return False
        os.chmod(f"/proc/self/fd/{handle}", stat.S_IRWXU)
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
