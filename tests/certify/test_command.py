"""`stockade certify` as a user has it: a process, its output, its exit codes, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stockade.certify.reference import page
from stockade.certify.step import OFFERS
from stockade.certify.steps import STEPS

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PATIENCE = 50.0
MUTANT = [sys.executable, str(HERE / "mutant.py")]
BLOCKING = [sys.executable, "-m", "stockade_frontend.certify"]
ASYNCIO = [sys.executable, "-m", "stockade_frontend.certify_aio"]
LEAST = [sys.executable, str(HERE / "least.py")]


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the walk makes its folders: a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="s-", dir="/tmp") as folder:
        yield Path(folder)


def stockade(*arguments: str, place: Path | None = None) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return subprocess.Popen(
        [sys.executable, "-m", "stockade", "certify", *arguments],
        env=environment | ({"XDG_RUNTIME_DIR": str(place)} if place else {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def certify(*arguments: str, patience: float = PATIENCE) -> tuple[int, str, str]:
    """Its exit code, standard output and standard error."""
    with stockade(*arguments) as process:
        output, errors = process.communicate(timeout=patience)
    return process.returncode, output, errors


def as_json(*arguments: str, patience: float = 240.0) -> dict[str, Any]:
    _, output, errors = certify("--json", *arguments, patience=patience)
    assert not errors
    found: dict[str, Any] = json.loads(output)
    return found


def failed(certificate: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["why"] for step in certificate["steps"] if step["outcome"] == "failed"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("program", [BLOCKING, ASYNCIO], ids=["blocking", "asyncio"])
def test_both_faces_of_the_python_stub_pass_every_step(program: list[str]) -> None:
    """They offer all that there is."""
    certificate = as_json("--", *program)
    assert failed(certificate) == {}
    assert certificate["certified"]
    assert certificate["offers"] == sorted(OFFERS)
    assert certificate["passed"] == len(STEPS)


@pytest.mark.timeout(300)
def test_a_worker_that_offers_nothing_is_certified() -> None:
    """What it does not offer is not asked, and what is optional does not count."""
    certificate = as_json("--", *LEAST)
    assert certificate["certified"]
    assert certificate["failed"] == 0
    assert failed(certificate).keys() == {"calls/idempotent", "calls/trace", "calls/grants"}
    assert certificate["optional_failed"] == 3
    assert certificate["not_offered"] == sum(bool(step.needs) for step in STEPS)
    assert certificate["passed"] + certificate["not_offered"] + 3 == len(STEPS)


def test_a_step_that_failed_is_shown_with_its_frames() -> None:
    """What was wanted and what came, in diagnostic notation and in digits; exit code 1."""
    code, output, _ = certify("--step", "calls/", "--", *MUTANT, "calls/result")
    assert code == 1
    assert "1 failed: not certified" in output
    assert "calls/result: Take the result of a call, null and empty ones too." in output
    assert '  wanted:  the report {"value": null}\n' in output
    assert '  came:    {"value": ""}\n' in output
    assert '  core   commands: [["result", 4, null]]\n         818366726573756c7404f6\n' in output


def test_what_the_worker_wrote_is_shown() -> None:
    """Its standard error, where it may have said why."""
    code, output, _ = certify("--", sys.executable, "-c", "import sys; sys.exit('there is no worker in here')")
    assert code == 1
    assert "there is no worker in here" in output
    assert f"{len(STEPS) - 1} not reached: not certified" in output


def test_json_has_the_evidence() -> None:
    """One object, with the messages as they passed."""
    certificate = as_json("--step", "ping/in-a-call", "--", *MUTANT, "ping/in-a-call")
    (step,) = certificate["steps"]
    assert not certificate["certified"]
    assert (step["name"], step["outcome"], step["optional"], step["needs"]) == ("ping/in-a-call", "failed", False, [])
    assert step["why"].startswith("wanted the pongs [0, 9007199254740991, 5]")
    said = [message for message in step["evidence"]["messages"] if message["from"] == "worker"]
    assert ["pong", 1] in json.loads(said[-1]["diagnostic"])
    assert said[-1]["socket"] == "commands"


def test_an_optional_step_that_failed_changes_no_exit_code() -> None:
    """It is shown as failed all the same."""
    code, output, _ = certify("--step", "calls/trace", "--", *MUTANT, "calls/trace")
    assert code == 0
    assert "1 optional ones failed: certified" in output


def test_the_steps_are_listed() -> None:
    """One a line, and nothing is started."""
    code, output, _ = certify("--list")
    assert code == 0
    assert [line.split()[0] for line in output.splitlines()] == [step.name for step in STEPS]
    assert [step["name"] for step in as_json("--list")] == [step.name for step in STEPS]  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no program is named"),
        (("--", "/nowhere/worker"), 'there is no program "/nowhere/worker"'),
        (("--step", "calls/reslt", "--", "true"), "write calls/result"),
        (("--patience", "0", "--", "true"), "--patience"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(arguments: tuple[str, ...], words: str) -> None:
    """It says what to write instead."""
    code, output, errors = certify(*arguments)
    assert (code, output) == (2, "")
    assert words in errors
    assert errors.count("\n") == 1


def test_every_step_says_what_it_is_of() -> None:
    """A name of its own, a sentence, and a section of the protocol."""
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert len({step.name for step in STEPS}) == len(STEPS)
    for step in STEPS:
        number = step.section.partition(",")[0]
        assert f"\n## {number}. " in text, step.name
        assert step.about.endswith("."), step.name


def test_the_page_has_the_steps_that_there_are() -> None:
    """docs/certify.md is not stale: run ``python -m stockade.certify.reference docs``."""
    text = (ROOT / "docs" / "certify.md").read_text(encoding="utf-8")
    assert text == page(text)


def test_the_page_has_the_offers_that_there_are() -> None:
    """Each with what it means."""
    text = (ROOT / "docs" / "certify.md").read_text(encoding="utf-8")
    assert all(f"\n| `{offer}` | " in text for offer in OFFERS)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(number: signal.Signals, place: Path) -> None:
    """Neither the program, nor its child, nor a folder; the exit code is the signal's."""
    pids = place / "pids"
    script = f"sleep 300 & echo $! $$ >> {pids}; exec sleep 300"
    with stockade("--", "sh", "-c", script, place=place) as process:
        until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        process.send_signal(number)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + number
    until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids.read_text().split()))
    assert list(place.iterdir()) == [pids]


def until(ready: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)
