"""Something asked, until it is answered. Knows neither what it asks nor who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stockade_frontend.asking import Asking
    from stockade_frontend.errors import FrontendError

__all__ = ["Pending"]

_NONE: dict[str, Any] = {}


class Pending:
    """Something asked that will be answered: once `done`, `result()` gives the value or raises the error.

    `waiter` is for whoever waits: nothing here looks at it. `key` is its number, or topic; 0 while a call is not sent.
    Of a call it also holds what it takes to make it again.
    """

    __slots__ = ("arguments", "asking", "command", "done", "error", "key", "value", "waiter")

    def __init__(self, key: Any, command: str = "", arguments: dict[str, Any] = _NONE) -> None:
        self.key = key
        self.command = command
        self.arguments = arguments
        self.asking: Asking | None = None
        self.done = False
        self.value: Any = None
        self.error: FrontendError | None = None
        self.waiter: Any = None

    def answer(self, value: Any = None, error: FrontendError | None = None) -> Pending:
        """This is the answer. Returns itself."""
        self.done, self.value, self.error = True, value, error
        return self

    def result(self) -> Any:
        """The value of the answer. Raises the answer's CommandError, or what kept the call from being sent."""
        if self.error is not None:
            raise self.error
        return self.value if self.asking is None else self.asking.seen(self.value)
