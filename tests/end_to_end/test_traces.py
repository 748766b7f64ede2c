"""Traces with real processes: a worker's traceparent comes back with the event and stands in the log line."""

from __future__ import annotations

import pytest
from applications.application import capability, worker

COMMANDS = """
import logging
from stockade import Events, command

@command("save")
def save(events: Events) -> None:
    logging.getLogger("notes").warning("saved")
    events.emit("notes/changed", 1)
"""
SPANS = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize("spans", [False, True])
def test_a_trace_goes_through_the_core(application, spans) -> None:
    """As it came without OpenTelemetry; with it, the event names the core's span as its parent."""
    application.configure(
        worker("editor", "raw_puppet.py", capabilities=["all"]),
        capability("all", commands=["**"], events={"listen": ["notes/**"]}),
        commands=COMMANDS + (SPANS if spans else ""),
    )
    application.start()
    editor = application.puppet("editor")
    editor.do("greet(); subscribe(b'notes/changed|')")
    editor.do("say(['call', 1, 'save', {}, {'trace': parent}]); hear('result')", parent=PARENT)
    event = editor.do("cbor2.loads(hear_event().partition(b'|')[2])")
    assert event[:3] == [1, "core", 1]
    logged = application.log.wait(message="saved")
    assert logged["trace_id"] == TRACE
    if spans:
        assert event[3]["trace"].startswith(f"00-{TRACE}-")
        assert len({PARENT[36:52], event[3]["trace"][36:52], logged["span_id"]}) == 3
    else:
        assert event[3] == {"trace": PARENT}
        assert logged["span_id"] == PARENT[36:52]
