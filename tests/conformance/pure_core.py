"""A core without sockets: the pure conversation, and the commands of the scene of docs/vectors.json.

It does at once what a core may do at once, and the rest when it is told that time passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
from protocol_vectors.reader import vectors

from stockade.core.wire.channels import Channels
from stockade.core.wire.conversation import Conversation
from stockade.core.wire.happenings import (
    Answer,
    Call,
    Cancel,
    Credit,
    Drop,
    End,
    Hello,
    Item,
    Leaving,
    Message,
    Ready,
    Remains,
    Reply,
)
from stockade.core.wire.shapes import error_message
from stockade.errors import Breach, BreachCode, CommandError

__all__ = ["GRANT", "PureCore"]

SCENE = vectors()["scene"]
#: What it grants to a sender.
GRANT = 8


@attrs.define
class _Stream:
    """What a command sends, and the call that ends with it, if one does."""

    values: Iterator[Any]
    call: int | None
    following: Any = None  # the next to be sent, if it is known


@attrs.define
class _Sum:
    """What a command receives, and the call that it ends."""

    call: int
    measure: Callable[[Any], int]
    sum: int = 0


def _conversation() -> Conversation:
    limits = SCENE["limits"]
    return Conversation(limits["calls"], channels=Channels(limits["channels"]))


@attrs.define
class PureCore:
    """What it says is in `said`, in order, but what it grants is in `granted`; the end of it all is in `breach`."""

    conversation: Conversation = attrs.field(factory=_conversation)
    said: list[Message] = attrs.field(factory=list)
    granted: dict[int, int] = attrs.field(factory=dict)
    breach: str | None = None
    _calls: dict[int, bool] = attrs.field(factory=dict)  # not answered yet, and whether it has a deadline
    _streams: dict[int, _Stream] = attrs.field(factory=dict)
    _sums: dict[int, _Sum] = attrs.field(factory=dict)
    _slow: list[int] = attrs.field(factory=list)
    _leaving: bool = False

    def hear(self, frame: bytes, *raw: bytes) -> None:
        """Take one message of the worker's, then send what may be sent."""
        try:
            for message in self.conversation.open(frame, raw):
                happening = self.conversation.take(message)
                if happening is not None:
                    _HANDLERS[type(happening)](self, happening)
            for channel in list(self._streams):
                self._send_on(channel)
        except Breach as breach:
            self.breach = str(breach.code)
            self._close(self.conversation.close())
            if self.breach == "version":
                self.said.append(["refused", {"code": "unavailable", "data": {"protocols": [1]}}])

    def wait(self) -> None:
        """Let so much time pass that deadlines are over, and a bye is answered."""
        if self.breach is not None:
            return
        for number in [number for number, limited in self._calls.items() if limited]:
            self._fail(number, "deadline_exceeded")
        while self._slow:
            number = self._slow.pop()
            if self.conversation.cancel_asked(number) is not None:
                self.said.append(["cancel", number])
        if self._leaving:
            self._leaving = False
            for number in list(self._calls):
                self._fail(number, "cancelled")
            self.said.append(["bye", {"emitted": 0}])

    # -- what a worker says -------------------------------------------------------------------------------------------

    def _hello(self, _: Hello) -> None:
        self.said.append(["welcome", {"protocol": 1, "worker": SCENE["worker"], "generation": 1}])

    def _ready(self, ready: Ready) -> None:
        for name in ready.exports:
            if not name.startswith("editor."):
                raise Breach(BreachCode.EXPORTS, name)
        for name, arguments in (("editor.ask", {"value": 1}), ("editor.slow", {})):
            if name in ready.exports:
                number = self.conversation.ask()
                self.said.append(["call", number, name, arguments, {"caller": "core"}])
                if name == "editor.slow":
                    self._slow.append(number)

    def _reply(self, reply: Reply) -> None:
        self.said.append(reply.message)

    def _call(self, call: Call) -> None:
        options = call.options
        self._calls[call.id] = options is not None and type(options.deadline) is int
        offers = {offer.argument: offer.id for offer in options.channels} if options is not None else {}
        refusal = _refusal(call.command, call.arguments.keys() | offers.keys())
        if refusal is not None:
            self._fail(call.id, refusal)
        elif call.command in _COMMANDS:
            self._answer(call.id, _COMMANDS[call.command](call.arguments))
        elif call.command == "hold":
            self._answer(call.id, None)
        elif call.command in _STREAMS:
            stream, outlives = _STREAMS[call.command]
            self._streams[next(iter(offers.values()))] = _Stream(stream(call.arguments), None if outlives else call.id)
            if outlives:
                self._answer(call.id, None)
        elif call.command in _SUMS:
            channel = next(iter(offers.values()))
            self._sums[channel] = _Sum(call.id, _SUMS[call.command])
            self.conversation.channels.note_credit(channel, GRANT)
            self.granted[channel] = GRANT

    def _cancel(self, cancel: Cancel) -> None:
        self._fail(cancel.id, "cancelled")

    def _answered(self, answer: Answer) -> None:
        for number in answer.nested:
            self._fail(number, "cancelled")

    def _item(self, item: Item) -> None:
        receiver = self._sums[item.channel]
        receiver.sum += receiver.measure(item.value)

    def _ended(self, end: End) -> None:
        receiver = self._sums.pop(end.channel)
        if end.error is None:
            self._answer(receiver.call, receiver.sum)
        else:
            self._fail(receiver.call, end.error.code)

    def _credit(self, credit: Credit) -> None:
        """What there is to send is sent when the batch has been taken."""

    def _drop(self, drop: Drop) -> None:
        stream = self._streams.pop(drop.channel)
        if stream.call is not None:
            self._answer(stream.call, None)

    def _bye(self, leaving: Leaving) -> None:
        self._leaving = True
        self._close(leaving.remains)

    # -- what it does -------------------------------------------------------------------------------------------------

    def _send_on(self, channel: int) -> None:
        stream, channels = self._streams[channel], self.conversation.channels
        while True:
            # An end needs no credit: whether there is one is looked at before there is credit for an item.
            if stream.following is None:
                try:
                    stream.following = next(stream.values, None)
                except CommandError as error:
                    self._end(channel, stream, error)
                    return
            if stream.following is None:
                self._end(channel, stream, None)
                return
            if not channels.sendable(channel):
                return
            channels.note_item(channel)
            self.said.append(["item", channel, stream.following])
            stream.following = None

    def _end(self, channel: int, stream: _Stream, error: CommandError | None) -> None:
        if stream.call is not None and error is not None:
            self._fail(stream.call, error.code)
            return
        del self._streams[channel]
        assert self.conversation.channels.end(channel)
        self.said.append(["end", channel])
        if stream.call is not None:
            self._answer(stream.call, None)

    def _answer(self, number: int, value: Any) -> None:
        assert self.conversation.answer(number)
        del self._calls[number]
        self.said.append(["result", number, value])

    def _fail(self, number: int, code: str) -> None:
        ended = self.conversation.fail(number)
        assert ended is not None
        del self._calls[number]
        self._close(Remains(channels=ended))
        self.said.append(error_message(number, code, ""))

    def _close(self, remains: Remains) -> None:
        for channel in remains.channels:
            self._streams.pop(channel, None)
            self._sums.pop(channel, None)


