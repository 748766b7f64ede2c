"""What an application offers: its commands, listeners, lifespans and settings class, gathered from its modules.

Knows no worker and runs nothing but the modules' own top level. All that is wrong is in `Registry.faults`, not raised:
whoever starts a core refuses to with them, and `stockade check` shows them all at once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import ModuleType, NoneType
from typing import Any, get_args, get_origin

import attrs

from stockade.core.commands.binding import Binder, Parameter
from stockade.core.commands.caller import Caller
from stockade.core.commands.channels import Channel, ReceiveChannel, SendChannel
from stockade.core.commands.declarations import Declared, Exported, read_events, read_exported
from stockade.core.commands.importing import import_module
from stockade.core.commands.marks import (
    CommandMark,
    ExportedMark,
    LifespanMark,
    ListenerMark,
    Mark,
    MiddlewareMark,
    SettingsMark,
    command,
    exported,
    lifespan,
    listener,
    marks_of,
    middleware,
    settings,
)
from stockade.core.commands.middleware import Middleware, read_middleware
from stockade.core.commands.signatures import (
    GENERATORS,
    YIELD,
    ChannelParameter,
    Faults,
    Injection,
    answer_of,
    place,
    read,
)
from stockade.core.commands.workers import Workers
from stockade.core.events.declared import EventType
from stockade.core.events.event import Event, Events
from stockade.core.policy.patterns import Pattern
from stockade.core.types.fields import is_class_of_fields
from stockade.core.types.hints import Hints
from stockade.core.types.scalars import SCALARS
from stockade.core.types.shapes import ANY, HintError, Shape, hint_text
from stockade.errors import Fault
from stockade.names import EVENT, is_command

__all__ = [
    "Command",
    "Kind",
    "Lifespan",
    "Listener",
    "Registry",
    "collect",
    "command",
    "exported",
    "lifespan",
    "listener",
    "middleware",
    "settings",
]


class Kind(StrEnum):
    """Where a function runs."""

    INLINE = "inline"  # on the core's loop, which waits for it
    COROUTINE = "coroutine"  # on the core's loop, as a task
    THREAD = "thread"  # in a thread of the pool


@attrs.frozen
class Command:
    """A command: how it is called, what it takes, and where it is written (the line of its first decorator)."""

    name: str
    function: Callable[..., Any]
    kind: Kind
    binder: Binder
    injections: tuple[Injection, ...]
    doc: str
    file: str
    line: int
    max_concurrency: int | None = None
    channels: tuple[ChannelParameter, ...] = ()  # of what a generator yields too
    yields: bool = False
    answer: Shape = ANY  # of what it returns, or of each item that it yields

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What a caller gives."""
        return self.binder.parameters

    @property
    def takes_scope(self) -> bool:
        """Whether it can ask for the caller's scope; rules of a scope for one that cannot would have no effect."""
        return any(injection.kind is Caller for injection in self.injections)


@attrs.frozen
class Listener:
    """A function that gets the events whose names match `pattern`. `kind` is never inline."""

    pattern: Pattern
    function: Callable[..., Any]
    kind: Kind
    injections: tuple[Injection, ...]
    file: str
    line: int

    @property
    def payloads(self) -> Mapping[str, Shape]:
        """The shapes that the payloads of events must have, by the parameters that ask for it."""
        return {each.name: each.payload for each in self.injections if each.payload is not None}


@attrs.frozen
class Lifespan:
    """A generator function whose value is injected as `yields`; None where it yields nothing of use."""

    function: Callable[..., Any]
    is_async: bool
    yields: type | None
    injections: tuple[Injection, ...]
    file: str
    line: int


@attrs.frozen
class Registry:
    """All that the listed modules offer: `lifespans` in the order to enter them, `middleware` the outermost first,
    `faults` by file and line; and what they declare: `exported` commands of workers, and the payloads of `events`.
    """

    commands: Mapping[str, Command] = attrs.field(factory=dict)
    listeners: tuple[Listener, ...] = ()
    middleware: tuple[Middleware, ...] = ()
    lifespans: tuple[Lifespan, ...] = ()
    settings_class: type | None = None
    exported: Mapping[str, Exported] = attrs.field(factory=dict)
    events: Mapping[str, Declared] = attrs.field(factory=dict)
    faults: tuple[Fault, ...] = ()


