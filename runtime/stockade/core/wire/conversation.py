"""One worker's side of the conversation on its commands socket, as a table. Knows no socket, clock or policy.

Feed it what was received; it returns what happened, or raises `Breach`. docs/protocol.md, sections 5, 6 and 10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Any

import attrs

from stockade import limits
from stockade.core.wire import brief, shapes
from stockade.core.wire.calls import AskedCalls, Kept
from stockade.core.wire.channels import Channels
from stockade.core.wire.codec import WireError, decode
from stockade.core.wire.frames import frames_by_index
from stockade.core.wire.happenings import (
    Answer,
    Call,
    CallOptions,
    Cancel,
    Credit,
    Drop,
    End,
    Happening,
    Hello,
    Item,
    Leaving,
    Message,
    Raw,
    Ready,
    Remains,
    Reply,
    Side,
)
from stockade.core.wire.options import read_options
from stockade.core.wire.shapes import error_message, fault_of_call, integer, number_of, value_of
from stockade.errors import Breach, BreachCode, Code

__all__ = ["TABLE", "Conversation", "State", "Statistics"]


class State(Enum):
    """How far the conversation is."""

    BORN = auto()
    GREETED = auto()
    READY = auto()
    LEFT = auto()


@attrs.frozen
class Statistics:
    """What a conversation has seen so far. Calls are the worker's, `asked` those that the core has made to it."""

    state: str
    calls: int
    answered: int
    in_flight: int
    ignored: int
    cancels: int
    asked: int
    asked_in_flight: int
    channels: int


