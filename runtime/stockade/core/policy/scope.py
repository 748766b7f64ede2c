"""The paths that one worker's calls of one command may touch: decided on the real path, opened without a race.

Knows no worker and no socket; `beneath` does the opening. Names are relative to the folder of ``stockade.toml``.
`Scope.decide` is pure; what resolves, opens or lists says so.

What it cannot see: a hard link or a bind mount inside the folder *is* inside, whatever else it is linked to; and rules
compare names byte for byte, so a deny rule does not hold on a file system that ignores case.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

import attrs

from stockade.core.policy import beneath
from stockade.core.policy.decision import Clauses, Decision
from stockade.errors import Code, CommandError

__all__ = ["Scope"]

#: One message for all that is refused, so that nobody learns what exists outside from the words.
_NOT_ALLOWED = "this worker may not use this path"
_NOT_FOUND = "there is no such file"

#: How often links that change while they are read are read again.
_TRIES = 100

#: What the system's answers mean for an allowed name; what is not here is no fault of the caller's and stays OSError.
_ANSWERS = {
    errno.ENOENT: (Code.NOT_FOUND, _NOT_FOUND),
    errno.ENOTDIR: (Code.NOT_FOUND, _NOT_FOUND),
    errno.ENAMETOOLONG: (Code.NOT_FOUND, _NOT_FOUND),
    errno.ELOOP: (Code.NOT_ALLOWED, _NOT_ALLOWED),
}


@attrs.frozen
class _Spot:
    """Where a name leads: `folder` is the real path of the scope's folder, `relative` the real path below it."""

    folder: str
    relative: str

    @property
    def absolute(self) -> str:
        return os.path.join(self.folder, self.relative)


