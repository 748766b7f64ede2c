"""Removing a directory whatever is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stockade.removal import remove_tree


def test_deeper_than_any_path_and_recursion(folder: Path) -> None:
    """3000 directories within one another, with a file in each."""
    top = folder / "top"
    top.mkdir()
    at = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=at)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
        at, former = os.open("d", os.O_RDONLY, dir_fd=at), at
        os.close(former)
    os.close(at)
    remove_tree(str(top))
    assert not top.exists()


def test_needs_few_descriptors_and_leaves_none(folder: Path) -> None:
    """Depth costs no descriptor, and each is closed."""
    top = folder / "top"
    (top / "/".join("abcdefghij") / "k").mkdir(parents=True)
    before = os.listdir("/proc/self/fd")
    remove_tree(str(top))
    assert os.listdir("/proc/self/fd") == before


def test_links_are_removed_and_never_followed(folder: Path) -> None:
    """What a link leads to, file or directory, stays."""
    (folder / "kept").mkdir()
    (folder / "kept" / "file").touch()
    top = folder / "top"
    (top / "inner").mkdir(parents=True)
    (top / "link").symlink_to(folder / "kept")
    (top / "inner" / "link").symlink_to(folder / "kept")
    (top / "inner" / "loop").symlink_to(top)
    remove_tree(str(top))
    assert not top.exists()
    assert (folder / "kept" / "file").exists()


def test_link_in_place_of_the_directory_is_refused(folder: Path) -> None:
    """The path itself is not followed either."""
    (folder / "kept").mkdir()
    (folder / "top").symlink_to(folder / "kept")
    with pytest.raises(OSError, match=r"(?i)not a directory|symbolic"):
        remove_tree(str(folder / "top"))
    assert (folder / "kept").exists()


def test_names_that_it_uses_itself_are_no_obstacle(folder: Path) -> None:
    """Files that have the very names to which it moves directories."""
    top = folder / "top"
    for number in range(1, 4):
        (top / f".removing-{number}" / "x" / "y").mkdir(parents=True)
        (top / "z" / f".removing-{number}").mkdir(parents=True)
        (top / "z" / f".removing-{number}" / "file").touch()
    (top / ".removing-4").touch()
    remove_tree(str(top))
    assert not top.exists()


def test_directories_without_permissions_are_given_them_back(folder: Path) -> None:
    """A worker may have taken its own directories' permissions away. (As root nothing is refused anyway.)"""
    top = folder / "top"
    (top / "a" / "b" / "c").mkdir(parents=True)
    (top / "a" / "b" / "file").touch()
    for path in (top / "a" / "b", top / "a", top):
        path.chmod(0)
    as_user = os.fork() if os.getuid() == 0 else -1
    if as_user == 0:  # root would remove it without need: be somebody else
        os._exit(_removed_as_nobody(folder, top))
    if as_user > 0:
        assert os.waitstatus_to_exitcode(os.waitpid(as_user, 0)[1]) == 0
    else:
        remove_tree(str(top))
    assert not top.exists()


def _removed_as_nobody(folder: Path, top: Path) -> int:
    try:
        for path in (folder, top, top / "a", top / "a" / "b", top / "a" / "b" / "c", top / "a" / "b" / "file"):
            os.chown(path, 65534, 65534)
        os.setgid(65534)
        os.setuid(65534)
        remove_tree(str(top))
    except OSError:
        return 1
    return 0


def test_what_is_not_there_is_no_error(folder: Path) -> None:
    """Removed already is removed."""
    remove_tree(str(folder / "nothing"))


def test_what_cannot_be_removed_is_raised_after_all_else_is_gone(folder: Path) -> None:
    """A mount, say; here /proc's own files, which nobody can remove."""
    with pytest.raises(OSError, match=r"fdinfo|not permitted|denied|busy"):
        remove_tree("/proc/self/fdinfo")
