"""Traces through dispatch: what a command or listener does is within the trace of its call or event."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from stockade import Caller, Event, Events, Workers
from stockade.core.commands.dispatch import Dispatcher
from stockade.core.commands.registry import Registry
from stockade.core.commands.workers import Request
from stockade.core.events.bus import Bus
from stockade.core.wire.codec import decode
from stockade.core.wire.topics import EventFrame
from stockade.errors import CommandError
from stockade.observe.spans import Spans
from stockade.observe.traces import ids, within

Application = Callable[..., Registry]

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COMMANDS = """
from stockade.observe.traces import TRACE
heard = []

@command("inline", inline=True)
def inline(events: Events) -> str:
    events.emit("notes/changed", 1)
    return TRACE.get()

@command("thread")
def in_thread(events: Events) -> str:
    events.emit("notes/changed", 1)
    return TRACE.get()

@command("coroutine")
async def coroutine(events: Events) -> str:
    events.emit("notes/changed", 1)
    return TRACE.get()

@command("bad", inline=True)
def bad(a: int) -> None: ...

@listener("notes/changed")
def hear(event: Event) -> None:
    heard.append((event.trace, TRACE.get()))

@listener("notes/changed")
async def hear_async(event: Event) -> None:
    heard.append((event.trace, TRACE.get()))
"""
GUARD = """
from typing import Any
@middleware
async def around(proceed: Proceed) -> Any:
    return await proceed()
"""
WHERE = ("inline", "thread", "coroutine")


class Ear:
    """A worker that hears every event."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def hears(self, name: str) -> bool:
        return True

    def hear(self, frame: EventFrame) -> None:
        self.bodies.append(decode(frame.numbered(1).partition(b"|")[2]))


class Traced:
    """A dispatcher and a bus, with spans of OpenTelemetry's SDK if `spans`."""

    def __init__(
        self, registry: Registry, spans: bool, workers: Callable[[Spans | None], Workers] | None = None
    ) -> None:
        assert registry.faults == ()
        self.registry, loop, self.ear = registry, asyncio.get_running_loop(), Ear()
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        made = Spans(provider.get_tracer("stockade")) if spans else None
        bus = Bus(loop, {"editor": ("editor",)}, spans=made)
        bus.attach("editor", self.ear)
        given: dict[type, Any] = {Events: Events(bus), Workers: workers(made) if workers else None}
        self.dispatcher = Dispatcher(registry, loop, 2, 2, given, logging.getLogger("test"), spans=made)
        bus.listen = self.dispatcher.deliver

    async def call(self, command: str, trace: str | None) -> Any:
        """The answer of a call within this trace: a value or a code."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def answered(value: Any, error: CommandError | None) -> None:
            answer.set_result(value if error is None else error.code)

        caller = Caller("editor", 3, command, None)  # type: ignore[arg-type]
        with within(trace):
            self.dispatcher.dispatch(caller, self.registry.commands[command], {}, answered)
        return await answer

    async def heard(self, count: int) -> list[Any]:
        """What the listeners have heard, once it is so much."""
        while len(sys.modules["app"].heard) < count:  # noqa: ASYNC110 (a listener tells nobody)
            await asyncio.sleep(0.001)
        return list(sys.modules["app"].heard)

    def span(self, kind: SpanKind) -> ReadableSpan:
        """The one span of this kind that has ended."""
        [span] = [each for each in self._exporter.get_finished_spans() if each.kind is kind]
        return span


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(main())


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("guard", ["", GUARD], ids=["plain", "guarded"])
def test_a_trace_goes_from_a_call_to_its_events_and_their_listeners(
    application: Application, where: str, guard: str
) -> None:
    """As it came: without OpenTelemetry the core is no hop of it."""
    registry = application(app=COMMANDS + guard)

    async def test() -> None:
        traced = Traced(registry, spans=False)
        assert await traced.call(where, PARENT) == PARENT
        assert await traced.heard(2) == [(PARENT, PARENT)] * 2
        assert traced.ear.bodies == [[1, "core", 1, {"trace": PARENT}]]

    run(test)


@pytest.mark.parametrize("where", WHERE)
def test_no_trace_leaves_none(application: Application, where: str) -> None:
    """Neither of the call before in the same thread, nor in the event's frame."""
    registry = application(app=COMMANDS)

    async def test() -> None:
        traced = Traced(registry, spans=False)
        for _ in range(4):
            await traced.call(where, PARENT)
        assert await traced.call(where, None) is None
        assert traced.ear.bodies[-1] == [1, "core", 1]
        assert (await traced.heard(10)).count((None, None)) == 2

    run(test)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("guard", ["", GUARD], ids=["plain", "guarded"])
