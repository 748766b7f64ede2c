"""The middleware that logs calls: one record for each, whatever its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stockade import Call, Caller
from stockade.audit import log_calls
from stockade.core.commands.context import Context
from stockade.core.commands.marks import MiddlewareMark, marks_of
from stockade.errors import CommandError


def called(proceed: Callable[[], Awaitable[Any]], deadline: float | None = None, **options: Any) -> Any:
    """What the middleware gives for a call."""

    async def main() -> Any:
        caller = Caller("editor", 3, "notes.read", None)  # type: ignore[arg-type]
        if deadline is not None:
            caller = caller.within(Context("editor", asyncio.get_running_loop().time() + deadline))
        return await log_calls(**options)(Call(caller, {"name": "x" * 500}), proceed)

    return asyncio.run(main())


async def result() -> str:
    return "text"


async def locked() -> str:
    raise CommandError("notes.locked")


async def cancelled() -> str:
    raise asyncio.CancelledError


OUTCOMES = [(locked, 9.0, "notes.locked"), (cancelled, 9.0, "cancelled"), (cancelled, -1.0, "deadline_exceeded")]


@pytest.mark.parametrize(("proceed", "deadline", "code"), OUTCOMES)
def test_what_is_raised_is_logged_and_passes(
    caplog: pytest.LogCaptureFixture, proceed: Callable[[], Awaitable[Any]], deadline: float, code: str
) -> None:
    """With the code that the caller gets."""
    caplog.set_level(logging.INFO, "stockade.audit")
    with pytest.raises((CommandError, asyncio.CancelledError)):
        called(proceed, deadline)
    assert vars(caplog.records[0])["fields"]["code"] == code


def test_a_result_is_logged_without_arguments_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    """They may be secrets; asked for they are cut."""
    caplog.set_level(logging.INFO, "stockade.audit")
    assert called(result) == called(result, arguments=True) == "text"
    silent, full = (vars(record) for record in caplog.records)
    assert silent["event"] == "call_answered"
    fields = silent["fields"]
    assert {**fields, "milliseconds": 0} == {
        "worker": "editor@3",
        "command": "notes.read",
        "code": "result",
        "milliseconds": 0,
    }
    assert 0 <= fields["milliseconds"] < 20_000
    assert len(full["fields"]["arguments"]) == 200


def test_it_is_a_middleware_of_its_pattern() -> None:
    """Which a listed module has by having it."""
    assert marks_of(log_calls("notes.**")) == (MiddlewareMark("notes.**"),)
