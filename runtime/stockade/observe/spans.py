"""OpenTelemetry's spans, made with the application's own tracer provider. Loaded only where there is one.

Knows no call and no event: whoever runs one says what it is. What comes in and goes out is a traceparent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from stockade.errors import CommandError
from stockade.observe.traces import TRACE

__all__ = ["Spans"]

_FORMAT = TraceContextTextMapPropagator()


@attrs.frozen(eq=False)
class Spans:
    """Every method is for any thread. Names and attributes are those of OpenTelemetry's semantic conventions."""

    _tracer: Tracer

    @classmethod
    def of_application(cls, version: str) -> Spans | None:
        """With the provider that the application has set by now; None if it has set none. `version` is ours."""
        provider = trace.get_tracer_provider()
        if isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
            return None
        return cls(provider.get_tracer("stockade", version))

    @contextmanager
    def command(self, name: str, attributes: Mapping[str, Any]) -> Iterator[None]:
        """The block does a server's work, for the call within whose trace it runs. What it raises passes."""
        attributes = {"rpc.system": "stockade", "rpc.method": name, **attributes}
        with self._span(name, SpanKind.SERVER, attributes, _came()):
            yield

    @contextmanager
    def delivery(self, event: str, attributes: Mapping[str, Any]) -> Iterator[None]:
        """The block handles an event, within whose trace it runs. What it raises passes."""
        with self._span(f"process {event}", SpanKind.CONSUMER, _message(event, "process", attributes), _came()):
            yield

    def emitted(self, event: str, attributes: Mapping[str, Any]) -> str | None:
        """The traceparent of an event that is emitted now, for which there is a span of its own."""
        with self._span(f"send {event}", SpanKind.PRODUCER, _message(event, "send", attributes), _here()):
            return TRACE.get()

    @contextmanager
    def asked(self, name: str, attributes: Mapping[str, Any]) -> Iterator[str | None]:
        """The block waits for another's answer, as a client; it gets the traceparent to ask with."""
        attributes = {"rpc.system": "stockade", "rpc.method": name, **attributes}
        with self._span(name, SpanKind.CLIENT, attributes, _here()):
            yield TRACE.get()

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: Mapping[str, Any], parent: Context) -> Iterator[None]:
        start = self._tracer.start_as_current_span(
            name, parent, kind, attributes, record_exception=False, set_status_on_exception=False
        )
        with start as span:
            token = TRACE.set(_traceparent())
            try:
                yield
            except CommandError as error:
                span.set_attribute("error.type", error.code)  # an answer like any other, and no fault of ours
                raise
            except Exception as error:
                span.set_attribute("error.type", type(error).__qualname__)
                span.record_exception(error)
                span.set_status(Status(StatusCode.ERROR))
                raise
            except BaseException as error:  # a call that was cancelled is nobody's fault
                span.set_attribute("error.type", type(error).__qualname__)
                raise
            finally:
                TRACE.reset(token)


def _message(event: str, operation: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    destination = {"messaging.destination.name": event, "messaging.operation.type": operation}
    return {"messaging.system": "stockade", **destination, **attributes}


def _came() -> Context:
    """What a span is a child of that serves another process: the trace that came with it, or none."""
    came = TRACE.get()
    return Context() if came is None else _FORMAT.extract({"traceparent": came}, Context())


def _here() -> Context:
    """What a span is a child of that we begin ourselves: the span that is current, else the trace that came."""
    return context.get_current() if trace.get_current_span().get_span_context().is_valid else _came()


def _traceparent() -> str | None:
    """Of the span that is current."""
    carrier: dict[str, str] = {}
    _FORMAT.inject(carrier)
    return carrier.get("traceparent")
