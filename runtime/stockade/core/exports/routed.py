"""One call on its way to the replica that answers it, and what a replica is to who sends it there.

Knows no pool's rules: when it is given to whom, the router is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol, cast

import attrs

from stockade.core.commands.context import Context
from stockade.core.commands.ports import Incoming, Outgoing
from stockade.core.exports.bridge import join
from stockade.core.exports.job import Job
from stockade.core.exports.pool import Pool
from stockade.core.wire.happenings import Offer, Side
from stockade.errors import Cancelled, CommandError

__all__ = ["Answer", "Asked", "Replica", "Routed"]

#: Gets the answer of a call: a value of the wire and None, or None and the error.
Answer = Callable[[Any, CommandError | None], None]
#: Under which name the stream of what a command yields stands among its channels.
STREAM = "yield"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
#: The core's end of a channel.
Port = Incoming | Outgoing


class Asked(Protocol):
    """A call of the core's that its replica may not have answered yet."""

    #: The core's ends of its channels, by argument.
    ports: Mapping[str, Port]

    def cancel(self) -> None:
        """Tell the replica that nobody waits for it; its answer is still to come."""


class Replica(Protocol):
    """A worker's generation, as the router sees it: its gate."""

    label: str

    def ask(
        self,
        command: str,
        arguments: Mapping[str, Any],
        context: Context,
        answered: Answer,
        channels: Mapping[str, Side],
    ) -> Asked:
        """Send a call. `answered` is called once, and never before this returns; not at all if the replica is gone.

        What the replica calls while it handles it is within `context`. Raises CommandError where it cannot be sent.
        """


@attrs.define(eq=False)
class Routed:
    """A call to what a worker exports. Its `answer` is called once, on the loop's thread."""

    job: Job
    pool: Pool
    context: Context
    _arguments: Mapping[str, Any]
    _offers: Sequence[Offer]
    _answer: Answer | None
    _give_up: Callable[[Routed, CommandError], None]
    asked: Asked | None = None
    bucket: dict[Routed, float] | None = None
    forget: Callable[[], object] | None = None  # takes back that the cancelling of what it is part of cancels it
    _last: Callable[[], None] | None = None  # the answer, once its stream has been carried
    _streaming: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has been answered."""
        return self._answer is None

    def cancel(self) -> None:
        """Answer `cancelled` at once and have its replica stop; nothing happens where it is answered."""
        if not self.is_over:
            self._give_up(self, Cancelled())

    def ask(self, replica: Replica, answered: Answer) -> None:
        """Send it to this replica, and carry its channels on; raises CommandError where it cannot be sent."""
        sides: dict[str, Side] = {offer.argument: offer.to for offer in self._offers}
        asked = replica.ask(self.job.command, self._arguments, self.context, answered, sides)
        self.asked, self.context.taken = asked, True
        for offer in self._offers:
            self._join(offer, asked.ports[offer.argument])

    def _join(self, offer: Offer, callees: Port) -> None:
        callers = self.context.channels[offer.argument]
        self._streaming |= offer.argument == STREAM
        ended = self._streamed if offer.argument == STREAM else _nothing
        if offer.to == "callee":
            join(cast(Incoming, callers), cast(Outgoing, callees), ended)
        else:
            join(cast(Incoming, callees), cast(Outgoing, callers), ended)

    def _streamed(self) -> None:
        """All that it yields has been carried, or nobody wants more: its answer need not wait."""
        self._streaming = False
        if self._last is not None:
            self._last()

    def say_behind(self, value: Any, error: CommandError | None) -> None:
        """Answer it, once all that it yields has been carried."""
        if self._streaming:
            self._last = partial(self.say, value, error)
        else:
            self.say(value, error)

    def say(self, value: Any, error: CommandError | None) -> None:
        """Answer it; for the first time, else nothing happens."""
        answer, self._answer = self._answer, None
        self._arguments = _NOTHING  # a replica may never answer what was cancelled, and keeps the rest
        if self.bucket is not None:
            self.bucket.pop(self, None)
        if self.forget is not None:
            self.forget()
        if answer is not None:
            answer(value, error)


def _nothing() -> None:
    """Nobody waits for that channel to end."""
