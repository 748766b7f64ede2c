"""How a worker ends that did not choose to: each way its own exit status, and a line that says why."""

from __future__ import annotations

import time
from typing import Any

import cbor2
import pytest

BLOCKING = """
from stockade_frontend import *
import sys
with connect() as core:
    print("connected")
    try:
        {body}
    except Exception:
        print("swallowed")
    finally:
        print("finally")
"""
AIO = """
from stockade_frontend import *
from stockade_frontend import aio
import asyncio
async def main():
    async with aio.connect() as core:
        print("connected")
        try:
            {body}
        except Exception:
            print("swallowed")
        finally:
            print("finally")
asyncio.run(main())
"""
#: The same waits in both faces.
WAITS = {
    "in a call": (BLOCKING, "core.invoke('slow')"),
    "in run": (BLOCKING, "core.run()"),
    "in listen": (BLOCKING, "core.listen('a', print)"),
    "in poll": (BLOCKING, "core.poll(None)"),
    "in a full emit": (BLOCKING, "[core.emit('a', b'x' * 60_000) for _ in range(10_000)]"),
    "aio in a call": (AIO, "await core.invoke('slow')"),
    "aio in run": (AIO, "await core.run()"),
    "aio in a full emit": (AIO, "[await core.emit('a', b'x' * 60_000) for _ in range(10_000)]"),
    "aio elsewhere": (AIO, "await asyncio.sleep(1000)"),
}


def begin(core: Any, wait: str) -> None:
    """Start a worker that waits like this."""
    face, body = WAITS[wait]
    core.start(face.format(body=body))
    core.until_printed("connected")
    if "call" in wait:
        core.expect("call")
    if "run" in wait:
        core.expect("ready")
    if "listen" in wait:
        core.subscription()


@pytest.mark.parametrize("wait", WAITS)
def test_end_of_the_lifeline_ends_the_worker_wherever_it_waits(core: Any, wait: str) -> None:
    """At once, with status 0 and without a word; `finally` runs, `except Exception` does not hold it."""
    begin(core, wait)
    core.end_lifeline()
    assert core.exit_status() == 0
    assert core.printed() == "connected\nfinally\n"
    assert core.said() == ""


@pytest.mark.parametrize("connected", [False, True])
def test_end_of_the_lifeline_ends_a_worker_that_waits_for_its_core(core: Any, connected: bool) -> None:
    """Before anything has connected, and while `hello` has no answer."""
    core.spawn(BLOCKING.format(body="pass"))
    if connected:
        core.connect()
        core.expect("hello")
    core.end_lifeline()
    assert core.exit_status() == 0
    assert core.printed() == core.said() == ""


@pytest.mark.parametrize("wait", WAITS)
def test_core_that_goes_ends_the_worker(core: Any, wait: str) -> None:
    """Status 1, and the reason."""
    begin(core, wait)
    core.close_link()
    assert core.exit_status() == 1
    assert core.printed() == "connected\nfinally\n"
    assert core.said() == "stockade_frontend: the core closed its connection\n"


@pytest.mark.parametrize("wait", WAITS)
def test_breach_is_told_though_the_link_is_closed_before_it_comes(core: Any, wait: str) -> None:
    """Between sockets there is no order: the better reason is waited for."""
    begin(core, wait)
    core.emits.close()
    time.sleep(0.03)  # so that the news comes first; the worker waits ten times as long for a better reason
    core.send(["breach", {"code": "bad_message", "reason": "a call without a command"}])
    assert core.exit_status() == 1
    assert core.printed() == "connected\nfinally\n"
    assert "broke the protocol: bad_message: a call without a command" in core.said()


@pytest.mark.parametrize("wait", WAITS)
def test_core_that_breaks_the_protocol_ends_the_worker_with_70(core: Any, wait: str) -> None:
    """A line on standard error, and the status that the protocol names."""
    begin(core, wait)
    core.send(["result", 999, None])
    assert core.exit_status() == 70
    assert core.printed() == "connected\nfinally\n"
    assert core.said() == "stockade_frontend: an answer to call 999, which was never made or has been answered\n"


BREAKS = {
    "a frame that is no CBOR": lambda core: core.send_frame(b"\xff"),
    "two frames": lambda core: core.commands.send_multipart([b"worker", cbor2.dumps([["ping", 1]]), b"more"]),
    "an event that is none": lambda core: core.events.send(b"a|nonsense"),
    "an event twice": lambda core: [core.event("a", seq=1) for _ in range(2)],
}


@pytest.mark.parametrize("case", BREAKS)
def test_frames_that_the_core_must_not_send_end_the_worker_with_70(core: Any, case: str) -> None:
    """On each socket."""
    core.start(BLOCKING.format(body="core.listen('a', print); core.run()"))
    core.grant()
    core.expect("ready")
    BREAKS[case](core)
    assert core.exit_status() == 70
    assert core.said().startswith("stockade_frontend: ")
    assert "Traceback" not in core.said()


def test_refused_hello_ends_the_worker(core: Any) -> None:
    """The core does not speak this version, say: status 1, and its words."""
    core.spawn(BLOCKING.format(body="pass"))
    core.connect()
    core.expect("hello")
    core.send(["refused", {"code": "unavailable", "message": "only version 2", "data": {"protocols": [2]}}])
    assert core.exit_status() == 1
    assert core.printed() == ""
    assert core.said() == "stockade_frontend: the core refused this worker: unavailable: only version 2\n"


def test_error_of_the_worker_is_not_hidden_by_an_end_that_comes_while_it_leaves(core: Any) -> None:
    """The traceback is what its author needs."""
    core.start("from stockade_frontend import connect\nwith connect() as core:\n    1 / 0\n")
    core.expect("bye")
    core.end_lifeline()
    assert core.exit_status() == 1
    assert "ZeroDivisionError" in core.said()


def test_wrong_secret_does_not_connect(core: Any) -> None:
    """The core refuses it, so that nothing is ever said; the lifeline ends the worker."""
    core.spawn(BLOCKING.format(body="pass"), secret="0" * 64 + "\n")
    core.connect()
    assert core.silent(0.3)
    core.end_lifeline()
    assert core.exit_status() == 0


def test_another_process_than_the_core_cannot_connect(core: Any) -> None:
    """Where the system can tell, only the core's own process is let in."""
    core.spawn(BLOCKING.format(body="pass"), STOCKADE_CORE_PID="1")
    core.connect()
    assert core.silent(0.3)
    core.end_lifeline()
    assert core.exit_status() == 0