_HANDLERS: dict[type[Any], Callable[[PureCore, Any], None]] = {
    Hello: PureCore._hello,
    Ready: PureCore._ready,
    Reply: PureCore._reply,
    Call: PureCore._call,
    Cancel: PureCore._cancel,
    Answer: PureCore._answered,
    Item: PureCore._item,
    End: PureCore._ended,
    Credit: PureCore._credit,
    Drop: PureCore._drop,
    Leaving: PureCore._bye,
}


def _broken() -> Iterator[int]:
    yield 0
    raise CommandError("scene.broken", "as the scene wants it")


_COMMANDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "echo": lambda arguments: arguments.get("value"),
    "size": lambda arguments: len(arguments["data"]),
    "blob": lambda arguments: bytes(arguments["size"]),
}
#: What each sends, and whether it goes on when its call is answered.
_STREAMS: dict[str, tuple[Callable[[dict[str, Any]], Iterator[Any]], bool]] = {
    "count": (lambda arguments: iter(range(arguments["to"])), False),
    "broken": (lambda _: _broken(), False),
    "later": (lambda _: iter(range(3)), True),
}
_SUMS: dict[str, Callable[[Any], int]] = {"total": int, "weigh": len}
#: The arguments that a command takes, those without a default first, and how many these are.
_PARAMETERS: dict[str, tuple[tuple[str, ...], int]] = {
    "echo": (("value",), 0),
    "hang": ((), 0),
    "size": (("data",), 1),
    "blob": (("size",), 1),
    "count": (("to", "yield"), 2),
    "broken": (("yield",), 1),
    "later": (("numbers",), 1),
    "hold": (("numbers",), 1),
    "total": (("numbers",), 1),
    "weigh": (("parts",), 1),
}


def _refusal(command: str, given: set[str]) -> str | None:
    """The code that a call is refused with, or fails with; None if it runs."""
    if "." in command or command in SCENE["grants"]["commands"]["deny"]:
        return "not_allowed"
    if command not in _PARAMETERS:
        return {"ghost": "not_found", "fail": "failed"}[command]
    names, needed = _PARAMETERS[command]
    fits = set(names[:needed]) <= given <= set(names)
    return None if fits else "invalid_args"
