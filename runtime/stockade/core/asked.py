"""The calls that the core makes to one worker, until their answers. Knows no rule: who is asked is decided before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from stockade.core.channels import Channels
from stockade.core.commands.context import Context
from stockade.core.commands.ports import Incoming, Outgoing
from stockade.core.outbox import Laden
from stockade.core.replies import Replies
from stockade.core.wire.codec import encode
from stockade.core.wire.conversation import Conversation
from stockade.core.wire.happenings import Answer, Offer, Side
from stockade.errors import CommandError

__all__ = ["Asked", "AskedCalls"]

#: Gets the answer of a call: a value of the wire and None, or None and the error.
Answered = Callable[[Any, CommandError | None], None]


@attrs.define(eq=False)
class Asked:
    """A call of the core's that its worker has not answered yet."""

    _calls: AskedCalls
    _id: int
    context: Context
    answered: Answered
    #: The core's ends of its channels, by argument.
    ports: Mapping[str, Incoming | Outgoing] = attrs.field(factory=dict)

    def cancel(self) -> None:
        """Tell the worker that nobody waits for it; its answer is still to come. A second time, nothing happens."""
        self._calls.cancel(self._id)


@attrs.define(eq=False)
class AskedCalls:
    """All that one worker has to answer. `post` sends an encoded message, `stop` cancels calls of the worker's own."""

    _conversation: Conversation
    _replies: Replies
    _channels: Channels
    _post: Callable[[bytes | Laden], None]
    _stop: Callable[[tuple[int, ...]], None]
    _asked: dict[int, Asked] = attrs.field(factory=dict)

    def ask(
        self,
        command: str,
        arguments: Mapping[str, Any],
        context: Context,
        answered: Answered,
        channels: Mapping[str, Side],
    ) -> Asked:
        """See `Gate.ask`."""
        cargo = self._replies.pack(command, arguments, len(channels))
        number = self._conversation.ask()
        offers = tuple(Offer(name, self._conversation.open_channel(number, to), to, 0) for name, to in channels.items())
        self._post(self._replies.question(number, cargo, _options(context, offers)))
        asked = self._asked[number] = Asked(self, number, context, answered)
        # As the core's ends see it: it sends on what the callee receives.
        ends = (offer._replace(to="caller" if offer.to == "callee" else "callee") for offer in offers)
        asked.ports = self._channels.open(ends)
        return asked

    def context(self, number: int) -> Context | None:
        """What the worker's calls with that parent are within."""
        asked = self._asked.get(number)
        return None if asked is None else asked.context

    def cancel(self, number: int) -> None:
        """Cancel one, and what the worker calls within it."""
        nested = self._conversation.cancel_asked(number)
        if nested is not None:
            self._post(encode(["cancel", number]))
            self._stop(nested)

    def on_answer(self, answer: Answer) -> None:
        """The worker has answered: its channels end with an error, and what it called within it is over."""
        asked = self._asked.pop(answer.id, None)
        if answer.error is not None:
            self._channels.close(answer.ended, answer.error)
        self._stop(answer.nested)
        if asked is not None:
            asked.answered(answer.value, answer.error)

    def close(self) -> None:
        """Nothing will be answered any more, and nobody is told."""
        self._asked.clear()


def _options(context: Context, offers: tuple[Offer, ...]) -> dict[str, Any]:
    left = context.left()
    options: dict[str, Any] = {"caller": context.worker}
    options["deadline"] = None if left is None else int(left * 1000)
    if context.trace is not None:
        options["trace"] = context.trace
    if offers:
        options["channels"] = {offer.argument: {"id": offer.id, "to": offer.to} for offer in offers}
    return options
