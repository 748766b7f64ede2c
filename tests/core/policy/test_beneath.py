"""Opening beneath a folder: what each step refuses by itself, without the decision that comes before it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.core.policy import beneath


@pytest.fixture
def top(tmp_path: Path) -> Iterator[int]:
    """A descriptor of a folder with two folders, and a link in one to the other."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b/file").write_text("text")
    (tmp_path / "a/link").symlink_to("../b")
    (tmp_path / "link").symlink_to("b/file")
    descriptor = os.open(tmp_path, os.O_PATH)
    yield descriptor
    os.close(descriptor)


def test_a_link_on_the_way_is_no_directory(top: int) -> None:
    """Not even one that leads to a directory inside: whoever resolved the path has found none."""
    with pytest.raises(NotADirectoryError), beneath.directory(top, ["a", "link"]):
        pass


def test_a_directory_that_is_elsewhere_is_refused(top: int) -> None:
    """Where the walk ends must be where it was to end, as the kernel says."""
    with pytest.raises(beneath.MovedAway), beneath.directory(top, ["a", "..", "b"]):
        pass
    with beneath.directory(top, ["b"]) as found:
        assert beneath.entries(found) == [("file", False)]


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC])
def test_a_link_at_the_end_is_no_file(top: int, tmp_path: Path, flags: int) -> None:
    """It is neither followed nor written through."""
    with pytest.raises(beneath.NoRegularFile):
        beneath.open_file(top, "link", flags)
    assert (tmp_path / "b/file").read_text() == "text"


def test_nothing_is_cut_before_it_is_known_to_be_a_file(top: int) -> None:
    """A FIFO that nobody reads does not make the caller wait, whatever the mode."""
    os.mkfifo("fifo", dir_fd=top)
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        with pytest.raises(beneath.NoRegularFile):
            beneath.open_file(top, "fifo", flags)


def test_what_came_since_it_was_looked_at_is_not_written_through(top: int, tmp_path: Path) -> None:
    """The step that creates makes a new file or none: a link or file that came before it is looked at again."""
    (tmp_path / "dangling").symlink_to("made")
    for name in ("dangling", "link"):
        assert beneath._create(top, name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) is None
    assert not (tmp_path / "made").exists()
    assert (tmp_path / "b/file").read_text() == "text"
    with pytest.raises(FileExistsError):
        beneath._create(top, "dangling", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