def collect(module_names: Sequence[str]) -> Registry:
    """Import the modules and gather what is marked in them.

    A marked function counts where a listed module has it under a global name, whichever module defines it, and once.
    Never raises for what the application's modules do, also not for SystemExit.
    """
    faults = Faults()
    marked = list(_marked(module_names, faults))
    settings_class = _settings_class([each for each, mark in marked if isinstance(mark, SettingsMark)], faults)
    yields = _yields([each for each, mark in marked if isinstance(mark, LifespanMark)], faults)
    given = frozenset({Events, Workers, *filter(None, (settings_class, *yields.values()))})
    lifespans = [_lifespan(each, kind, given, faults) for each, kind in yields.items()]
    hints = Hints(given | {Caller, Event, Channel, ReceiveChannel, SendChannel})
    commands: dict[str, Command] = {}
    for each, mark in marked:
        if isinstance(mark, CommandMark):
            _add(commands, _command(each, mark, given, hints, faults), faults)
    listeners = [_listener(each, mark, given, faults) for each, mark in marked if isinstance(mark, ListenerMark)]
    around = [read_middleware(each, mark, given, faults) for each, mark in marked if isinstance(mark, MiddlewareMark)]
    _check_stands(filter(None, around), commands, faults)
    declared = [(each, mark) for each, mark in marked if isinstance(mark, ExportedMark)]
    heard = [
        (each.pattern.text, each.function, shape)
        for each in filter(None, listeners)
        for shape in each.payloads.values()
    ]
    return Registry(
        commands,
        tuple(filter(None, listeners)),
        tuple(filter(None, around)),
        _ordered(lifespans, faults),
        settings_class,
        read_exported(declared, commands, hints, faults),
        read_events([each for each, _ in marked if isinstance(each, EventType)], heard, hints, faults),
        tuple(sorted(faults.found)),
    )


def _marked(module_names: Sequence[str], faults: Faults) -> Iterator[tuple[Any, Mark | EventType[Any]]]:
    """What is marked, with each of its marks; the declaration of an event marks itself."""
    seen: set[int] = set()
    for name in module_names:
        module = import_module(name)
        if not isinstance(module, ModuleType):
            faults.found.append(module)
            continue
        for value in list(vars(module).values()):
            if id(value) not in seen:
                seen.add(id(value))
                yield from ((value, mark) for mark in marks_of(value))
                if isinstance(value, EventType):
                    yield value, value


# -- commands and listeners ------------------------------------------------------------------------------------------


def _command(
    function: Callable[..., Any], mark: CommandMark, given: frozenset[type], hints: Hints, faults: Faults
) -> Command:
    if not is_command(mark.name):
        wrong = f"{mark.name!r} is no name of a command"
        faults.add(function, wrong, "write segments of letters, digits, _ and - joined by dots, as in notes.read")
    signature = read(function, given | {Caller}, hints, faults)
    yields = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    returns = signature.returns
    if yields:
        returns = _yielded_hint(function, returns, faults)
    elif get_origin(returns) in GENERATORS or returns in GENERATORS:
        wrong = f"{function.__name__} is annotated -> {hint_text(returns)}, and yields nothing"
        faults.add(function, wrong, "write yield in it, for a stream, or annotate it -> list[...]")
        returns = Any
    answer = answer_of(function, returns, Hints(hints.injected, answers=True), faults)
    doc = (inspect.getdoc(function) or "").partition("\n")[0]
    channels = signature.channels + ((ChannelParameter(YIELD, SendChannel, ANY),) if yields else ())
    binder = Binder(signature.parameters, tuple(each.name for each in channels))
    kind = _kind(function, mark.inline, faults)
    if channels and kind is Kind.INLINE:
        faults.add(function, f"{function.__name__} is inline and has channels", "leave out inline=True")
    _check_concurrency(function, mark, faults)
    return Command(
        mark.name,
        function,
        kind,
        binder,
        signature.injections,
        doc,
        *place(function),
        mark.max_concurrency,
        channels,
        yields,
        answer,
    )


def _check_stands(around: Iterable[Middleware], commands: Mapping[str, Command], faults: Faults) -> None:
    """A rule around nothing lets everything pass: most likely its pattern is misspelt."""
    for each in around:
        if commands and not any(each.pattern.matches(name) for name in commands):
            wrong = f"middleware {each.function.__name__} stands around no command: none matches {each.pattern.text!r}"
            faults.add(each.function, wrong, "write a pattern of the core's own; what workers export passes it by")


def _check_concurrency(function: Callable[..., Any], mark: CommandMark, faults: Faults) -> None:
    limit = mark.max_concurrency
    if limit is None:
        return
    if type(limit) is not int or limit < 1:
        faults.add(function, f"max_concurrency is {limit!r}", "write how many calls may run at once, 1 or more")
    elif mark.inline:
        wrong = f"{function.__name__} is inline and has max_concurrency"
        faults.add(function, wrong, "leave it out: an inline command runs alone")


def _kind(function: Callable[..., Any], inline: bool, faults: Faults) -> Kind:
    if not inspect.iscoroutinefunction(function) and not inspect.isasyncgenfunction(function):
        return Kind.INLINE if inline else Kind.THREAD
    if inline:
        faults.add(function, f"{function.__name__} is async and inline", "leave out inline=True, or the async")
    return Kind.COROUTINE


