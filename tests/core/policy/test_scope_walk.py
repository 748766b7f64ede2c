"""What a scope lists, on a real file system with real links."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from scopes import NOT_ALLOWED, NOT_FOUND, refused, scope_of

from stockade.core.policy.scope import Scope


def test_walk_names_what_open_opens(scope: Scope, tree: Path) -> None:
    """Admitted regular files alone, sorted, and no link is followed or named."""
    os.mkfifo(tree / "app/notes/fifo")
    (tree / "app/notes/sub.txt").write_text("")
    names = ["notes/sub/deep", "notes/sub.txt", "notes/todo", "notes/ünï.txt"]
    assert list(scope.walk()) == names
    assert list(scope.walk("notes")) == list(scope.walk("notes/up")) == names
    assert list(scope.walk("notes/sub")) == list(scope.walk("notes/in-folder")) == ["notes/sub/deep"]
    for name in names:
        scope.open(name).close()


def test_walk_by_patterns(tree: Path) -> None:
    """One star is one folder deep."""
    assert list(scope_of(tree / "app", ["*/todo", "*/*/deep"], []).walk()) == ["notes/sub/deep", "notes/todo"]
    assert list(scope_of(tree / "app", ["**"], ["notes/**"]).walk()) == ["other/secret"]


@pytest.mark.parametrize("folder", ["..", "other", "notes/private", "notes/out-folder", "/", "no-such"])
def test_walk_does_not_start_outside(scope: Scope, folder: str) -> None:
    """Where no rule can admit anything, missing or not, there is nothing to list; said at once, not at the first."""
    assert refused(lambda: scope.walk(folder)) == NOT_ALLOWED


@pytest.mark.parametrize("folder", ["notes/no-such", "notes/todo"])
def test_walk_of_no_folder_is_not_found(scope: Scope, folder: str) -> None:
    """A start inside that is missing, or a file."""
    assert refused(lambda: scope.walk(folder)) == NOT_FOUND


def test_walk_does_not_read_what_no_rule_meets(tree: Path) -> None:
    """A folder that nothing can be admitted from is not even opened: its contents may be anything."""
    before = (tree / "app/other").stat().st_atime_ns
    os.utime(tree / "app/other", ns=(0, before))
    list(scope_of(tree / "app", ["notes/**"], []).walk())
    assert (tree / "app/other").stat().st_atime_ns == 0


def test_walk_leaves_out_names_that_are_no_text(scope: Scope, tree: Path) -> None:
    """No message could carry them."""
    (tree / "app/notes/sub" / os.fsdecode(b"\xff")).write_text("")
    assert list(scope.walk("notes/sub")) == ["notes/sub/deep"]


def test_walk_goes_deep_without_recursion(tree: Path) -> None:
    """A hostile depth costs no stack."""
    scope = scope_of(tree / "app", ["notes/**"], [])
    depth = sys.getrecursionlimit() // 2
    here = os.open(tree / "app/notes/sub", os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("end", os.O_CREAT, dir_fd=here))
    os.close(here)
    assert next(scope.walk("notes/sub")).count("/") == depth + 2


def test_walk_bears_folders_that_go_away(scope: Scope, tree: Path) -> None:
    """A folder that is removed while the names are read is left out."""
    for name in ("a", "b"):
        (tree / f"app/notes/sub/{name}").mkdir()
        (tree / f"app/notes/sub/{name}/x").write_text("")
    names = scope.walk("notes/sub")
    assert next(names) == "notes/sub/a/x"
    (tree / "app/notes/sub/b").rename(tree / "outside/b")
    assert list(names) == ["notes/sub/deep"]