@attrs.define
class Conversation:
    """One generation of one worker. `calls_limit` bounds its calls in flight, `channels.limit` the channels it opens.

    All ids, credits and parents are kept here; who acts on what happens keeps nothing of them. What the core says of
    itself is noted by the methods below and on `channels` just before it is sent.
    """

    calls_limit: int = limits.CALLS
    state: State = State.BORN
    channels: Channels = attrs.field(factory=Channels)
    _may_come: dict[str, Step] = attrs.field(init=False, repr=False)  # of TABLE, in this state
    _frames: dict[int, Raw] = attrs.field(factory=dict, repr=False)  # of the batch that is being taken
    _in_flight: set[int] = attrs.field(factory=set)
    _kept: dict[int, Kept] = attrs.field(factory=dict)  # of those in flight, for the few that need it
    _last_call: int = -1
    _answered: int = 0
    _calls: int = 0
    _cancels: int = 0
    _ignored: int = 0
    _asked: AskedCalls = attrs.field(factory=AskedCalls)

    def __attrs_post_init__(self) -> None:
        self._may_come = TABLE[self.state]

    # -- what the worker says -----------------------------------------------------------------------------------------

    def open(self, frame: bytes, frames: Sequence[Raw] = ()) -> list[Message]:
        """The messages of a frame, each to be given to `take` in order, before the next `open`.

        `frames` are the raw ones behind it, which the messages refer to. Raises Breach for a frame that is no batch,
        and for raw frames that are not each referred to once.
        """
        try:
            batch = brief.read(frame) or decode(frame)
        except WireError as error:
            raise Breach(BreachCode.BAD_FRAME, str(error)) from error
        if type(batch) is not list or not 0 < len(batch) <= limits.BATCH:
            raise Breach(BreachCode.BAD_FRAME, f"not an array of 1 to {limits.BATCH} messages")
        if self.state is State.BORN and len(batch) > 1:
            raise Breach(BreachCode.OUT_OF_TURN, "hello comes first, alone in its batch")
        if frames or self._frames:
            self._frames = frames_by_index(batch, frames)
        return batch

    def take(self, message: Any) -> Happening | None:
        """What one message makes happen, None if it is counted and ignored; raises Breach for one that may not be."""
        if type(message) is not list or not message or type(message[0]) is not str:
            raise Breach(BreachCode.BAD_MESSAGE, "not an array that begins with a verb")
        verb = message[0]
        step = self._may_come.get(verb)
        if step is None:
            raise _stranger(verb, self.state)
        read, after = step
        if after is not self.state:  # asked first: an enum's hash is a function in Python, 0.3 µs for each call
            self.state, self._may_come = after, TABLE[after]
        return read(self, message)

    def take_at_once(self, number: Any, arguments: Any) -> bool:
        """Whether a call without options, alone in its batch, may be answered at once: then it is noted as made and as
        answered. Where not, nothing has happened, and `take` says what it is.
        """
        if type(number) is not int or not self._last_call < number <= limits.LARGEST_ID or type(arguments) is not dict:
            return False
        if "call" not in self._may_come or len(self._in_flight) >= self.calls_limit:
            return False
        self._last_call = number
        self._calls += 1
        self._answered += 1
        return True

    # -- what the core answers ----------------------------------------------------------------------------------------

    def answer(self, number: int) -> bool:
        """Note that call `number` has its result; False if it needs no answer any more. Each id is answered once.

        Its channels stay open.
        """
        if number not in self._in_flight:
            return False
        self._in_flight.discard(number)
        self._answered += 1
        if self._kept:
            self._forget(number)
        return True

    def fail(self, number: int) -> tuple[int, ...] | None:
        """Note that call `number` has an error for its answer; None if it needs no answer any more.

        Returns the channels that end with it, with the same error: those of the call that were open. Neither end says
        anything more of them.
        """
        kept = self._kept.get(number) if self._kept else None
        if not self.answer(number):
            return None
        return self.channels.end_each(kept.channels) if kept is not None else ()

    @property
    def in_flight(self) -> int:
        """The worker's calls that still wait for their answer."""
        return len(self._in_flight)

    # -- what the core asks -------------------------------------------------------------------------------------------

    def ask(self) -> int:
        """The id of a new call of the core's. An `Answer` with it follows, or it stands in a `Remains`.

        Raises ValueError when the worker has not said hello, or has left: whether it is there is to be known before.
        """
        if self.state not in (State.GREETED, State.READY):
            raise ValueError(f"a worker that is {self.state.name.lower()} cannot be asked")
        return self._asked.make()

    def open_channel(self, number: int, to: Side, credit: int = 0) -> int:
        """The id of a new channel of the core's call `number`, before it is sent; `credit` counts only to the caller.

        Raises KeyError for a call that is not in flight.
        """
        asked = self._asked.get(number)
        channel = self.channels.open_own(to == "callee", credit if to == "caller" else 0)
        asked.channels.append(channel)
        return channel

    def cancel_asked(self, number: int) -> tuple[int, ...] | None:
        """Note that the core cancels its call `number`; None if there is nothing to say: answered, or cancelled before.

        Returns the worker's calls in flight that named it as their parent: cancel them, and answer `cancelled`. The
        call's own answer still comes.
        """
        asked = self._asked.cancel(number)
        return None if asked is None else tuple(sorted(asked.nested))

    @property
    def asked_in_flight(self) -> int:
        """The core's calls that the worker has not answered."""
        return len(self._asked)

    # -- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> Remains:
        """The worker says nothing more: it has left, has died, or is ended. What it leaves open has ended now.

        Its calls in flight may still be answered, which tells each that it needs no more than that.
        """
        return Remains(self._asked.end_all(), self.channels.end_all())

    def statistics(self) -> Statistics:
        """What has been seen so far."""
        return Statistics(
            state=self.state.name.lower(),
            calls=self._calls,
            answered=self._answered,
            in_flight=self.in_flight,
            ignored=self._ignored,
            cancels=self._cancels,
            asked=self._asked.last,
            asked_in_flight=len(self._asked),
            channels=self.channels.statistics().open,
        )

    # -- one reader for each verb -------------------------------------------------------------------------------------

    def _hello(self, message: Message) -> Happening:
        return Hello(shapes.stub_of(message))

    def _ready(self, message: Message) -> Happening:
        return Ready(shapes.exports_of(message) if len(message) > 1 else {})

    def _call(self, message: Message) -> Happening:
        number = integer(message[1]) if len(message) > 1 else None
        if number is None:
            raise Breach(BreachCode.BAD_MESSAGE, "a call without an id")
        if number <= self._last_call:
            raise Breach(BreachCode.ID_NOT_RISING, f"call {number} comes after call {self._last_call}")
        self._last_call = number
        self._calls += 1
        if len(message) > 4:
            return self._call_with_options(number, message)
        fault = fault_of_call(message)
        if fault is None and len(self._in_flight) < self.calls_limit:
            self._in_flight.add(number)
            return Call(number, message[2], message[3])
        return self._admit(number, message, fault, None)

    def _call_with_options(self, number: int, message: Message) -> Happening:
        """Ids first: those that a call names are used up, whatever it is answered."""
        options, raw, fault = read_options(message[4])
        if options is None and not raw:
            return self._admit(number, message, fault_of_call(message) or fault, None)
        frames = {argument: shapes.frame_of(index, self._frames) for argument, index in raw.items()}
        if options is not None:
            self.channels.use(options.channels)
            if options.parent is not None:
                self._asked.check(options.parent)
        fault = fault_of_call(message) or fault
        if fault is None and (frames or (options is not None and options.channels)):
            fault = shapes.fault_of_names(message[3], options, frames)
        if fault is None and frames:
            message[3].update(frames)
        return self._admit(number, message, fault, options)

    def _admit(self, number: int, message: Message, fault: str | None, options: CallOptions | None) -> Happening:
        if fault is not None:
            return Reply(error_message(number, Code.BAD_MESSAGE, fault))
        if len(self._in_flight) >= self.calls_limit:
            return Reply(error_message(number, Code.BUSY, f"{self.calls_limit} calls are in flight already"))
        if options is not None and (options.channels or options.parent is not None):
            error = self._tie(number, options)
            if error is not None:
                return Reply(error)
        self._in_flight.add(number)
        return Call(number, message[2], message[3], options)

    def _tie(self, number: int, options: CallOptions) -> Message | None:
        """Tie a call to its parent and open its channels; the error that it is answered with where it cannot be."""
        offers, parent = options.channels, None
        if options.parent is not None:
            parent = self._asked.living(options.parent)
            if parent is None:
                return error_message(number, Code.CANCELLED, f"call {options.parent}, which it is part of, has ended")
        if not self.channels.has_room(len(offers)):
            return error_message(number, Code.BUSY, f"{self.channels.limit} channels is the limit of those open")
        if parent is not None:
            parent.nested.add(number)
        self.channels.open_offered(offers)
        self._kept[number] = Kept(tuple(offer.id for offer in offers), options.parent)
        return None

    def _forget(self, number: int) -> None:
        kept = self._kept.pop(number, None)
        if kept is not None and kept.parent is not None:
            self._asked.untie(kept.parent, number)

    def _cancel(self, message: Message) -> Happening | None:
        number = number_of(message)
        if number > self._last_call:
            raise Breach(BreachCode.UNKNOWN_CALL, f"cancel of call {number}, which was never made")
        if number in self._in_flight:
            kept = self._kept.setdefault(number, Kept())
            if not kept.cancelled:
                kept.cancelled = True
                self._cancels += 1
                return Cancel(number)
        return self._ignore()

    def _result(self, message: Message) -> Happening:
        value = value_of(message, self._frames)
        number = number_of(message)
        return Answer(number, value, nested=tuple(sorted(self._asked.answer(number).nested)))

    def _error(self, message: Message) -> Happening:
        error = shapes.error_of(message)
        number = number_of(message)
        asked = self._asked.answer(number)
        return Answer(number, None, error, self.channels.end_each(asked.channels), tuple(sorted(asked.nested)))

    def _item(self, message: Message) -> Happening | None:
        value = value_of(message, self._frames)
        number = number_of(message)
        return Item(number, value) if self.channels.take_item(number) else self._ignore()

    def _end(self, message: Message) -> Happening | None:
        number = number_of(message)
        error = shapes.end_of(message)
        return End(number, error) if self.channels.take_end(number) else self._ignore()

    def _credit(self, message: Message) -> Happening | None:
        number = number_of(message)
        count = number_of(message, 2)
        if not count:
            raise Breach(BreachCode.BAD_MESSAGE, "a credit of none")
        return Credit(number, count) if self.channels.take_credit(number, count) else self._ignore()

    def _drop(self, message: Message) -> Happening | None:
        number = number_of(message)
        return Drop(number) if self.channels.take_drop(number) else self._ignore()

    def _ping(self, message: Message) -> Happening:
        return Reply(["pong", number_of(message)])

    def _pong(self, message: Message) -> Happening | None:
        number_of(message)
        return self._ignore()

    def _ignore(self) -> Happening | None:
        self._ignored += 1
        return None

    def _bye(self, message: Message) -> Happening:
        return Leaving(shapes.emitted_of(message), self.close())


