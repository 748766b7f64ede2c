"""The trace that what runs now belongs to: one W3C traceparent, which flows from a call to all that is done for it.

Knows no call: whoever runs a function says within which trace. Carried as it came, since who makes no span of its own
passes on its caller's (W3C Trace Context, section 3.2); only where the application has set up OpenTelemetry there are
spans, in `observe.spans`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from stockade.observe.spans import Spans

__all__ = ["TRACE", "Ids", "find_spans", "ids", "within"]

#: A well-formed traceparent, or None outside of any trace.
TRACE: ContextVar[str | None] = ContextVar("stockade_trace", default=None)


class Ids(NamedTuple):
    """What a log line says of its trace, in hexadecimal digits: 32 and 16."""

    trace: str
    span: str


def ids(traceparent: str) -> Ids:
    """The ids in a well-formed traceparent."""
    return Ids(traceparent[3:35], traceparent[36:52])


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """What is called and what tasks are made in the block belong to this trace; None: to none."""
    token = TRACE.set(traceparent)
    try:
        yield
    finally:
        TRACE.reset(token)


def find_spans(version: str) -> Spans | None:
    """What makes spans, if the application has set up OpenTelemetry by now; else nothing of it is loaded.
    `version` is that of this package.

    Who has set a tracer provider has imported it, but for a provider that the environment names.
    """
    if "opentelemetry.trace" not in sys.modules and not os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"):
        return None
    from stockade.observe.spans import Spans

    return Spans.of_application(version)
