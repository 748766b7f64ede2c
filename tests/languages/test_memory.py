"""What a worker in each language keeps of a million calls: nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from applications.application import Application, capability, table

COMMANDS = """
from pathlib import Path
from typing import Any
from stockade import command

turns = iter(range(1_000))

def resident(label: str) -> int:
    mark = f"STOCKADE_WORKER={label}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in entry.read_bytes().split(bytes(1)):
                status = entry.with_name("status").read_text()
                return int(status.partition("VmRSS:")[2].split()[0])
        except OSError:
            continue
    raise LookupError(label)

@command("bench.next")
def next_task(report: Any = None) -> dict[str, Any]:
    turn = next(turns)
    if turn:
        with open("resident", "a") as file:
            print(resident("bench"), file=file)
    if turn >= TURNS:
        return {"do": "leave"}
    return {"do": "pipelined", "count": CALLS, "window": 256}

@command("bench.echo", inline=True)
def echo(value: int) -> int:
    return value
"""
#: Turns of so many calls each: after the first few nothing may grow any more, but by the moods of an allocator.
TURNS, CALLS, GROWN = 12, 100_000, 4
#: KiB. A heap that is collected when it pleases may be anywhere between two collections.
SLACK = {"javascript": 24 << 10, "java": 48 << 10, "go": 6 << 10}


def run(application: Application, face: Any) -> list[int]:
    """The resident memory of the bench program of a face after each turn, in KiB."""
    worker = table(
        "[[worker]]", label="bench", run=face.bench, restart="never", capabilities=["all"], inherit=["BENCH_FLOOR"]
    )
    code = f"TURNS, CALLS = {TURNS}, {CALLS}\n{COMMANDS}"
    application.configure(worker, capability("all", commands=["bench.*"]), commands=code, core={"deadline": "none"})
    application.start()
    assert application.wait(150) == 0, application.log
    return [int(line) for line in Path(application.folder, "resident").read_text().split()]


@pytest.mark.timeout(180)
def test_a_million_calls_leave_nothing(application, face, monkeypatch) -> None:
    """From the fifth hundred thousand calls on, the worker's memory stands still."""
    monkeypatch.setenv("BENCH_FLOOR", f"ipc://{application.runtime}/nobody")
    seen = run(application, face)
    assert len(seen) == TURNS
    early, late = max(seen[:GROWN]), min(seen[-GROWN:])
    assert late - early <= SLACK.get(face.key, 1 << 10), seen
