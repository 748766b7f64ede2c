"""A buffer of lines that never blocks, drops whole lines and says how many."""

from __future__ import annotations

import json
import logging
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.observe.handler import CoreHandler
from stockade.observe.outlet import Outlet


class Reader:
    """Takes so many bytes and then none, until it is given room again."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken = bytearray()
        self.gone = False

    def write(self, data: bytes) -> int:
        if self.gone:
            raise BrokenPipeError
        if not self.room:
            raise BlockingIOError
        taken = min(self.room, len(data))
        self.taken += data[:taken]
        self.room -= taken
        return taken


def notice(count: int) -> bytes:
    return f"lost {count}\n".encode()


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=40),
    st.integers(0, 60),
)
def test_every_line_is_written_whole_or_counted(steps: list[tuple[int, int]], limit: int) -> None:
    """However the reader reads: the lines are whole, in order, and those missing are told where they are missing."""
    reader = Reader(0)
    outlet = Outlet(reader.write, notice, limit)
    for number, (length, room) in enumerate(steps):
        outlet.put(f"{number}:".encode() + b"x" * length + b"\n")
        reader.room += room
        outlet.flush()
        assert outlet.statistics().waiting <= limit + 2 * len(notice(10**6))
    reader.room = 10**6
    assert outlet.flush()
    seen = 0
    for line in reader.taken.decode().splitlines():
        if line.startswith("lost "):
            seen += int(line.removeprefix("lost "))
        else:
            assert line == f"{seen}:" + "x" * steps[seen][0]
            seen += 1
    assert seen == len(steps)
    assert outlet.statistics().written + outlet.statistics().dropped == len(steps)


def test_reader_that_is_gone_ends_the_writing_but_not_the_counting() -> None:
    """After a broken pipe nothing is kept."""
    reader = Reader(100)
    reader.gone = True
    outlet = Outlet(reader.write, notice)
    outlet.put(b"one\n")
    assert outlet.flush()
    outlet.put(b"two\n")
    assert (outlet.broken, outlet.is_waiting, outlet.statistics().dropped) == (True, False, 1)


def logger(name: str, handler: logging.Handler) -> logging.Logger:
    """A logger with this handler alone."""
    log = logging.getLogger(name)
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    return log


@pytest.mark.timeout(20)
def test_core_handler_never_blocks_and_says_what_was_lost() -> None:
    """A pipe that nobody reads: logging goes on; read again, the count comes."""
    read, write = os.pipe()
    handler = CoreHandler(write, "json", color=False)
    log = logger("stockade.core", handler)
    for number in range(3000):
        log.info("x" * 1000, extra={"event": "tried", "fields": {"number": number}})
    assert handler.is_waiting
    assert handler.statistics().dropped > 0
    lines = b""
    while handler.is_waiting:
        lines += os.read(read, 65536)
        handler.flush()
    os.close(write)
    while data := os.read(read, 65536):
        lines += data
    records = [json.loads(line) for line in lines.splitlines()]
    lost = [record["lines_dropped"] for record in records if record.get("event") == "output_dropped"]
    assert sum(lost) + sum(record.get("event") == "tried" for record in records) == 3000
    os.close(read)


def test_core_handler_writes_tracebacks_as_lines_and_foreign_loggers_by_name() -> None:
    """What an application logs in the core has its logger's name; an exception its traceback."""
    read, write = os.pipe()
    handler = CoreHandler(write, "json", color=False)
    log = logger("notes.store", handler)
    try:
        raise ValueError("no such note")
    except ValueError:
        log.exception("reading %s failed", "x")
    said = json.loads(os.read(read, 65536))
    assert (said["level"], said["source"], said["logger"], said["message"]) == (
        "error",
        "core",
        "notes.store",
        "reading x failed",
    )
    assert said["lines"][-1] == "ValueError: no such note"
    os.close(read)
    os.close(write)
