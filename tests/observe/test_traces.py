"""The trace that runs: seen within its block and by the tasks made there, and nowhere else."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from stockade.observe.traces import TRACE, Ids, ids, within

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_ids_of_a_traceparent() -> None:
    """Those that W3C's own example has."""
    assert ids(PARENT) == Ids("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")


def test_a_trace_ends_with_its_block() -> None:
    """Also where the block raises; an inner one may be none."""
    assert TRACE.get() is None
    try:
        with within(PARENT):
            assert TRACE.get() == PARENT
            with within(None):
                assert TRACE.get() is None
            assert TRACE.get() == PARENT
            raise KeyError
    except KeyError:
        assert TRACE.get() is None


def test_a_task_keeps_the_trace_in_which_it_was_made() -> None:
    """While the block has long ended."""

    async def seen() -> str | None:
        await asyncio.sleep(0)
        return TRACE.get()

    async def main() -> list[str | None]:
        with within(PARENT):
            task = asyncio.create_task(seen())
        return [await task, await seen()]

    assert asyncio.run(main()) == [PARENT, None]


def test_nothing_of_opentelemetry_is_loaded_without_need() -> None:
    """Neither by looking for spans nor by the core's modules."""
    code = """
import sys
import stockade.core.main
from stockade.observe.traces import find_spans
assert find_spans("1") is None
print([name for name in sys.modules if "opentelemetry" in name])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_no_spans_without_a_provider() -> None:
    """Loaded, but not set up: whoever imports it has not asked for spans."""
    code = """
import opentelemetry.trace
from stockade.observe.traces import find_spans
assert find_spans("1") is None
from opentelemetry.sdk.trace import TracerProvider
opentelemetry.trace.set_tracer_provider(TracerProvider())
assert find_spans("1") is not None
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
