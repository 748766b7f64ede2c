"""What a process has to be to be a worker, and what it does with what it was given."""

from __future__ import annotations

import subprocess
import sys

import pytest

BY_HAND = "from stockade_frontend import connect\nconnect()\nprint('connected')"


def run(code: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code], input=stdin, env=environment, capture_output=True, check=False, timeout=20
    )


@pytest.mark.parametrize("face", ["connect()", "import asyncio; asyncio.run(aio.connect().__aenter__())"])
def test_program_started_by_hand_explains_itself_in_two_lines(face: str) -> None:
    """No traceback: what it is, and what to do; status 2."""
    done = run(f"from stockade_frontend import aio, connect; {face}")
    assert done.returncode == 2
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 2
    assert "STOCKADE_SOCKETS is not set" in lines[0]
    assert "stockade run" in lines[1]


ENVIRONMENT = {
    "STOCKADE_PROTOCOL": "1",
    "STOCKADE_WORKER": "editor",
    "STOCKADE_GENERATION": "3",
    "STOCKADE_SOCKETS": "ipc:///nonexistent/stockade",
}
SECRET = b"0f" * 32 + b"\n"
MISFITS = {
    "another protocol": ({"STOCKADE_PROTOCOL": "2"}, SECRET, "version 2"),
    "no label": ({"STOCKADE_WORKER": ""}, SECRET, "STOCKADE_WORKER is not set"),
    "a generation that is no number": ({"STOCKADE_GENERATION": "x"}, SECRET, "no number"),
    "a secret too short": ({}, b"0f\n", "no secret"),
    "a secret that is no secret": ({}, b"x" * 80, "no secret"),
    "no directory for the sockets": ({}, SECRET, "cannot be bound in ipc:///nonexistent/stockade"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_place_that_makes_no_sense_is_explained(case: str) -> None:
    """Status 2 and the reason, whatever is wrong with what a supervisor should have given."""
    environment, stdin, reason = MISFITS[case]
    done = run(BY_HAND, stdin, **(ENVIRONMENT | environment))
    assert done.returncode == 2
    assert reason in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert SECRET.strip() not in done.stderr


@pytest.mark.parametrize("stdin", ["/dev/null", "/dev/zero", __file__])
def test_worker_whose_standard_input_is_no_pipe_was_started_by_hand(stdin: str) -> None:
    """With the environment of one, as in a debugger: it says so, whether there is something to read or not."""
    with open(stdin, "rb") as file:
        done = subprocess.run(
            [sys.executable, "-c", BY_HAND], stdin=file, env=ENVIRONMENT, capture_output=True, check=False, timeout=20
        )
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"standard input is no pipe" in done.stderr
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("stdin", [b"", SECRET[:30]])
def test_supervisor_that_goes_before_the_secret_ends_the_worker(stdin: bytes) -> None:
    """Quietly, with status 0: nothing of this worker's has failed."""
    done = run(BY_HAND, stdin, **ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


LISTED = "import sys, {}; print(*sorted(sys.modules))"
#: Each costs a worker's start more than it is worth; `stockade` is what a worker must not have.
UNWANTED = {
    "asyncio",
    "attr",
    "attrs",
    "cattrs",
    "ctypes",
    "dataclasses",
    "inspect",
    "logging",
    "socket",
    "stockade",
    "subprocess",
}


def test_blocking_stub_loads_little() -> None:
    """Start-up counts: a worker loads pyzmq, cbor2, and hardly more."""
    bare, loaded = loaded_by("zmq, cbor2"), loaded_by("stockade_frontend")
    assert bare <= loaded
    assert not (loaded - bare) & UNWANTED  # pyzmq itself loads inspect from Python 3.12 on


def loaded_by(modules: str) -> set[str]:
    """The top-level modules that a process has which imports these."""
    return {name.partition(".")[0] for name in run(LISTED.format(modules)).stdout.decode().split()}
