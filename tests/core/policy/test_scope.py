"""What a scope admits, resolves, opens and lists, on a real file system with real links, FIFOs and races."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stockade.config.specs import Place, Rule, Rules
from stockade.core.policy.decision import Clauses
from stockade.core.policy.scope import Scope
from stockade.errors import CommandError

PLACE = Place("stockade.toml", 1)
SECRET = "the secret"


def scope_of(folder: Path, allow: list[str], deny: list[str]) -> Scope:
    rules = Rules(tuple(Rule(p, PLACE) for p in allow), tuple(Rule(p, PLACE) for p in deny))
    return Scope("notes.read", str(folder), Clauses().with_rules("notes", rules, "/"))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """`app` is the folder; `outside` holds what nobody may reach; links of every kind lie in `app/notes`."""
    for name in ("app/notes/sub", "app/notes/private", "app/other", "outside/notes"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("outside/secret", "outside/notes/todo", "app/other/secret", "app/notes/private/secret"):
        (tmp_path / name).write_text(SECRET)
    for name in ("app/notes/todo", "app/notes/sub/deep", "app/notes/ünï.txt"):
        (tmp_path / name).write_text("open to all")
    (tmp_path / "application").mkdir()
    (tmp_path / "application/secret").write_text(SECRET)  # its name begins as the folder's does
    links = {
        "out": "../../outside/secret",
        "out-absolute": str(tmp_path / "outside/secret"),
        "out-folder": "../../outside",
        "out-and-in": f"../../{(tmp_path / 'app').name}/notes/todo",
        "chain": "chain-2",
        "chain-2": "out",
        "circle": "circle-2",
        "circle-2": "circle",
        "self": "self",
        "up": "..",
        "in": "todo",
        "in-absolute": str(tmp_path / "app/notes/todo"),
        "in-folder": "sub",
        "denied": "private/secret",
        "denied-folder": "private",
        "beside": "../other/secret",
        "dangling": "not-yet",
        "dangling-out": "../../outside/not-yet",
        "magic": f"/proc/self/cwd{tmp_path}/app/notes/todo",
        "magic-root": f"/proc/self/root{tmp_path}/outside/secret",
    }
    for name, target in links.items():
        (tmp_path / "app/notes" / name).symlink_to(target)
    return tmp_path


@pytest.fixture
def scope(tree: Path) -> Scope:
    return scope_of(tree / "app", ["notes/**"], ["notes/private/**"])


def refused(ask: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(CommandError) as caught:
        ask()
    return caught.value.code, caught.value.message


def content(scope: Scope, name: str) -> str:
    with scope.open(name) as file:
        return str(file.read())


NOT_ALLOWED = ("not_allowed", "this worker may not use this path")
NOT_FOUND = ("not_found", "there is no such file")

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


# -- walk -------------------------------------------------------------------------------------------------------------


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


# -- races ------------------------------------------------------------------------------------------------------------


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
