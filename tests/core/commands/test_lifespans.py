"""Lifespans: entered in order, left in reverse, whatever they do."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from stockade import Events
from stockade.core.commands.lifespans import Lifespans
from stockade.core.commands.registry import Registry
from stockade.errors import StartError

Application = Callable[..., Registry]

HEAD = """
import asyncio, threading, time
from typing import AsyncIterator, Iterator
said = []
class A: ...
class B: ...
"""


def run(registry: Registry, limit: float = 20) -> dict[type, Any]:
    assert registry.faults == ()

    async def main() -> dict[type, Any]:
        lifespans = Lifespans(asyncio.get_running_loop(), logging.getLogger("test"))
        try:
            return await lifespans.enter(registry.lifespans, {Events: None})
        finally:
            await lifespans.leave(limit)

    return asyncio.run(main())


def test_lifespans_are_entered_in_order_and_left_in_reverse(application: Application) -> None:
    """A lifespan has the values of those it depends on as long as it lives; plain ones share one thread."""
    registry = application(
        app=HEAD
        + """
@lifespan
async def second(a: A, events: Events) -> AsyncIterator[B]:
    said.append("second in")
    yield B()
    said.append("second out")

@lifespan
def first() -> Iterator[A]:
    said.append(threading.current_thread().name)
    yield A()
    said.append(threading.current_thread().name)
"""
    )
    values = run(registry)
    app = sys.modules["app"]
    assert app.said == ["stockade-lifespans", "second in", "second out", "stockade-lifespans"]
    assert isinstance(values[app.A], app.A)
    assert isinstance(values[app.B], app.B)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError('no disk')\n    yield", "raised ValueError: no disk"),
        ("raise SystemExit(3)\n    yield", "raised StartError: SystemExit: 3"),
        ("if False: yield", "ended without a yield"),
        ("next(iter(()))\n    yield", "raised RuntimeError: "),
        ("yield A()", "yielded a A, and says that it yields a B"),
    ],
)
@pytest.mark.parametrize("define", ["def f() -> Iterator[B]", "async def f() -> AsyncIterator[B]"])
def test_lifespan_that_fails_at_its_entry_keeps_the_core_from_starting(
    application: Application, define: str, body: str, reason: str
) -> None:
    """The operator learns file, line and reason; what was entered before is left."""
    registry = application(
        app=HEAD
        + f"""
@lifespan
def before() -> Iterator[A]:
    yield A()
    said.append("left")

@lifespan
{define}:
    {body}
"""
    )
    with pytest.raises(StartError) as caught:
        run(registry)
    assert str(caught.value).startswith(f"app.py:14: lifespan f {reason}")
    assert sys.modules["app"].said == ["left"]


@pytest.mark.parametrize(
    ("body", "logged"),
    [
        ("raise ValueError('no disk')", "failed at its end"),
        ("raise SystemExit(3)", "failed at its end"),
        ("yield", "yielded twice"),
    ],
)
@pytest.mark.parametrize("define", ["def f() -> Iterator[None]", "async def f() -> AsyncIterator[None]"])
def test_lifespan_that_fails_at_its_end_is_logged_and_the_others_are_left(
    application: Application, caplog: pytest.LogCaptureFixture, define: str, body: str, logged: str
) -> None:
    """One failure at the end takes nothing from the others."""
    registry = application(
        app=HEAD
        + f"""
@lifespan
def before() -> Iterator[None]:
    yield
    said.append("left")

@lifespan
{define}:
    yield
    {body}
"""
    )
    run(registry)
    assert sys.modules["app"].said == ["left"]
    (record,) = caplog.records
    assert record.getMessage().startswith(f"app.py:14: lifespan f {logged}")


@pytest.mark.parametrize(
    ("define", "hang"),
    [
        ("def f() -> Iterator[None]", "gate.wait(30)"),
        ("async def f() -> AsyncIterator[None]", "await asyncio.Event().wait()"),
        ("async def f() -> AsyncIterator[None]", "await asyncio.shield(asyncio.Event().wait())"),
    ],
)
def test_lifespan_that_hangs_at_its_end_is_given_up(
    application: Application, caplog: pytest.LogCaptureFixture, define: str, hang: str
) -> None:
    """The limit is for all together, and what did not end in time is logged."""
    registry = application(
        app=HEAD
        + f"""
gate = threading.Event()
@lifespan
{define}:
    yield
    {hang}
"""
    )
    run(registry, limit=0.05)
    sys.modules["app"].gate.set()
    assert [record.getMessage() for record in caplog.records] == ["app.py:10: lifespan f did not end in time"]
