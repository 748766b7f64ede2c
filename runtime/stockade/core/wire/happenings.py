"""What a message of a worker makes happen: the values that `Conversation.take` returns. Knows no rule and no socket.

NamedTuples, for there is one for each message (0.2 µs, an attrs class 0.7).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, Final, Literal, NamedTuple

from stockade.errors import CommandError

__all__ = [
    "MISSING",
    "Answer",
    "Call",
    "CallOptions",
    "Cancel",
    "Credit",
    "Drop",
    "End",
    "Export",
    "Happening",
    "Hello",
    "Item",
    "Leaving",
    "Message",
    "Missing",
    "Offer",
    "Raw",
    "Ready",
    "Remains",
    "Reply",
    "Side",
]

Message = list[Any]
#: What a raw frame is given as, and handed on as: never copied here.
Raw = bytes | memoryview
#: Which end of a call receives on a channel.
Side = Literal["callee", "caller"]


class Missing(Enum):
    """The one value `MISSING`: an option that was not said, where null says something else."""

    MISSING = auto()


MISSING: Final = Missing.MISSING


class Hello(NamedTuple):
    """The worker speaks a version that the core speaks; answer `welcome`."""

    stub: str


class Export(NamedTuple):
    """A command that the worker answers itself: how many calls of it at a time, and whether one may run twice."""

    concurrency: int = 1
    idempotent: bool = False


class Ready(NamedTuple):
    """The worker has set up what it needs, and answers these commands from now on; whether it may is not looked at."""

    exports: dict[str, Export]


class Offer(NamedTuple):
    """A channel that a call opens, under the name of an argument; of a stream that a command yields, ``yield``.

    `credit` is how many items its sender may send at once: with `to` the callee it is 0, whatever was said.
    """

    argument: str
    id: int
    to: Side
    credit: int


class CallOptions(NamedTuple):
    """What a call asks beside its arguments."""

    #: Milliseconds left; None: no deadline at all, asked for on purpose; MISSING: the core's default.
    deadline: int | Missing | None = MISSING
    #: The call of the core's, in flight, that the worker is handling: this one ends with it, and within its time.
    parent: int | None = None
    channels: tuple[Offer, ...] = ()
    #: A well-formed traceparent of W3C Trace Context.
    trace: str | None = None
    #: It may be run again when the replica that runs it dies.
    idempotent: bool = False


class Call(NamedTuple):
    """A call that is in order. Answer it with `Conversation.answer` or `.fail`.

    Arguments that came as raw frames stand among the others, as they came. `options` is None for a call without any.
    """

    id: int
    command: str
    arguments: dict[str, Any]
    options: CallOptions | None = None


class Cancel(NamedTuple):
    """The worker wants call `id`, in flight, no more, and says so for the first time; it still awaits an answer."""

    id: int


class Answer(NamedTuple):
    """The worker's answer to call `id` of the core's: a value, or an error.

    `ended` are the channels that end with it, with the same error: those of the call that were open, if it is one.
    `nested` are the worker's calls in flight that named it as their parent: cancel them, and answer `cancelled`.
    """

    id: int
    value: Any
    error: CommandError | None = None
    ended: tuple[int, ...] = ()
    nested: tuple[int, ...] = ()


class Item(NamedTuple):
    """The worker has sent an item; it had the credit. A raw one is a `Raw`, as it came."""

    channel: int
    value: Any


class End(NamedTuple):
    """The worker, which sends on this channel, sends nothing more; with an error if it could not send all."""

    channel: int
    error: CommandError | None = None


class Credit(NamedTuple):
    """The core may send so many items more on this channel."""

    channel: int
    more: int


class Drop(NamedTuple):
    """The worker, which receives on this channel, wants nothing more."""

    channel: int


class Reply(NamedTuple):
    """The worker is to be answered so, and nothing else happens."""

    message: Message


class Remains(NamedTuple):
    """What a worker that says nothing more leaves open; all of it ends with `unavailable`.

    `asked` are the core's calls that it has not answered, `channels` those that neither end has ended.
    """

    asked: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()


class Leaving(NamedTuple):
    """The worker has said bye, after so many emits; answer when those are handled and its calls are answered.

    Its calls may still be answered; what `remains` gets nothing more, in either direction.
    """

    emitted: int
    remains: Remains = Remains()


Happening = Hello | Ready | Call | Cancel | Answer | Item | End | Credit | Drop | Reply | Leaving
