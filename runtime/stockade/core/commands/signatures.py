"""What a function asks for: which parameters a caller fills, and which the core injects.

Knows no decorator: it reads a signature and its hints, and reports every fault of them.
"""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable
from functools import partial
from typing import Any, get_args, get_origin

import attrs

from stockade.core.commands.binding import Parameter, bind_item
from stockade.core.commands.channels import Channel, ReceiveChannel, SendChannel
from stockade.core.commands.importing import shown_file
from stockade.core.commands.ports import Incoming, Outgoing
from stockade.core.events.event import Event
from stockade.core.types.hints import Hints
from stockade.core.types.shapes import ANY, HintError, Shape, hint_text
from stockade.errors import Fault

__all__ = [
    "GENERATORS",
    "YIELD",
    "ChannelParameter",
    "Faults",
    "Injection",
    "Signature",
    "answer_of",
    "place",
    "read",
]

#: The channel of what a command yields; no parameter can have that name.
YIELD = "yield"
#: What a function that yields is annotated to return.
GENERATORS = (
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.Generator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
    collections.abc.AsyncGenerator,
)

_NOT_BY_NAME = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of arguments",
    inspect.Parameter.VAR_KEYWORD: "takes arguments of any name",
}


@attrs.frozen
class Injection:
    """A parameter that the core fills with its value of this class; `payload` is what an Event is hinted to have."""

    name: str
    kind: type
    payload: Shape | None = None


@attrs.frozen
class ChannelParameter:
    """A parameter that gets a channel which the caller opens; `kind` is one of the three classes of `channels`."""

    name: str
    kind: type
    item: Shape
    required: bool = True

    def accepts(self, end: Incoming | Outgoing) -> bool:
        """Whether its command means this direction."""
        return self.kind is Channel or (self.kind is SendChannel) is end.sends

    def open(self, end: Incoming | Outgoing) -> Any:
        """The channel on this end."""
        if self.kind is Channel:
            return Channel(self._sender(end), None) if end.sends else Channel(None, self._receiver(end))
        return self._sender(end) if end.sends else self._receiver(end)

    def _sender(self, end: Any) -> SendChannel[Any]:
        return SendChannel(end)

    def _receiver(self, end: Any) -> ReceiveChannel[Any]:
        return ReceiveChannel(end, partial(bind_item, self.name, self.item))


@attrs.frozen
class Signature:
    """A function's parameters, sorted by who fills them, and its resolved return hint (Any where it has none)."""

    parameters: tuple[Parameter, ...]
    injections: tuple[Injection, ...]
    channels: tuple[ChannelParameter, ...]
    returns: Any


@attrs.define
class Faults:
    """Collects faults, each at the function or class that it is about."""

    found: list[Fault] = attrs.field(factory=list)

    def add(self, where: Any, wrong: str, instead: str) -> None:
        """Remember what is wrong with the function or class `where`."""
        self.found.append(Fault(*place(where), wrong, instead))


def place(where: Any) -> tuple[str, int]:
    """File and line of a function or class, from its first decorator on."""
    where = inspect.unwrap(where) if callable(where) else where
    try:
        code = getattr(where, "__code__", None)
        line = code.co_firstlineno if code else inspect.getsourcelines(where)[1]
        return shown_file(inspect.getfile(where)), line
    except (OSError, TypeError):  # made without a source file
        return str(getattr(where, "__module__", "")), 0


def read(function: Callable[..., Any], injectable: frozenset[type], hints: Hints | None, faults: Faults) -> Signature:
    """The signature of `function`; what is wrong with it goes into `faults`, and is left out.

    Parameters hinted by a class of `injectable` are injected. The others are the caller's and compiled by `hints`, or
    where that is None nobody's, and a fault.
    """
    resolved = _resolved(function, faults)
    parameters: list[Parameter] = []
    injections: list[Injection] = []
    channels: list[ChannelParameter] = []
    for each in inspect.signature(function).parameters.values() if resolved is not None else ():
        filled = _filled(function, each, (resolved or {}).get(each.name, each.empty), injectable, hints, faults)
        if isinstance(filled, Injection):
            injections.append(filled)
        elif isinstance(filled, ChannelParameter):
            channels.append(filled)
        elif filled is not None:
            parameters.append(filled)
    return Signature(tuple(parameters), tuple(injections), tuple(channels), (resolved or {}).get("return", Any))