def test_spans_follow_one_another(application: Application, where: str, guard: str) -> None:
    """The caller's, the command's, the event's, and its listeners': each the parent of the next."""
    registry = application(app=COMMANDS.replace('@listener("notes/changed")\nasync', "async") + guard)

    async def test() -> None:
        traced = Traced(registry, spans=True)
        within_command = await traced.call(where, PARENT)
        [(sent, within_listener)] = await traced.heard(1)
        while traced.dispatcher.statistics().delivered == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        server, producer, consumer = map(traced.span, (SpanKind.SERVER, SpanKind.PRODUCER, SpanKind.CONSUMER))
        assert (server.name, producer.name, consumer.name) == (where, "send notes/changed", "process notes/changed")
        assert dict(server.attributes or {}) | {"stockade.worker": "editor", "stockade.generation": 3} == dict(
            server.attributes or {}
        )
        lineage = [PARENT, within_command, sent, within_listener]
        for span, before, now in zip((server, producer, consumer), lineage, lineage[1:], strict=False):
            assert span.parent is not None
            assert span.context is not None
            assert f"{span.parent.span_id:016x}" == ids(before).span
            assert f"{span.context.span_id:016x}" == ids(now).span
            assert f"{span.context.trace_id:032x}" == ids(PARENT).trace

    run(test)


def test_arguments_that_do_not_fit_are_in_the_span(application: Application) -> None:
    """Binding belongs to what the span is about; the answer is as ever."""
    registry = application(app=COMMANDS)

    async def test() -> None:
        traced = Traced(registry, spans=True)
        assert await traced.call("bad", None) == "invalid_args"
        assert (traced.span(SpanKind.SERVER).attributes or {})["error.type"] == "invalid_args"

    run(test)


def test_a_listener_is_not_within_the_call_that_emitted_its_event(application: Application) -> None:
    """Its own calls are nobody's: it shares the trace alone."""
    registry = application(
        app=COMMANDS.replace("event.trace, TRACE.get()", "event.trace, CURRENT.get()")
        + "from stockade.core.commands.context import CURRENT\n"
    )

    async def test() -> None:
        traced = Traced(registry, spans=False)
        await traced.call("coroutine", PARENT)
        assert await traced.heard(2) == [(PARENT, None)] * 2

    run(test)


def test_an_event_of_a_worker_brings_its_own_trace(application: Application) -> None:
    """Its listeners run within that."""
    registry = application(app=COMMANDS)

    async def test() -> None:
        traced = Traced(registry, spans=False)
        traced.dispatcher.deliver(Event("notes/changed", 1, "editor", 3, PARENT))
        assert await traced.heard(2) == [(PARENT, PARENT)] * 2

    run(test)


@pytest.mark.parametrize("blocking", [False, True])
def test_what_a_command_asks_of_a_worker_is_a_clients_span(application: Application, blocking: bool) -> None:
    """Its traceparent is what the worker is asked with, and its error the answer's."""
    how = "def ask(workers: Workers): workers.invoke_blocking('thumbs.make')"
    if not blocking:
        how = "async def ask(workers: Workers): await workers.invoke('thumbs.make')"
    registry = application(app=f"@command('ask')\n{how}\n")
    asked: list[Request] = []

    class Nobody:
        """An invoker that has no worker."""

        def invoke(self, request: Request, answer: Callable[[Any, CommandError | None], None]) -> None:
            asked.append(request)
            answer(None, CommandError("unavailable"))

    async def test() -> None:
        loop = asyncio.get_running_loop()
        traced = Traced(registry, spans=True, workers=lambda spans: Workers(Nobody(), loop, spans=spans))
        assert await traced.call("ask", PARENT) == "unavailable"
        client, server = traced.span(SpanKind.CLIENT), traced.span(SpanKind.SERVER)
        assert client.name == "thumbs.make"
        assert (client.attributes or {})["error.type"] == "unavailable"
        assert client.parent is not None
        assert client.context is not None
        assert server.context is not None
        assert client.parent.span_id == server.context.span_id
        assert asked[0].trace is not None
        assert ids(asked[0].trace).span == f"{client.context.span_id:016x}"

    run(test)
