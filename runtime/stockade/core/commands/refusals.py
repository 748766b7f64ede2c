"""What a caller learns of an exception, and what the core's log keeps of it.

Knows no call: only an exception, and whose it is. A worker must not read the inside of the core from its errors, so
it gets a reference under which the log has the traceback; only a CommandError is meant to be seen.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter
from collections.abc import Callable

import attrs

from stockade import limits
from stockade.core.types.encoding import encode
from stockade.errors import Code, CommandError
from stockade.names import is_command

__all__ = ["Failures"]

_CODES = frozenset(Code)


@attrs.define
class _Second:
    """What was logged of one owner's failures since `began`."""

    began: float = float("-inf")
    logged: int = 0


@attrs.define(eq=False)
class Failures:
    """Answers exceptions, and logs `limits.LOGGED_REFUSALS` of each owner's a second; the rest is counted.

    A traceback costs the core more than most calls: a worker whose calls all fail would fill the log and the loop.
    Every method is for any thread. `clock` gives seconds that never go back; `later` has `flush` called about a second
    from now.
    """

    _log: logging.Logger
    _clock: Callable[[], float]
    _later: Callable[[], None]
    _seconds: dict[str, _Second] = attrs.field(factory=dict, init=False)
    _silent: Counter[str] = attrs.field(factory=Counter, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def refusal(self, error: BaseException, what: str, owner: str) -> CommandError:
        """The CommandError to answer with, its data in values of the wire.

        `what` is the subject of the log's line, `owner` the label of the worker whose call it was.
        """
        if isinstance(error, CommandError):
            try:
                return _as_it_is(error)
            except Exception as fault:  # noqa: BLE001 (what the application put into it: anything may raise here)
                error = fault
        return self.logged(error, what, owner)

    def logged(self, error: BaseException, what: str, owner: str) -> CommandError:
        """`failed`, with the reference under which the log has the traceback, or the news that it has a count alone."""
        return self._logged(Code.FAILED, "the command failed", error, what, owner)

    def internal(self, error: BaseException, what: str, owner: str) -> CommandError:
        """`internal`, as `logged`: the fault is the core's own, and the call shall not wait for ever."""
        return self._logged(Code.INTERNAL, "the core has a fault of its own here", error, what, owner)

    def _logged(self, code: Code, said: str, error: BaseException, what: str, owner: str) -> CommandError:
        reference = secrets.token_hex(4)
        if self._may_log(owner):
            event = "command_failed" if code is Code.FAILED else "core_fault"
            extra = {"event": event, "fields": {"reference": reference}}
            self._log.error("%s failed (reference %s)", what, reference, exc_info=error, extra=extra)
            message = f"{said}; the core's log has the reason as {reference}"
        else:
            message = f"{said}; too many did, so that the core's log has no {reference} but only their number"
        return CommandError(code, message, {"reference": reference})

    def flush(self) -> None:
        """Log how many failures were not logged one by one."""
        with self._lock:
            silent, self._silent = self._silent, Counter()
        for owner, count in silent.items():
            extra = {"event": "command_failed_more", "fields": {"worker": owner, "count": count}}
            self._log.error("%d more failed, called by %s or given its events", count, owner, extra=extra)

    def _may_log(self, owner: str) -> bool:
        with self._lock:
            second, now = self._seconds.setdefault(owner, _Second()), self._clock()
            if now - second.began >= 1.0:
                second.began, second.logged = now, 0
            second.logged += 1
            if second.logged <= limits.LOGGED_REFUSALS:
                return True
            first = not self._silent
            self._silent[owner] += 1
        if first:
            self._later()
        return False


def _as_it_is(error: CommandError) -> CommandError:
    code = str(error.code)
    if code not in _CODES and not ("." in code and is_command(code)):
        raise ValueError(f"{code!r} is no code of errors.Code, and an application's own has a dot") from error
    message = str(error.message).encode(errors="backslashreplace").decode()
    return CommandError(code, message, encode(error.data), reason=str(error.reason))