def answer_of(function: Callable[..., Any], returns: Any, answers: Hints, faults: Faults) -> Shape:
    """The shape of what `function` answers by; a fault where it can never be an answer."""
    try:
        return answers.shape(returns)
    except HintError as error:
        faults.add(function, f"what {function.__name__} returns: {error.wrong}", error.instead)
    return ANY


def _resolved(function: Callable[..., Any], faults: Faults) -> dict[str, Any] | None:
    try:
        return typing.get_type_hints(inspect.unwrap(function), include_extras=True)
    except Exception as error:  # noqa: BLE001 (hints are the user's expressions, they may raise anything)
        wrong = f"the type hints of {function.__name__} cannot be resolved: {error}"
        faults.add(function, wrong, "import what they name at the head of the module, outside of TYPE_CHECKING")
        return None


def _filled(
    function: Callable[..., Any],
    parameter: inspect.Parameter,
    hint: Any,
    injectable: frozenset[type],
    hints: Hints | None,
    faults: Faults,
) -> Parameter | Injection | ChannelParameter | None:
    subject = f"parameter {parameter.name} of {function.__name__}"
    if parameter.kind in _NOT_BY_NAME:
        faults.add(function, f"{subject} {_NOT_BY_NAME[parameter.kind]}", "arguments come by name: give each its own")
    elif hint is parameter.empty:
        faults.add(function, f"{subject} has no type hint", "write one of docs/types.md")
    elif isinstance(hint, type) and hint in injectable:
        return Injection(parameter.name, hint)
    elif get_origin(hint) is Event and Event in injectable:
        return _event(function, parameter.name, hint, faults)
    elif hints is None:
        given = ", ".join(sorted(kind.__name__ for kind in injectable))
        faults.add(function, f"{subject}: nothing injects {hint_text(hint)}", f"take one of {given}")
    else:
        try:
            kind, arguments = _channel(hint)
            if kind is not None:
                item = _item(hints, kind, arguments)
                return ChannelParameter(parameter.name, kind, item, parameter.default is parameter.empty)
            return Parameter(parameter.name, hint, hints.shape(hint), parameter.default is parameter.empty)
        except HintError as error:
            faults.add(function, f"{subject}: {error.wrong}", error.instead)
    return None


def _event(function: Callable[..., Any], name: str, hint: Any, faults: Faults) -> Injection:
    """A parameter hinted ``Event[T]``."""
    try:
        return Injection(name, Event, Hints().shape(get_args(hint)[0]))
    except HintError as error:
        faults.add(function, f"the payload of {name}, a parameter of {function.__name__}: {error.wrong}", error.instead)
    return Injection(name, Event)


_CHANNELS = (Channel, SendChannel, ReceiveChannel)


def _channel(hint: Any) -> tuple[type | None, tuple[Any, ...]]:
    """Which channel a hint means, None where it is none, and the hint of its items; it may be ``... | None``."""
    if get_origin(hint) in (typing.Union, types.UnionType):
        others = [each for each in get_args(hint) if each is not types.NoneType]
        hint = others[0] if len(others) == 1 else None
    kind = get_origin(hint) or hint
    return (kind, get_args(hint)) if kind in _CHANNELS else (None, ())


def _item(hints: Hints, kind: type, arguments: tuple[Any, ...]) -> Shape:
    if kind is SendChannel:
        hints = Hints(hints.injected, answers=True)  # what is sent is encoded by what it is
    return hints.shape(arguments[0]) if arguments else ANY
