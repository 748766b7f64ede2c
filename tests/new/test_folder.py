"""A project is written whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stockade.new.folder import write


def test_every_file_is_written_where_it_belongs(tmp_path: Path) -> None:
    """Folders within the project are made; nothing else is left behind."""
    write(tmp_path / "notes", {"a": b"1", "b/c/d": b"2"})
    assert (tmp_path / "notes" / "a").read_bytes() == b"1"
    assert (tmp_path / "notes" / "b" / "c" / "d").read_bytes() == b"2"
    assert os.listdir(tmp_path) == ["notes"]


def test_the_folder_is_as_open_as_any_other(tmp_path: Path) -> None:
    """It has the mode that mkdir would give it, though it was written elsewhere."""
    (tmp_path / "other").mkdir()
    write(tmp_path / "notes", {"a": b""})
    assert (tmp_path / "notes").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_what_is_there_is_left_alone(tmp_path: Path, kind: str) -> None:
    """Even an empty folder is somebody's."""
    target = tmp_path / "notes"
    {
        "folder": target.mkdir,
        "file": lambda: target.write_text("mine"),
        "dangling link": lambda: target.symlink_to("nowhere"),
    }[kind]()
    with pytest.raises(FileExistsError):
        write(target, {"a": b"1"})
    assert os.listdir(tmp_path) == ["notes"]
    assert not (target / "a").exists()


def test_nothing_is_left_of_what_could_not_be_written(tmp_path: Path) -> None:
    """A file that cannot be made, here by its name, takes the rest with it."""
    with pytest.raises(OSError, match="File name too long"):
        write(tmp_path / "notes", {"a": b"1", "b/" + 300 * "c": b"2"})
    assert os.listdir(tmp_path) == []
