"""A call that runs, until it has its answer. Knows neither task nor thread: how to stop the work, it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from stockade.core.commands.context import Context
from stockade.core.policy.quota import Places
from stockade.errors import Code, CommandError

__all__ = ["STUCK", "Answer", "Running", "too_late"]

#: Gets the answer of a call: a value of the wire and None, or None and the error, its data in values of the wire.
Answer = Callable[[Any, CommandError | None], None]
#: Why a call that would wait for a thread is `busy`.
STUCK = "calls that were cancelled and have not ended hold every thread that you may have"


def too_late() -> CommandError:
    """The answer to a call that is over its deadline."""
    return CommandError(Code.DEADLINE_EXCEEDED, "the call was not answered within its deadline")


@attrs.define(eq=False)
class Running:
    """A call that is not answered yet. Its `answer` is called once, on the loop's thread.

    Its `context` is None where nobody waits for the answer but the dispatcher itself: a delivery.
    """

    _abandon: Callable[[Running, bool], None]  # told that nobody waits for it any more, and whether it will never run
    _answer: Answer | None
    places: Places | None  # it holds one of them until it ends
    context: Context | None = None
    watched: dict[Running, float] | None = None  # among those of about the same deadline
    #: Stops the work if that can be done; True where it will now never run, so that no end of it will come.
    stop: Callable[[], bool] = attrs.field(init=False)

    def cancel(self) -> None:
        """Answer `cancelled` at once and stop the work; nothing happens where the call is answered.

        A task is cancelled, a call that waits for a thread is taken back. A thread that runs cannot be stopped, and a
        task may refuse: such work is abandoned. Its result is dropped when it ends, and it holds its place till then.
        """
        self._give_up(CommandError(Code.CANCELLED, "the call was cancelled"))

    def overdue(self) -> None:
        """Answer `deadline_exceeded`, as `cancel` does it."""
        self._give_up(too_late())

    def stuck(self) -> None:
        """Answer `busy`: it waits for a thread, and all that it could get are held by what was abandoned."""
        self._abandon(self, True)
        self.say(None, CommandError(Code.BUSY, STUCK))

    def _give_up(self, error: CommandError) -> None:
        if self._answer is not None:
            self._abandon(self, self.stop())
            if self.context is not None:
                self.context.cancel()
            self.say(None, error)

    def say(self, value: Any, error: CommandError | None) -> None:
        """Answer, for the first time; later ones are for nobody."""
        if self.watched is not None:
            self.watched.pop(self, None)
            self.watched = None
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(value, error)
