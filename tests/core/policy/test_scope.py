"""What a scope admits, resolves and opens, on a real file system with real links and FIFOs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scopes import NOT_ALLOWED, NOT_FOUND, PLACE, SECRET, content, refused, scope_of

from stockade.config.specs import Rule
from stockade.core.policy.scope import Scope

OUTSIDE = [
    "../outside/secret",
    "../outside/no-such",
    "notes/../../outside/secret",
    "notes/../other/secret",
    "other/secret",
    "other/no-such",
    "no-such",
    "stockade.toml",
    "../application/secret",
    "/etc/passwd",
    "//etc/passwd",
    "..",
    ".",
    "",
    "notes/..",
    "./",
    "notes/out",
    "notes/out-absolute",
    "notes/out-folder/secret",
    "notes/out-folder/no-such",
    "notes/out-folder/notes/todo",
    "notes/sub/../out-folder/notes/todo",
    "notes/chain",
    "notes/circle",
    "notes/circle/x",
    "notes/self",
    "notes/up/other/secret",
    "notes/beside",
    "notes/denied",
    "notes/denied-folder/secret",
    "notes/denied-folder/no-such",
    "notes/private/secret",
    "notes/private/no-such",
    "notes/private",
    "notes//private//secret",
    "notes/./private/./secret",
    "notes/sub/../private/secret",
    "notes/no-such/../private/secret",
    "notes/dangling-out",
    "notes/magic-root",
    "notes/missing/../circle/../out-folder/secret",
    "notes/missing/../self/../out",
    "notes/missing/../circle",
    "notes/todo\0",
    "\0",
    "notes/\udcff",
    "notes/\ud800",
    "~/.ssh/id_rsa",
    "Notes/todo",
    "notes\\todo",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("mode", ["r", "rb", "w", "a", "x", "r+"])
def test_no_name_leaves_the_scope(scope: Scope, tree: Path, name: str, mode: str) -> None:
    """Whatever leads out, to what is denied or nowhere is refused in the same words, and nothing is made or cut."""
    assert refused(lambda: scope.open(name, mode)) == NOT_ALLOWED
    assert refused(lambda: scope.path(name)) == NOT_ALLOWED
    assert not scope.admits(name).allowed
    assert (tree / "outside/secret").read_text() == SECRET
    assert (tree / "app/notes/private/secret").read_text() == SECRET
    assert sorted(os.listdir(tree / "outside")) == ["notes", "secret"]


@pytest.mark.parametrize("name", [None, 7, b"notes/todo", Path("notes/todo"), ["notes/todo"]])
def test_what_is_no_text_is_refused(scope: Scope, name: Any) -> None:
    """A command may hand on whatever came; only text is a name."""
    assert refused(lambda: scope.open(name)) == NOT_ALLOWED
    assert refused(lambda: scope.path(name)) == NOT_ALLOWED


@pytest.mark.parametrize(
    "name",
    [
        "notes/todo",
        "notes//todo",
        "./notes/./todo",
        "notes/sub/../todo",
        "notes/todo/.",
        "notes/in",
        "notes/in-absolute",
        "notes/out-and-in",
        "notes/up/notes/todo",
        "other/../notes/todo",
    ],
)
def test_what_leads_inside_is_opened(scope: Scope, tree: Path, name: str) -> None:
    """However it is written, and through links, what resolves to an admitted file is that file."""
    with scope.open(name) as file:
        assert file.read() == "open to all"
    assert scope.path(name) == (tree / "app/notes/todo").resolve()
    decision = scope.admits(name)
    assert decision.allowed
    assert decision.rule == Rule("notes/**", PLACE)


def test_a_folder_that_is_itself_a_link(tree: Path) -> None:
    """The operator's own folder may be reached through links: those are trusted."""
    (tree / "current").symlink_to("app")
    scope = scope_of(tree / "current", ["notes/**"], [])
    assert content(scope, "notes/in-folder/deep") == "open to all"
    assert list(scope.walk("notes/sub")) == ["notes/sub/deep"]
    assert refused(lambda: scope.open("notes/out")) == NOT_ALLOWED


def test_an_empty_scope_admits_nothing(tree: Path) -> None:
    """Not a file, and not a listing."""
    scope = Scope("notes.read", str(tree / "app"))
    assert refused(lambda: scope.open("notes/todo")) == NOT_ALLOWED
    assert refused(lambda: scope.walk()) == NOT_ALLOWED


@pytest.mark.parametrize("name", ["", ".", "..", "a/..", "/a", "a/", "a//b", "./a"])
def test_decide_takes_resolved_names_alone(name: str) -> None:
    """A name that is not plain never reaches the rules, not even `**`."""
    assert not scope_of(Path("/"), ["**"], []).decide(name).allowed


@pytest.mark.parametrize("name", ["notes/no-such", "notes/no/such", "notes/todo/below", "notes/" + "x" * 300])
def test_what_is_missing_inside_is_not_found(scope: Scope, name: str) -> None:
    """An admitted name without a file is answered so."""
    assert refused(lambda: scope.open(name)) == NOT_FOUND
    assert scope.admits(name).allowed


def test_a_missing_parent_is_not_found(scope: Scope) -> None:
    """Creating a file creates no folders."""
    assert refused(lambda: scope.open("notes/no/such", "w")) == NOT_FOUND


