"""A middleware that is ready to use: one log line for each call, with its answer and how long that took."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from stockade.core.commands.marks import middleware
from stockade.core.commands.middleware import Call, Proceed
from stockade.errors import CommandError

__all__ = ["log_calls"]

_log = logging.getLogger("stockade.audit")


def log_calls(pattern: str = "**", *, arguments: bool = False) -> Callable[[Call, Proceed], Awaitable[Any]]:
    """A middleware that logs each call of the commands that match, at level info, when it is answered.

    Give it a global name in a module that `[app] commands` lists: ``calls_logged = log_calls("notes.**")``. Its records
    have the event `call_answered` and the fields `worker`, `command`, `code` (``"result"``, or the error's) and
    `milliseconds`; `arguments` too where that is asked for: they are the caller's own words, cut at 200 characters.
    """

    async def logged(call: Call, proceed: Proceed) -> Any:
        begin, code = monotonic(), "result"
        try:
            return await proceed()
        except CommandError as error:
            code = error.code
            raise
        except asyncio.CancelledError:
            code = "deadline_exceeded" if call.deadline == 0.0 else "cancelled"
            raise
        finally:
            _write(call, code, monotonic() - begin, arguments)

    return middleware(pattern)(logged)


def _write(call: Call, code: str, seconds: float, arguments: bool) -> None:
    who = f"{call.caller.worker}@{call.caller.generation}"
    fields: dict[str, Any] = {"worker": who, "command": call.command, "code": code}
    fields["milliseconds"] = round(seconds * 1000, 3)
    if arguments:
        fields["arguments"] = f"{dict(call.arguments)!r:.200}"
    extra = {"event": "call_answered", "fields": fields}
    _log.info("%s called %s: %s", who, call.command, code, extra=extra)