@attrs.frozen
class Scope:
    """What `caller.scope` is. An empty scope admits nothing.

    All that a scope refuses is `CommandError` with `not_allowed` and one and the same message, whether or not it
    exists; an allowed file that is missing is `not_found`. Any other fault of the file system (no permission, a full
    disk, FileExistsError for mode "x") is an OSError, as of `open`.
    """

    command: str
    folder: str  # absolute
    clauses: Clauses = attrs.field(factory=Clauses)

    def decide(self, name: str) -> Decision:
        """Whether the rules admit `name`, a *resolved* path relative to the folder. Pure: looks at no file."""
        what = f"{self.command} may not use the path {name[:200]!r}"
        if not name or not all(segment not in ("", ".", "..") for segment in name.split("/")):
            return Decision(False, Code.NOT_ALLOWED, f"{what}: it is not a plain path below the folder")
        instead = f'write it into scopes."{self.command}" of a capability'
        return self.clauses.decide(
            lambda pattern: pattern.matches(name), lambda pattern: pattern.matches(name), what, instead
        )

    def admits(self, name: str) -> Decision:
        """What `path` would say to `name`, with its origin. Resolves links, so it looks at the file system."""
        with self._folder() as (_, folder):
            return self._judge(folder, name)[0]

    def path(self, name: str) -> Path:
        """The absolute path that `name` leads to, links resolved, if the rules admit it; it need not exist.

        Between this and its use another process may change what the path means: where that matters, `open`.
        """
        with self._folder() as (_, folder):
            return Path(self._allowed(folder, name).absolute)

    def open(
        self,
        name: str,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open the regular file that `name` leads to, as the built-in `open` does; text is UTF-8 unless said otherwise.

        Links inside the folder are followed if where they lead is admitted. A name that came to mean something else
        after the decision is refused. A FIFO, device, socket or directory is `not_allowed`.
        """
        with self._folder() as (descriptor, folder), _answered():
            spot = self._allowed(folder, name)
            *parents, last = spot.relative.split("/")

            def opener(_: str, flags: int) -> int:
                with beneath.directory(descriptor, parents) as parent:
                    return beneath.open_file(parent, last, flags)

            encoding = None if "b" in mode else encoding
            return open(spot.absolute, mode, buffering, encoding, errors, newline, opener=opener)

    def walk(self, folder: str = "") -> Iterator[str]:
        """The names of the admitted regular files below `folder`, sorted by segments; links are not followed.

        "" is the folder of the scope. Folders that no rule can meet are not read. Names that are not UTF-8 are left
        out, since no message could carry them. A folder that is missing is `not_found`, one outside `not_allowed`.
        """
        with self._folder() as (descriptor, top), _answered():
            return self._descend(self._below(descriptor, self._start(top, folder)))

    # -- the steps of these -----------------------------------------------------------------------------------------

    def _descend(self, waiting: list[beneath.Entry]) -> Iterator[str]:
        """Depth first. No descriptor stays open between two names: nobody need read to the end."""
        while waiting:
            name, is_directory = waiting.pop()
            if not is_directory:
                yield name
                continue
            with self._folder() as (descriptor, _):
                try:
                    waiting += self._below(descriptor, name)
                except (FileNotFoundError, NotADirectoryError, beneath.MovedAway):
                    continue  # removed or replaced since it was listed: there is nothing left to name

    @contextmanager
    def _folder(self) -> Iterator[tuple[int, str]]:
        """A descriptor of the folder, and its real path."""
        descriptor = os.open(self.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor, beneath.real_path(descriptor)
        finally:
            os.close(descriptor)

    def _judge(self, folder: str, name: str) -> tuple[Decision, _Spot | None]:
        spot = _locate(folder, name)
        if spot is None:
            what = f"{self.command} may not use the path {str(name)[:200]!r}"
            return Decision(False, Code.NOT_ALLOWED, f"{what}: it is no path that leads into the folder"), None
        return self.decide(spot.relative), spot

    def _allowed(self, folder: str, name: str) -> _Spot:
        decision, spot = self._judge(folder, name)
        if spot is None or not decision.allowed:
            raise CommandError(Code.NOT_ALLOWED, _NOT_ALLOWED, reason=decision.reason)
        return spot

    def _start(self, top: str, name: str) -> str:
        spot = _locate(top, name or ".")
        if spot is None or not self._worth_reading(spot.relative):
            raise CommandError(Code.NOT_ALLOWED, _NOT_ALLOWED)
        return spot.relative

    def _worth_reading(self, folder: str) -> bool:
        """Whether a rule could admit something below `folder`, a resolved relative path; "" is the whole."""
        if not folder:
            return bool(self.clauses.allow)
        prefix = folder + "/"
        return any(clause.pattern.meets(prefix) for clause in self.clauses.allow) and not any(
            clause.pattern.covers(prefix) for clause in self.clauses.deny
        )

    def _below(self, descriptor: int, folder: str) -> list[beneath.Entry]:
        """What `walk` has to look at in `folder`, last first."""
        with beneath.directory(descriptor, folder.split("/") if folder else ()) as found:
            listed = [(f"{folder}/{name}" if folder else name, is_dir) for name, is_dir in beneath.entries(found)]
        listed.reverse()
        return [
            (name, is_directory)
            for name, is_directory in listed
            if _is_text(name) and (self._worth_reading(name) if is_directory else self.decide(name).allowed)
        ]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _locate(folder: str, name: object) -> _Spot | None:
    """Where `name` leads from `folder`, which is a real path; None for what is no relative path or leads out."""
    if not isinstance(name, str) or not name or "\0" in name or name.startswith("/") or not _is_text(name):
        return None
    real = _resolve(f"{folder}/{name}")
    inside = folder.rstrip("/") + "/"
    if real is None or not f"{real}/".startswith(inside):
        return None
    relative = real.removeprefix(inside) if real != folder else ""
    # Where links go in a circle, realpath gives up and returns the rest *unresolved*: "circle/../link/x" can come
    # back as "link/x", wherever link leads.
    steps = accumulate(relative.split("/"), os.path.join, initial=folder)
    return None if any(map(os.path.islink, steps)) else _Spot(folder, relative)


def _resolve(path: str) -> str | None:
    """`path` without links and dots; what does not exist stands for itself. None when it will not hold still."""
    for _ in range(_TRIES):
        try:
            return os.path.realpath(path)
        except OSError:
            continue  # what it had seen to be a link was none, or gone, when it read it: someone is at work there
    return None


@contextmanager
def _answered() -> Iterator[None]:
    """Turns what the system says about an allowed name into the caller's answer."""
    try:
        yield
    except beneath.NoRegularFile as error:
        raise CommandError(Code.NOT_ALLOWED, _NOT_ALLOWED) from error
    except OSError as error:
        if error.errno not in _ANSWERS:
            raise
        raise CommandError(*_ANSWERS[error.errno]) from error
