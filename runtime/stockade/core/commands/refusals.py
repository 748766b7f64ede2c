"""What a caller learns of an exception, and what the core's log keeps of it.

Knows no call: only an exception, and who is told. A worker must not read the inside of the core from its errors, so
it gets a reference under which the log has the traceback; only a CommandError is meant to be seen.
"""

from __future__ import annotations

import logging
import secrets

from stockade.core.commands.encoding import encode
from stockade.errors import Code, CommandError
from stockade.names import is_command

__all__ = ["log_failure", "refusal"]

_CODES = frozenset(Code)


def refusal(error: BaseException, what: str, log: logging.Logger) -> CommandError:
    """The CommandError to answer with, its data in values of the wire; `what` is the subject of the log's line."""
    if isinstance(error, CommandError):
        try:
            return _as_it_is(error)
        except Exception as fault:  # noqa: BLE001 (what the application put into it: anything may raise here)
            error = fault
    reference = log_failure(error, what, log)
    message = f"the command failed; the core's log has the reason as {reference}"
    return CommandError(Code.FAILED, message, {"reference": reference})


def log_failure(error: BaseException, what: str, log: logging.Logger) -> str:
    """Write the traceback of `error` to the log; returns the reference it stands under, 8 hexadecimal digits."""
    reference = secrets.token_hex(4)
    log.error("%s failed (reference %s)", what, reference, exc_info=error, extra=_fields(reference))
    return reference


def _fields(reference: str) -> dict[str, object]:
    return {"event": "command_failed", "fields": {"reference": reference}}


def _as_it_is(error: CommandError) -> CommandError:
    code = str(error.code)
    if code not in _CODES and not ("." in code and is_command(code)):
        raise ValueError(f"{code!r} is no code of errors.Code, and an application's own has a dot") from error
    message = str(error.message).encode(errors="backslashreplace").decode()
    return CommandError(code, message, encode(error.data), reason=str(error.reason))
