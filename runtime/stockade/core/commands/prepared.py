"""Commands and listeners made ready to run: all that is known before a call. Knows no call that runs, and no thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from stockade.core.commands.caller import Caller
from stockade.core.commands.context import CURRENT
from stockade.core.commands.middleware import Middleware
from stockade.core.commands.registry import Command, Kind, Listener
from stockade.core.commands.signatures import ChannelParameter, Injection
from stockade.core.commands.streams import feeding, feeding_blocking, opened
from stockade.core.events.event import Event
from stockade.core.policy.quota import Places
from stockade.core.types.encoding import encode_payload
from stockade.core.types.shapes import Shape
from stockade.core.types.values import Within, misfits
from stockade.errors import CommandError, StartError

if TYPE_CHECKING:
    from stockade.observe.spans import Spans

__all__ = ["Prepared", "constants_of", "prepared_command", "prepared_listener", "spanned", "unbound"]

#: What comes with each call or delivery; all else that a function asks for is the same for every one.
_GIVEN = (Caller, Event)


@attrs.frozen
class Prepared:
    """A command or listener with all that is known before a call."""

    name: str
    kind: Kind
    function: Callable[..., Any]
    bind: Callable[[Mapping[str, Any]], dict[str, Any]]
    encode: Callable[[Any], Any]
    refuse: Callable[[BaseException, str, str], CommandError]
    constants: Mapping[str, Any]
    given: tuple[str, ...]  # parameters that get the Caller of each call, or the Event of each delivery
    deadline: float | None = None  # seconds for a call that states none
    places: Places | None = None  # of its max_concurrency
    channels: tuple[ChannelParameter, ...] = ()
    takes: tuple[ChannelParameter, ...] = ()  # the same, also where a middleware stands before it

    def keywords(self, given: Caller | Event, arguments: Mapping[str, Any]) -> dict[str, Any]:
        keywords = self.bind(arguments)
        for name in self.given:
            keywords[name] = given
        if self.constants:
            keywords.update(self.constants)
        if self.channels:
            keywords.update(opened(self.channels, CURRENT.get()))
        return keywords

    def subject(self, given: Caller | Event) -> tuple[str, str]:
        """What has failed, in words, and whose it was."""
        if isinstance(given, Caller):
            return f"command {self.name}, called by {given.worker}@{given.generation},", given.worker
        return f"listener {self.name}, given {given.name} of {given.source},", given.source


#: The answer to what a function has raised: the error, what it was, whose it was.
Refuse = Callable[[BaseException, str, str], CommandError]


def prepared_command(
    command: Command, injected: Mapping[type, Any], refuse: Refuse, deadline: float | None, places: Places | None
) -> Prepared:
    """A command, ready; StartError where `injected` has not what it asks for."""
    function = command.function
    if command.yields:
        function = (feeding if command.kind is Kind.COROUTINE else feeding_blocking)(function)
    constants, given = constants_of(command, _GIVEN, injected), _given(command)
    channels = command.channels
    return Prepared(
        command.name,
        command.kind,
        function,
        command.binder.bind,
        encode_payload,
        refuse,
        constants,
        given,
        deadline,
        places,
        channels,
        channels,
    )


def prepared_listener(listener: Listener, injected: Mapping[type, Any], refuse: Refuse) -> Prepared:
    """A listener, ready; StartError where `injected` has not what it asks for. What it returns concerns nobody."""
    function = _typed(listener.function, listener.payloads) if listener.payloads else listener.function
    constants, given = constants_of(listener, _GIVEN, injected), _given(listener)
    return Prepared(listener.function.__name__, listener.kind, function, dict, _nothing, refuse, constants, given)


def _given(what: Command | Listener) -> tuple[str, ...]:
    return tuple(each.name for each in what.injections if each.kind in _GIVEN)


def _nothing(_value: Any) -> None:
    return None


def _typed(function: Callable[..., Any], payloads: Mapping[str, Shape]) -> Callable[..., Any]:
    """The function that calls `function`, a listener, with events whose payloads have these shapes, by parameter.

    It raises ValueError, with what does not fit, where a payload has another: its emitter's fault, and not answered.
    """

    def run(**keywords: Any) -> Any:
        for name, shape in payloads.items():
            event = keywords[name]
            try:
                keywords[name] = attrs.evolve(event, payload=shape.structure(event.payload))
            except Exception as error:
                wrong = next(misfits(Within("payload", error)))
                raise ValueError(f"an event {event.name} of {event.source}: {wrong}") from error
        return function(**keywords)

    return run


def constants_of(
    what: Command | Listener | Middleware, given: tuple[type, ...], injected: Mapping[type, Any]
) -> dict[str, Any]:
    """What a function gets injected with every time, without what is `given`; StartError where something is missing."""
    constants = {}
    for each in what.injections:
        if each.kind not in given:
            constants[each.name] = _value(each, what, injected)
    return constants


def _value(injection: Injection, what: Command | Listener | Middleware, injected: Mapping[type, Any]) -> Any:
    if injection.kind not in injected:
        raise StartError(f"{what.file}:{what.line}: there is no {injection.kind.__name__} to inject")
    return injected[injection.kind]


def spanned(ready: Prepared, spans: Spans | None) -> Prepared:
    """What runs in place of a function where spans are made: one around its binding, run and encoding."""
    if spans is None:
        return ready

    def run(given: Caller | Event, arguments: Mapping[str, Any]) -> Any:
        with _span(spans, given):
            return ready.encode(ready.function(**ready.keywords(given, arguments)))

    async def run_async(given: Caller | Event, arguments: Mapping[str, Any]) -> Any:
        with _span(spans, given):
            return ready.encode(await ready.function(**ready.keywords(given, arguments)))

    function = run_async if ready.kind is Kind.COROUTINE else run
    return attrs.evolve(
        ready, function=function, bind=unbound, encode=_as_it_is, constants={}, given=("given",), channels=()
    )


def unbound(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that are bound later, behind a middleware or within a span."""
    return {"arguments": arguments}


def _as_it_is(value: Any) -> Any:
    """A value that was encoded before."""
    return value


def _span(spans: Spans, given: Caller | Event) -> contextlib.AbstractContextManager[None]:
    if isinstance(given, Event):
        return spans.delivery(given.name, {"stockade.source": given.source})
    whose = {"stockade.worker": given.worker, "stockade.generation": given.generation}
    return spans.command(given.command, whose)
