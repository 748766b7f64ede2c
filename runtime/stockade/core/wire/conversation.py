"""One worker's side of the conversation on its commands socket, as a table. Knows no socket, clock or policy.

Feed it what was received; it returns what happened, or raises `Breach`. docs/protocol.md, sections 5, 6 and 10.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NamedTuple

import attrs

from stockade import limits
from stockade.core.wire.codec import WireError, decode
from stockade.errors import Breach, BreachCode, Code

__all__ = [
    "Call",
    "Conversation",
    "Happening",
    "Hello",
    "Leaving",
    "Ready",
    "Reply",
    "State",
    "Statistics",
    "error_message",
]

Message = list[Any]


class State(Enum):
    """How far the conversation is."""

    BORN = auto()
    GREETED = auto()
    READY = auto()
    LEFT = auto()


class Hello(NamedTuple):
    """The worker speaks a version that the core speaks; answer `welcome`."""

    stub: str


class Ready(NamedTuple):
    """The worker has set up what it needs."""


class Call(NamedTuple):
    """A call that is in order. A tuple, for there is one of these for each call (0.2 µs, an attrs class 0.7)."""

    id: int
    command: str
    arguments: dict[str, Any]


class Reply(NamedTuple):
    """The worker is to be answered so, and nothing else happens."""

    message: Message


class Leaving(NamedTuple):
    """The worker has said bye, after so many emits; answer when those are handled and its calls are answered."""

    emitted: int


Happening = Hello | Ready | Call | Reply | Leaving


@attrs.frozen
class Statistics:
    """What a conversation has seen so far."""

    state: str
    calls: int
    answered: int
    in_flight: int
    ignored: int


def error_message(number: int, code: str, message: str, data: Any = None) -> Message:
    """The message that ends call `number` with an error."""
    return ["error", number, _error(code, message, data)]


def _error(code: str, message: str, data: Any = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": str(code), "message": message}
    if data is not None:
        error["data"] = data
    return error


@attrs.define
class Conversation:
    """One generation of one worker. `calls_limit` bounds its calls in flight."""

    calls_limit: int = limits.CALLS
    state: State = State.BORN
    _may_come: dict[str, Step] = attrs.field(init=False, repr=False)  # of TABLE, in this state
    _in_flight: set[int] = attrs.field(factory=set)
    _last_call: int = -1
    _answered: int = 0
    _calls: int = 0
    _ignored: int = 0

    def __attrs_post_init__(self) -> None:
        self._may_come = TABLE[self.state]

    def open(self, frame: bytes) -> list[Message]:
        """The messages of a frame, each to be given to `take` in order; raises Breach for a frame that is no batch."""
        try:
            batch = decode(frame)
        except WireError as error:
            raise Breach(BreachCode.BAD_FRAME, str(error)) from error
        if type(batch) is not list or not 0 < len(batch) <= limits.BATCH:
            raise Breach(BreachCode.BAD_FRAME, f"not an array of 1 to {limits.BATCH} messages")
        if self.state is State.BORN and len(batch) > 1:
            raise Breach(BreachCode.OUT_OF_TURN, "hello comes first, alone in its batch")
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

    def answer(self, number: int) -> bool:
        """Note that call `number` has its answer; False if it needs none any more. Each id is answered once."""
        if number not in self._in_flight:
            return False
        self._in_flight.discard(number)
        self._answered += 1
        return True

    @property
    def in_flight(self) -> int:
        """Calls that still wait for their answer."""
        return len(self._in_flight)

    def statistics(self) -> Statistics:
        """What has been seen so far."""
        return Statistics(self.state.name.lower(), self._calls, self._answered, self.in_flight, self._ignored)

    # -- one reader for each verb -------------------------------------------------------------------------------------

    def _hello(self, message: Message) -> Happening:
        hello = message[1] if len(message) > 1 else None
        if type(hello) is not dict or type(stub := hello.get("stub")) is not str:
            raise Breach(BreachCode.BAD_MESSAGE, "hello carries no map with 'protocol' and 'stub'")
        version = _integer(hello.get("protocol"))
        if version is None:
            raise Breach(BreachCode.BAD_MESSAGE, "hello carries no protocol version")
        if version != limits.PROTOCOL:
            raise Breach(BreachCode.VERSION, f"the worker speaks version {version}, the core {limits.PROTOCOL}")
        return Hello(stub)

    def _ready(self, message: Message) -> Happening:
        return Ready()

    def _call(self, message: Message) -> Happening:
        number = _integer(message[1]) if len(message) > 1 else None
        if number is None:
            raise Breach(BreachCode.BAD_MESSAGE, "a call without an id")
        if number <= self._last_call:
            raise Breach(BreachCode.ID_NOT_RISING, f"call {number} comes after call {self._last_call}")
        self._last_call = number
        self._calls += 1
        fault = _fault_of_call(message)
        if fault:
            return Reply(error_message(number, Code.BAD_MESSAGE, fault))
        if len(self._in_flight) >= self.calls_limit:
            return Reply(error_message(number, Code.BUSY, f"{self.calls_limit} calls are in flight already"))
        self._in_flight.add(number)
        return Call(number, message[2], message[3])

    def _answer(self, message: Message) -> Happening:
        if len(message) < 3 or _integer(message[1]) is None:
            raise Breach(BreachCode.BAD_MESSAGE, f"a {message[0]} without id and value")
        raise Breach(BreachCode.UNKNOWN_ANSWER, "that call was never made")

    def _ping(self, message: Message) -> Happening:
        return Reply(["pong", _number_of(message)])

    def _pong(self, message: Message) -> Happening | None:
        _number_of(message)
        self._ignored += 1
        return None

    def _bye(self, message: Message) -> Happening:
        bye = message[1] if len(message) > 1 else None
        emitted = _integer(bye.get("emitted")) if type(bye) is dict else None
        if emitted is None:
            raise Breach(BreachCode.BAD_MESSAGE, "bye carries no count of emits")
        return Leaving(emitted)


Reader = Callable[[Conversation, Message], Happening | None]
Step = tuple[Reader, State]

_OPEN: dict[str, Reader] = {
    "call": Conversation._call,
    "ping": Conversation._ping,
    "pong": Conversation._pong,
    "result": Conversation._answer,
    "error": Conversation._answer,
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


def _fault_of_call(message: Message) -> str | None:
    if len(message) < 4:
        return 'a call is ["call", id, command, {arguments}]'
    if type(message[2]) is not str or not 0 < len(message[2]) <= limits.NAME:
        return f"the command is no text of 1 to {limits.NAME} characters"
    if type(message[3]) is not dict:
        return "the arguments are no map"
    if len(message) > 4:
        if type(message[4]) is not dict:
            return "the options are no map"
        for option in message[4]:
            if option.startswith("!"):
                return f"the option {option[:60]!r} is not known here, and the call insists on it"
    return None


def _integer(value: Any) -> int | None:
    """The protocol's integer that `value` is, also where an encoder wrote it as a float; None if it is none."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= limits.LARGEST_ID else None


def _number_of(message: Message) -> int:
    number = _integer(message[1]) if len(message) > 1 else None
    if number is None:
        raise Breach(BreachCode.BAD_MESSAGE, f"a {message[0]} without its number")
    return number
