"""The run directory: where it is made, who may take it away."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from stockade.errors import StartError
from stockade.supervisor.places import RunDirectory, bases, dead_runs


@pytest.fixture
def base(folder: Path) -> Path:
    return folder


@pytest.fixture
def run(base: Path) -> Iterator[RunDirectory]:
    made = RunDirectory.create({"XDG_RUNTIME_DIR": str(base)})
    yield made
    os.close(made.lock)


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, ["/tmp"]),
        ({"XDG_RUNTIME_DIR": "/run/user/1000", "TMPDIR": "/var/tmp"}, ["/run/user/1000", "/var/tmp", "/tmp"]),
        ({"XDG_RUNTIME_DIR": "", "TMPDIR": "relative"}, ["/tmp"]),
        ({"TMPDIR": "/" + "x" * 46}, ["/" + "x" * 46, "/tmp"]),
        ({"TMPDIR": "/" + "x" * 47}, ["/tmp"]),
        ({"TMPDIR": "/" + "\u00e9" * 24}, ["/tmp"]),  # 49 bytes
    ],
)
def test_bases_are_those_short_enough_for_a_socket(environment: dict[str, str], wanted: list[str]) -> None:
    """A path of over 107 bytes below it would be refused by the kernel: such a base is passed over."""
    assert bases(environment) == wanted


def test_longest_socket_path_fits(run: RunDirectory) -> None:
    """The socket's path is as long as the table of bases assumes."""
    place = run.make_generation()
    base = os.path.dirname(run.path)
    assert len(place.sockets + "/commands") - len(base) == 107 - 47


def test_directories_are_the_users_alone_and_never_the_same_twice(run: RunDirectory) -> None:
    """0700 for the run and each generation, names of 128 random bits."""
    places = [run.make_generation() for _ in range(3)]
    paths = [run.path, *(place.sockets for place in places), *(place.temporary for place in places)]
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in paths} == {0o700}
    assert len(set(paths)) == 7


def test_base_that_cannot_be_written_is_passed_over(base: Path) -> None:
    """The next one serves."""
    run = RunDirectory.create({"XDG_RUNTIME_DIR": "/proc", "TMPDIR": str(base)})
    os.close(run.lock)
    assert os.path.dirname(run.path) == str(base)


def test_no_base_at_all_is_a_start_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names each place tried."""
    monkeypatch.setattr("stockade.supervisor.places.bases", lambda environment: ["/proc", "/nowhere"])
    with pytest.raises(StartError, match=r"/proc/stockade-.*; /nowhere/stockade-"):
        RunDirectory.create({})


def test_dead_generation_is_put_aside_under_another_name(run: RunDirectory) -> None:
    """Nothing finds it any more; one that is gone already is no error."""
    place = run.make_generation()
    os.rmdir(place.temporary)
    [aside] = run.put_aside(place)
    assert os.path.isdir(aside)
    assert not os.path.exists(place.sockets)


def test_run_that_is_held_is_not_dead(base: Path, run: RunDirectory) -> None:
    """Its lock cannot be taken, not even by its own process."""
    assert list(dead_runs(str(base))) == []


def test_run_whose_lock_is_free_is_dead_and_the_lock_is_taken(base: Path) -> None:
    """Two sweepers do not meet: the lock comes with the directory."""
    run = RunDirectory.create({"XDG_RUNTIME_DIR": str(base)})
    os.close(run.lock)
    [(path, lock)] = list(dead_runs(str(base)))
    assert path == run.path
    assert list(dead_runs(str(base))) == []
    assert lock is not None
    os.close(lock)


def test_what_is_not_a_run_of_ours_is_left_alone(base: Path) -> None:
    """Links, files, other names, and a directory that is just being made."""
    (base / "target").mkdir()
    (base / "stockade-00000001").symlink_to(base / "target")
    (base / "stockade-00000002").touch()
    (base / "stockade-notahexname").mkdir()
    (base / "stockade-00000003").mkdir()
    assert list(dead_runs(str(base))) == []


def test_old_run_without_a_lock_is_dead(base: Path) -> None:
    """Its supervisor died while it made or removed it."""
    path = base / "stockade-00000001"
    path.mkdir()
    os.utime(path, (1, 1))
    assert list(dead_runs(str(base))) == [(str(path), None)]


def test_base_that_is_missing_has_no_runs() -> None:
    """Nothing to sweep is no error."""
    assert list(dead_runs("/nowhere")) == []
