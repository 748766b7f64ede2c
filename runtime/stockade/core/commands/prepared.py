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
from stockade.core.commands.streams import opened
from stockade.core.events.event import Event
from stockade.core.policy.quota import Places
from stockade.errors import CommandError, StartError

if TYPE_CHECKING:
    from stockade.observe.spans import Spans

__all__ = ["GIVEN", "Prepared", "constants_of", "spanned", "unbound"]

#: What comes with each call or delivery; all else that a function asks for is the same for every one.
GIVEN = (Caller, Event)


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
