"""`stockade run`: what it refuses, and how the system it starts is seen and ended."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[bytes]"]

#: The line by which the worker is seen to run.
READ = b"buy milk"


def read_until(child: subprocess.Popen[bytes], wanted: bytes) -> bytes:
    """What `child` logs, up to the line that has `wanted`."""
    assert child.stderr is not None
    lines = b""
    for line in child.stderr:
        lines += line
        if wanted in line:
            return lines
    pytest.fail(f"it ended without {wanted!r}: {lines.decode()}")


def rest_of(child: subprocess.Popen[bytes]) -> bytes:
    assert child.stderr is not None
    return child.stderr.read()


# -- what is refused ----------------------------------------------------------------------------------------------


def test_without_a_configuration_it_says_what_to_write(stockade: Run, tmp_path: Path) -> None:
    """A whole small one, that is good as far as it goes, and the demonstration."""
    done = stockade("run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "stockade demo" in done.stderr
    example = "\n".join(line[4:] for line in done.stderr.splitlines() if line.startswith("    "))
    (tmp_path / "stockade.toml").write_text(example)
    (tmp_path / "editor.py").touch()
    assert stockade("check").returncode == 0


def test_each_fault_is_one_line_on_standard_error(stockade: Run, folder: Path) -> None:
    """All at once, in the order of the file, and nothing is started."""
    (folder / "stockade.toml").write_text('[app]\nname = "a"\ncomands = []\n[[worker]]\nlabel = 3\nrun = ["true"]\n')
    done = stockade("run")
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["stockade.toml:3", "stockade.toml:5"]


def test_modules_that_cannot_be_imported_end_it(stockade: Run, whole: Path) -> None:
    """The core finds them, and the supervisor exits with 2 instead of trying again."""
    (whole / "notes.py").write_text("import stockade\n1 / 0\n")
    done = stockade("run")
    assert done.returncode == 2
    assert "notes.py:2" in done.stderr


# -- how it ends --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_well(start: Start, whole: Path, number: signal.Signals) -> None:
    """Exit code 0, the worker having said bye; nothing ever stands on standard output."""
    child = start("run")
    read_until(child, READ)
    child.send_signal(number)
    log = rest_of(child)
    assert child.wait() == 0, log.decode()
    assert child.stdout is not None
    assert child.stdout.read() == b""


def test_it_becomes_the_supervisor(start: Start, whole: Path) -> None:
    """The process that a service manager has started is the one to signal: no command line waits around it."""
    child = start("run")
    read_until(child, READ)
    assert b"stockade.supervisor" in Path(f"/proc/{child.pid}/cmdline").read_bytes()
    child.terminate()
    assert child.wait() == 0


def test_the_reader_of_the_log_may_leave(start: Start, whole: Path) -> None:
    """As ``stockade run 2>&1 | head -1``: the system runs on, and still stops well."""
    child = start("run", "--log-level", "debug")
    assert child.stderr is not None
    child.stderr.readline()
    child.stderr.close()
    child.stderr = None
    (worker,) = wait_for(lambda: children_named(child.pid, "editor.py"))
    assert worker
    child.terminate()
    assert child.wait() == 0


def children_named(parent: int, word: str) -> list[int]:
    """The children of `parent` with `word` in their command lines."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]


def wait_for(condition: Callable[[], list[int]]) -> list[int]:
    """What `condition` gives as soon as it is something."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    pytest.fail("it never came")


def test_closed_descriptors_do_not_matter(whole: Path) -> None:
    """A service manager may start it without standard input and output."""
    script = f"exec {sys.executable} -m stockade run <&- >&-"
    child = subprocess.Popen(["sh", "-c", script], cwd=whole, stderr=subprocess.PIPE)
    read_until(child, READ)
    child.terminate()
    log = rest_of(child)
    assert child.wait() == 0, log.decode()
    assert child.stderr is not None
    child.stderr.close()


# -- the log ------------------------------------------------------------------------------------------------------


def test_the_log_for_programs(start: Start, whole: Path) -> None:
    """Every line of it is a JSON object, the worker's own words among them."""
    child = start("run", "--log-format", "json")
    log = read_until(child, READ)
    child.terminate()
    log += rest_of(child)
    records = [json.loads(line) for line in log.splitlines()]
    assert {"source": "editor@1", "stream": "stdout", "message": "buy milk"}.items() <= next(
        record for record in records if record["message"] == "buy milk"
    ).items()
    assert "core_started" in {record.get("event") for record in records}


def test_the_level_of_the_log(start: Start, whole: Path) -> None:
    """What is below it is not shown: of a system that does well, nothing."""
    child = start("run", "--log-level", "error")
    wait_for(lambda: children_named(child.pid, "editor.py"))
    child.terminate()
    assert rest_of(child) == b""
    assert child.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "changes", "colored"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
        (["--no-color"], {}, False),
        (["--color"], {"NO_COLOR": "1"}, True),
    ],
    ids=["a terminal", "NO_COLOR", "NO_COLOR empty", "--no-color", "--color beats NO_COLOR"],
)
def test_colour_on_a_terminal(
    start: Start, whole: Path, arguments: list[str], changes: dict[str, str], colored: bool
) -> None:
    """Lines are coloured on a terminal, unless the user does not want it."""
    ours, theirs = pty.openpty()
    child = start("run", *arguments, stderr=theirs, TERM="xterm", **changes)
    os.close(theirs)
    log = b""
    while READ not in log:
        log += os.read(ours, 4096)
    child.terminate()
    child.wait()
    os.close(ours)
    assert (b"\x1b[" in log) is colored


def test_no_colour_in_a_file(start: Start, whole: Path) -> None:
    """What is no terminal gets plain lines."""
    child = start("run")
    log = read_until(child, READ)
    child.terminate()
    assert b"\x1b[" not in log + rest_of(child)


def test_a_module_of_the_working_folder_does_not_stand_for_the_supervisors(tmp_path: Path) -> None:
    """Who can write into the folder from which `stockade` is called does not thereby run in the supervisor."""
    application, elsewhere = tmp_path / "application", tmp_path / "elsewhere"
    application.mkdir()
    elsewhere.mkdir()
    configuration = '[app]\nname = "a"\n[[worker]]\nlabel = "a"\nrun = ["true"]\nrestart = "never"\n'
    (application / "stockade.toml").write_text(configuration)
    (elsewhere / "selectors.py").write_text("raise SystemExit(99)")
    # The command line as the console script starts it: without the working folder on its path.
    command = [sys.executable, "-P", "-m", "stockade", "run", str(application / "stockade.toml")]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False, timeout=50)
    assert "core started" in done.stderr
    assert done.returncode != 99