def test_modes_do_what_those_of_open_do(scope: Scope, tree: Path) -> None:
    """Create, cut, append, exclude, read and write, text and bytes."""
    with scope.open("notes/new", "x") as file:
        file.write("é")
    assert (tree / "app/notes/new").read_bytes() == "é".encode()
    with pytest.raises(FileExistsError):
        scope.open("notes/new", "x")
    with scope.open("notes/new", "ab") as file:
        file.write(b"!")
    with scope.open("notes/new", "r+b") as file:
        assert file.read() == "é!".encode()
        file.seek(0)
        file.write(b"??")
    assert content(scope, "notes/new") == "??!"
    with scope.open("notes/new", "w") as file:
        file.write("a")
    assert (tree / "app/notes/new").read_text() == "a"
    with scope.open("notes/appended", "a", encoding="latin-1") as file:
        file.write("é")
    assert (tree / "app/notes/appended").read_bytes() == b"\xe9"
    with pytest.raises(ValueError, match="mode"):
        scope.open("notes/new", "q")


def test_a_dangling_link_inside_may_be_written_through(scope: Scope, tree: Path) -> None:
    """Where it leads is what is decided on, and what is made."""
    with scope.open("notes/dangling", "w") as file:
        file.write("a")
    assert (tree / "app/notes/not-yet").read_text() == "a"


#: Opens names as another user, where it may become one, in a process that is not dumpable.
CHILD = """
import ctypes, os, sys
from stockade.config.specs import Place, Rule, Rules
from stockade.core.policy.decision import Clauses
from stockade.core.policy.scope import Scope

folder, *names = sys.argv[1:]
scope = Scope("c", folder, Clauses().with_rules("n", Rules((Rule("notes/**", Place("f", 1)),)), "/"))
if os.geteuid() == 0:
    os.setuid(65534)
assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0
for name in names:
    try:
        with scope.open(name) as file:
            print(file.read())
    except OSError as error:
        print(type(error).__name__)
"""


def test_it_works_in_a_process_that_is_not_dumpable(tree: Path) -> None:
    """The core gives up PR_SET_DUMPABLE, after which its own /proc is root's; scopes open, and faults stay OSErrors."""
    (tree / "app/notes/todo").chmod(0o644)
    (tree / "app/notes/sub/deep").chmod(0)
    for folder in (tree, *tree.parents):
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(0o711)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, tree / "app", "notes/in", "notes/sub/deep"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["open to all", "PermissionError"], done.stderr


@pytest.mark.parametrize("mode", ["r", "w", "a", "r+", "rb"])
def test_only_regular_files_are_opened(scope: Scope, tree: Path, mode: str) -> None:
    """A FIFO does not hang the thread, a socket or folder is not opened; none of them is told from the other."""
    os.mkfifo(tree / "app/notes/fifo")
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.getcwd()
        os.chdir(tree / "app/notes")  # the path of a socket is limited to 107 bytes
        try:
            bound.bind("socket")
        finally:
            os.chdir(here)
        for name in ("fifo", "socket", "sub", "in-folder"):
            assert refused(lambda name=name: scope.open(f"notes/{name}", mode)) == NOT_ALLOWED  # type: ignore[misc]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make devices")
def test_a_device_is_not_opened(scope: Scope, tree: Path) -> None:
    """Not even one that lies inside."""
    try:
        os.mknod(tree / "app/notes/zero", 0o20666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this container makes no devices")
    assert refused(lambda: scope.open("notes/zero")) == NOT_ALLOWED


def test_nothing_stays_open(scope: Scope, tree: Path) -> None:
    """No way out of any method leaves a descriptor behind."""
    os.mkfifo(tree / "app/notes/fifo")

    def everything() -> None:
        for name in (*OUTSIDE, "notes/fifo", "notes/sub", "notes/no-such", "notes/no/such"):
            refused(lambda name=name: scope.open(name))  # type: ignore[misc]
        with pytest.raises(LookupError):
            scope.open("notes/todo", encoding="no-such-encoding")
        with pytest.raises(FileExistsError):
            scope.open("notes/todo", "x")
        scope.open("notes/todo", "rb").close()
        next(scope.walk())

    everything()
    before = len(os.listdir("/proc/self/fd"))
    everything()
    assert len(os.listdir("/proc/self/fd")) == before


# -- any name ---------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["..", ".", "", "notes", "sub", "private", "secret", "todo", "other", "outside", "app", "missing"]
    + ["out", "out-folder", "chain", "circle", "self", "up", "in", "in-folder", "denied-folder", "beside", "magic"]
)


@given(st.lists(PIECES, min_size=1, max_size=8).map("/".join) | st.text(max_size=20))
@example("notes/missing/../circle/../out-folder/secret")
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_the_name_no_secret_is_read(scope: Scope, tree: Path, name: str) -> None:
    """Path and open agree, what they give lies inside by its real path, and no one reads a secret."""
    if not scope.admits(name).allowed:
        assert refused(lambda: scope.path(name)) == refused(lambda: scope.open(name)) == NOT_ALLOWED
        return
    found = scope.path(name)
    assert found.is_relative_to(tree.resolve() / "app/notes")
    assert os.path.realpath(found) == str(found)
    if found.is_file():
        assert content(scope, name) == "open to all"
    else:
        assert refused(lambda: scope.open(name)) == (NOT_ALLOWED if found.is_dir() else NOT_FOUND)