def _yielded_hint(function: Callable[..., Any], hint: Any, faults: Faults) -> Any:
    """The hint of the items of a command that yields, Any where it has none."""
    if hint is Any or hint is object:
        return Any
    if get_origin(hint) in GENERATORS:
        return get_args(hint)[0]
    if hint in GENERATORS:
        return Any
    wrong = f"{function.__name__} yields, and is annotated -> {hint_text(hint)}"
    faults.add(function, wrong, "annotate it -> AsyncIterator[...], or Iterator[...] where it is no async def")
    return Any


def _add(commands: dict[str, Command], added: Command, faults: Faults) -> None:
    first = commands.setdefault(added.name, added)
    if first is not added:
        wrong = f"command {added.name} is defined at {first.file}:{first.line} already"
        faults.add(added.function, wrong, "give one of the two another name")


def _listener(
    function: Callable[..., Any], mark: ListenerMark, given: frozenset[type], faults: Faults
) -> Listener | None:
    signature = read(function, given | {Event}, None, faults)
    kind = _kind(function, False, faults)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        faults.add(function, f"listener {function.__name__} is a generator", "nobody hears what it yields: return")
    try:
        if not EVENT.fullmatch(mark.pattern.replace("*", "x")):
            raise ValueError(f"{mark.pattern!r} can match no event")
        pattern = Pattern.compile(mark.pattern, "/")
    except ValueError as error:
        faults.add(function, str(error), "write segments as of an event's name, * or **, joined by slashes")
        return None
    return Listener(pattern, function, kind, signature.injections, *place(function))


# -- settings and lifespans ------------------------------------------------------------------------------------------


def _settings_class(marked: list[type], faults: Faults) -> type | None:
    for second in marked[1:]:
        file, line = place(marked[0])
        faults.add(second, f"{second.__name__} is a second settings class, after {file}:{line}", "keep one")
    if not marked:
        return None
    if not is_class_of_fields(marked[0]):
        faults.add(marked[0], f"{marked[0].__name__} has no fields that settings could fill", "make it an attrs class")
        return None
    try:
        Hints().shape(marked[0])
    except HintError as error:
        faults.add(marked[0], error.wrong, error.instead)
    return marked[0]


def _yields(functions: list[Callable[..., Any]], faults: Faults) -> dict[Callable[..., Any], type | None]:
    """Each lifespan with the class of its value."""
    found: dict[Callable[..., Any], type | None] = {}
    for function in functions:
        if not (inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)):
            faults.add(function, f"lifespan {function.__name__} yields nothing", "write it as a generator function")
            continue
        kind = _yielded(function, faults)
        first = next((each for each, other in found.items() if kind is not None and other is kind), None)
        if first is not None and kind is not None:
            file, line = place(first)
            wrong = f"lifespan {function.__name__} yields a {kind.__name__}, as does {first.__name__} at {file}:{line}"
            faults.add(function, wrong, "let each yield a class of its own")
            continue
        found[function] = kind
    return found


def _yielded(function: Callable[..., Any], faults: Faults) -> type | None:
    # Its parameters are read later, when all injected classes are known; so are faults of its hints.
    hint = read(function, frozenset(), Hints(), Faults()).returns
    kind = get_args(hint)[0] if get_origin(hint) in GENERATORS else hint
    if kind is NoneType or kind is None:  # of typing's Iterator, and of collections.abc's
        return None
    if get_origin(hint) not in GENERATORS or not isinstance(kind, type) or get_args(kind):
        wrong = f"lifespan {function.__name__} does not say which class it yields"
        faults.add(function, wrong, "annotate it -> Iterator[YourClass], or Iterator[None]")
    elif kind.__module__ == "builtins" or kind in SCALARS or kind in (Caller, Event, Events, Workers):
        wrong = f"lifespan {function.__name__} yields a {kind.__name__}, which would take over parameters of that type"
        faults.add(function, wrong, "yield a class of your own")
    else:
        return kind
    return None


def _lifespan(function: Callable[..., Any], kind: type | None, given: frozenset[type], faults: Faults) -> Lifespan:
    signature = read(function, given, None, faults)
    return Lifespan(function, inspect.isasyncgenfunction(function), kind, signature.injections, *place(function))


def _ordered(lifespans: list[Lifespan], faults: Faults) -> tuple[Lifespan, ...]:
    """Each after those whose values it takes, else as they were found; those in a circle are a fault, and last."""
    made = {each.yields for each in lifespans if each.yields}
    ordered: list[Lifespan] = []
    waiting = list(lifespans)
    while waiting:
        entered = {each.yields for each in ordered}
        ready = [each for each in waiting if all(i.kind in entered or i.kind not in made for i in each.injections)]
        if not ready:
            names = ", ".join(each.function.__name__ for each in waiting)
            faults.add(waiting[0].function, f"lifespans that wait for each other: {names}", "break the circle")
            ready = list(waiting)
        ordered.extend(ready)
        waiting = [each for each in waiting if each not in ready]
    return tuple(ordered)