Reader = Callable[[Conversation, Message], Happening | None]
Step = tuple[Reader, State]

_OPEN: dict[str, Reader] = {
    "call": Conversation._call,
    "cancel": Conversation._cancel,
    "result": Conversation._result,
    "error": Conversation._error,
    "item": Conversation._item,
    "end": Conversation._end,
    "credit": Conversation._credit,
    "drop": Conversation._drop,
    "ping": Conversation._ping,
    "pong": Conversation._pong,
}

#: All that may come, and what follows: a verb that is missing from its state is a breach.
TABLE: dict[State, dict[str, Step]] = {
    State.BORN: {"hello": (Conversation._hello, State.GREETED)},
    State.GREETED: {
        **{verb: (reader, State.GREETED) for verb, reader in _OPEN.items()},
        "ready": (Conversation._ready, State.READY),
        "bye": (Conversation._bye, State.LEFT),
    },
    State.READY: {
        **{verb: (reader, State.READY) for verb, reader in _OPEN.items()},
        "bye": (Conversation._bye, State.LEFT),
    },
    State.LEFT: {},
}

#: Verbs that exist but are not a worker's to say.
_CORES_OWN = frozenset({"welcome", "refused", "listening", "denied", "missed", "stop", "breach"})
_KNOWN = _CORES_OWN.union(*TABLE.values())


def _stranger(verb: str, state: State) -> Breach:
    if verb in _KNOWN:
        return Breach(BreachCode.OUT_OF_TURN, f"{verb} may not come from a worker that is {state.name.lower()}")
    return Breach(BreachCode.UNKNOWN_VERB, f"{verb[:60]!r} is no verb of version {limits.PROTOCOL}")
