"""Spans, made with OpenTelemetry's own SDK and read from its exporter in memory."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from stockade.errors import Code, CommandError
from stockade.observe.spans import Spans
from stockade.observe.traces import TRACE, ids, within

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Traced:
    """Spans with a provider of their own, and what was exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.spans = Spans(self.provider.get_tracer("stockade"))

    @property
    def ended(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def traced() -> Traced:
    return Traced()


def parent_of(span: ReadableSpan) -> tuple[str, str] | None:
    return None if span.parent is None else (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}")


def own(span: ReadableSpan) -> tuple[str, str]:
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def test_a_command_is_a_servers_span_within_its_callers_trace(traced: Traced) -> None:
    """Named by the command; while it runs, what is passed on names it as the parent."""
    with within(PARENT), traced.spans.command("notes.read", {"stockade.worker": "editor"}):
        passed_on = TRACE.get()
    [span] = traced.ended
    assert (span.name, span.kind, span.status.status_code) == ("notes.read", SpanKind.SERVER, StatusCode.UNSET)
    assert parent_of(span) == ids(PARENT)
    assert passed_on is not None
    assert ids(passed_on) == own(span)
    assert dict(span.attributes or {}) == {
        "rpc.system": "stockade",
        "rpc.method": "notes.read",
        "stockade.worker": "editor",
    }


def test_a_call_without_a_trace_begins_one(traced: Traced) -> None:
    """Whatever span is current in the core: that is nothing of the caller's."""
    with traced.provider.get_tracer("other").start_as_current_span("other"), traced.spans.command("a", {}):
        pass
    assert parent_of(traced.ended[0]) is None


def test_an_exception_is_recorded_and_passes(traced: Traced) -> None:
    """A fault of the command's is an error of the span."""
    with pytest.raises(ValueError, match="inside"), traced.spans.command("a", {}):
        raise ValueError("inside")
    [span] = traced.ended
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert [event.name for event in span.events] == ["exception"]
    assert TRACE.get() is None


@pytest.mark.parametrize("error", [CommandError(Code.NOT_FOUND), CommandError("notes.locked")])
def test_an_answer_that_is_an_error_is_no_fault(traced: Traced, error: CommandError) -> None:
    """The span has its code, as an attribute alone."""
    with pytest.raises(CommandError), traced.spans.command("a", {}):
        raise error
    [span] = traced.ended
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["error.type"] == error.code
    assert not span.events


def test_an_event_is_sent_by_whoever_emits_it_and_processed_by_whoever_hears_it(traced: Traced) -> None:
    """A producer's span below the current one, and below that a consumer's: the traceparent goes with the event."""
    with traced.spans.command("a", {}), traced.provider.get_tracer("app").start_as_current_span("own"):
        sent = traced.spans.emitted("notes/changed", {})
    with within(sent), traced.spans.delivery("notes/changed", {}):
        pass
    producer, mine, server, consumer = traced.ended
    assert [span.name for span in traced.ended] == ["send notes/changed", "own", "a", "process notes/changed"]
    assert [span.kind for span in (producer, server, consumer)] == [
        SpanKind.PRODUCER,
        SpanKind.SERVER,
        SpanKind.CONSUMER,
    ]
    assert parent_of(producer) == own(mine)
    assert parent_of(mine) == own(server)
    assert parent_of(consumer) == own(producer)


def test_what_is_asked_of_another_is_a_clients_span(traced: Traced) -> None:
    """Below the span of the application's own that is current."""
    with traced.provider.get_tracer("app").start_as_current_span("own"), traced.spans.asked("thumbs.make", {}) as sent:
        pass
    client, mine = traced.ended
    assert client.kind is SpanKind.CLIENT
    assert parent_of(client) == own(mine)
    assert sent is not None
    assert ids(sent) == own(client)


def test_what_is_not_sampled_is_passed_on_all_the_same() -> None:
    """With the flag that says so: no hop decides anew."""
    spans = Spans(TracerProvider(sampler=ALWAYS_OFF).get_tracer("stockade"))
    with within(PARENT), spans.command("a", {}):
        assert TRACE.get() is not None
        assert ids(TRACE.get() or "").trace == ids(PARENT).trace
        assert (TRACE.get() or "").endswith("-00")
