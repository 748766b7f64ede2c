"""What a scope opens while somebody else changes the folder under its hands."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from scopes import SECRET

from stockade.core.policy.scope import Scope
from stockade.errors import CommandError


@pytest.fixture
def swapping() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Runs a function over and over in a thread until the test ends; its errors are the test's."""
    ended = threading.Event()

    def run(swap: Callable[[], None]) -> None:
        while not ended.is_set():
            swap()

    with ThreadPoolExecutor() as threads:
        running: list[Future[None]] = []
        yield lambda swap: running.append(threads.submit(run, swap))
        ended.set()
        for swapped in running:
            swapped.result()


def exchange(one: Path, other: Path) -> None:
    """Swap two names at one blow: renameat2 with RENAME_EXCHANGE."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def attempts(scope: Scope, name: str, mode: str = "r", outcomes: int = 1) -> dict[str, int]:
    """What 1500 openings gave, by content or code; more, until there were so many outcomes."""
    seen: dict[str, int] = {}
    deadline = time.monotonic() + 30
    while sum(seen.values()) < 1500 or (len(seen) < outcomes and time.monotonic() < deadline):
        try:
            with scope.open(name, mode) as file:
                got = file.read() if mode == "r" else str(file.write("x") and "written")
        except CommandError as error:
            got = error.code
        seen[got] = seen.get(got, 0) + 1
    return seen


def can_exchange(tree: Path) -> bool:
    try:
        exchange(tree / "app/other", tree / "outside/notes")
    except (OSError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EPERM):
            raise
        return False
    exchange(tree / "app/other", tree / "outside/notes")
    return True


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_race_never_shows_what_is_outside(scope: Scope, tree: Path, swapping: Any, what: str) -> None:
    """While a folder or file is swapped with a link to outside, opening gives what is inside or a refusal."""
    if not can_exchange(tree):
        pytest.skip("this file system cannot exchange names")
    if what == "folder":
        (tree / "app/notes/sub/secret").write_text("inside")
        (tree / "trap").symlink_to(tree / "outside")
        swapped, name = tree / "app/notes/sub", "notes/sub/secret"
    else:
        (tree / "app/notes/file").write_text("inside")
        (tree / "trap").symlink_to(tree / "outside/secret")
        swapped, name = tree / "app/notes/file", "notes/file"
    swapping(lambda: exchange(swapped, tree / "trap"))
    seen = attempts(scope, name, outcomes=2)
    assert set(seen) <= {"inside", "not_allowed", "not_found"}
    assert len(seen) > 1, "the swapping was never noticed: this test saw nothing"


def test_a_race_never_writes_outside(scope: Scope, tree: Path, swapping: Any) -> None:
    """While a folder is swapped with a link to outside, nothing outside is made, cut or written."""
    if not can_exchange(tree):
        pytest.skip("this file system cannot exchange names")
    (tree / "trap").symlink_to(tree / "outside")
    swapping(lambda: exchange(tree / "app/notes/sub", tree / "trap"))
    assert set(attempts(scope, "notes/sub/secret", "w")) <= {"written", "not_allowed", "not_found"}
    assert (tree / "outside/secret").read_text() == SECRET
    assert set(attempts(scope, "notes/sub/new", "w")) <= {"written", "not_allowed", "not_found"}
    assert not (tree / "outside/new").exists()


def test_a_race_never_creates_outside(scope: Scope, tree: Path, swapping: Any) -> None:
    """While a link to outside comes and goes where a file is to be made, none is made outside."""
    link, new = tree / "app/notes/new", tree / "app/notes/made"

    def come_and_go() -> None:
        try:
            link.symlink_to("../../outside/new")
        except FileExistsError:
            link.replace(new)  # the file that was just made
        link.unlink(missing_ok=True)

    swapping(come_and_go)
    seen = attempts(scope, "notes/new", "w", outcomes=2)
    assert set(seen) <= {"written", "not_allowed"}
    assert len(seen) == 2, "the link was never noticed, or always there: this test saw nothing"
    assert not (tree / "outside/new").exists()


def test_a_race_never_shows_what_is_denied(scope: Scope, tree: Path, swapping: Any) -> None:
    """While a name inside is now a file, now a link to a denied one, the denied one is never read."""
    if not can_exchange(tree):
        pytest.skip("this file system cannot exchange names")
    (tree / "app/notes/file").write_text("inside")
    (tree / "app/notes/trap").symlink_to("private/secret")
    swapping(lambda: exchange(tree / "app/notes/file", tree / "app/notes/trap"))
    assert set(attempts(scope, "notes/file")) <= {"inside", "not_allowed"}


def test_an_atomic_save_never_makes_a_file_missing(scope: Scope, tree: Path, swapping: Any) -> None:
    """While a file is replaced by renaming, as editors save, every reader gets the one or the other."""
    target = tree / "app/notes/todo"

    def save() -> None:
        (tree / "app/notes/todo.new").write_text("open to all")
        os.replace(tree / "app/notes/todo.new", target)

    swapping(save)
    assert attempts(scope, "notes/todo") == {"open to all": 1500}
