"""Something asked, until it is answered. Knows neither what was asked nor who waits."""

from __future__ import annotations

from typing import Any

from stockade_frontend.errors import CommandError

__all__ = ["Pending"]


class Pending:
    """Something asked that will be answered: once `done`, `result()` gives the value or raises the error.

    `waiter` is for whoever waits: nothing here looks at it. An answer to what is `given_up` is counted and ignored.
    """

    __slots__ = ("done", "error", "given_up", "key", "value", "waiter")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.done = self.given_up = False
        self.value: Any = None
        self.error: CommandError | None = None
        self.waiter: Any = None

    def answer(self, value: Any = None, error: CommandError | None = None) -> Pending:
        """This is the answer. Returns itself."""
        self.done, self.value, self.error = True, value, error
        return self

    def result(self) -> Any:
        """The value of the answer. Raises the answer's CommandError."""
        if self.error is not None:
            raise self.error
        return self.value
