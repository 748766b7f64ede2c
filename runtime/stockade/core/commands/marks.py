"""The decorators that application code uses. They mark a function or class and return it as it is.

Knows no registry: a mark means nothing until a module that `[app] commands` lists has been collected, so importing a
module twice, or for a test, has no effect anywhere.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast, overload

import attrs

__all__ = [
    "CommandMark",
    "ExportedMark",
    "LifespanMark",
    "ListenerMark",
    "Mark",
    "MiddlewareMark",
    "SettingsMark",
    "command",
    "exported",
    "lifespan",
    "listener",
    "marks_of",
    "middleware",
    "settings",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Class = TypeVar("_Class", bound=type)

_ATTRIBUTE = "__stockade_marks__"


@attrs.frozen
class CommandMark:
    """A function that workers call by `name`."""

    name: str
    inline: bool
    max_concurrency: int | None = None


@attrs.frozen
class ExportedMark:
    """A function without a body, which says what the command `name` of a worker's takes and answers."""

    name: str


@attrs.frozen
class ListenerMark:
    """A function that gets the events that `pattern` matches."""

    pattern: str


@attrs.frozen
class MiddlewareMark:
    """A coroutine function that stands around the commands that `pattern` matches."""

    pattern: str


@attrs.frozen
class LifespanMark:
    """A generator function that yields what others are injected with."""


@attrs.frozen
class SettingsMark:
    """The class that `[app.settings]` fills."""


Mark = CommandMark | ExportedMark | ListenerMark | MiddlewareMark | LifespanMark | SettingsMark


def command(name: str, *, inline: bool = False, max_concurrency: int | None = None) -> Callable[[_Function], _Function]:
    """Offer a function to workers as the command `name` (``"notes.read"``).

    Its parameters are the call's arguments, by name, and need type hints (docs/types.md); `Caller`, `Events`,
    `Workers`, the settings class and what lifespans yield are injected by annotation. An ``async def`` runs on the
    core's loop, a ``def`` in a thread of a bounded pool. With `inline` a ``def`` runs on the loop itself: only for what
    is quick and waits for nothing, since the whole core waits for it. `max_concurrency` bounds how many calls of it run
    or wait for a thread, all callers together: one more is `busy` at once. What was cancelled counts until its end.

    What it returns is the answer. A `CommandError` that it raises is the caller's to see; anything else is `failed`
    for the caller, with the traceback in the core's log.
    """
    _check_text("command", name, 'write @command("notes.read")')
    return _marker("command", CommandMark(name, inline, max_concurrency))


def exported(name: str) -> Callable[[_Function], _Function]:
    """Declare what the command `name` (``"thumbs.make"``), which a worker exports, takes and answers.

    The function is its hints and docstring; its body is ``...`` and never runs. Annotated ``-> Iterator[T]`` the
    command streams, and `SendChannel` and `ReceiveChannel` are channels, as of a command. `stockade bindings` makes
    functions of it for workers, and ``await workers.invoke(make, name="cat")`` is typed by it in the core.
    """
    _check_text("exported", name, 'write @exported("thumbs.make")')

    def mark_it(function: _Function) -> _Function:
        if not inspect.isroutine(function):
            raise TypeError(f"@exported marks a function, not {function!r}")

        @functools.wraps(function)
        def guard(*_arguments: object, **_keywords: object) -> NoReturn:
            raise TypeError(f"{name} is a worker's: call workers.invoke({function.__name__}, ...), with `Workers`")

        _mark(guard, ExportedMark(name))
        return cast(_Function, guard)

    return mark_it


def listener(pattern: str) -> Callable[[_Function], _Function]:
    """Give a function the events whose names match `pattern` (``"editor/*"``), as its parameter annotated `Event`.

    Annotated ``Event[EditorOpened]`` the payload is bound to that type, as an argument is; with one that does not fit
    the listener does not run, and that is logged as its failure.

    It runs like a command, ``async def`` on the loop and ``def`` in a thread. Its failures are logged and harm nobody.
    """
    _check_text("listener", pattern, 'write @listener("editor/*")')
    return _marker("listener", ListenerMark(pattern))


@overload
def middleware(given: _Function, /) -> _Function: ...


@overload
def middleware(given: str, /) -> Callable[[_Function], _Function]: ...


def middleware(given: _Function | str, /) -> _Function | Callable[[_Function], _Function]:
    """Put an ``async def`` around commands: all of them, or with ``@middleware("notes.**")`` those that match.

    Its parameters annotated `Call` and `Proceed` get the call, and what runs it: ``return await proceed()`` answers
    what the command does. Instead it may raise a `CommandError`, or return something else. It sees calls that policy
    has allowed, on the core's loop; the first one that is registered stands outermost. Commands that none matches pay
    nothing for those that others have.
    """
    if isinstance(given, str):
        return _marker("middleware", MiddlewareMark(given))
    return _marker("middleware", MiddlewareMark("**"))(given)


def lifespan(function: _Function) -> _Function:
    """Mark a generator function that yields one value for the life of the core, then cleans up.

    Its return annotation names the class (``Iterator[Database]``, ``AsyncIterator[Database]``) by which parameters of
    commands, listeners and other lifespans get the value; ``Iterator[None]`` gives nothing. A plain generator runs in
    a thread of its own, an ``async`` one on the loop.
    """
    return _marker("lifespan", LifespanMark())(function)


def settings(cls: _Class) -> _Class:
    """Mark the one attrs class or dataclass that ``[app.settings]`` of the configuration fills, strictly typed."""
    if not isinstance(cls, type):
        raise TypeError(f"@settings marks a class, not {cls!r}")
    _mark(cls, SettingsMark())
    return cls


def marks_of(value: Any) -> tuple[Mark, ...]:
    """The marks that `value` itself carries, outermost decorator last; a subclass does not inherit them."""
    try:
        marks = vars(value).get(_ATTRIBUTE, ())
    except TypeError:  # it has no attributes
        return ()
    return marks if isinstance(marks, tuple) else ()


def _marker(decorator: str, mark: Mark) -> Callable[[_Function], _Function]:
    def mark_it(function: _Function) -> _Function:
        if not inspect.isroutine(function):
            raise TypeError(f"@{decorator} marks a function, not {function!r}")
        _mark(function, mark)
        return function

    return mark_it


def _mark(target: Any, mark: Mark) -> None:
    setattr(target, _ATTRIBUTE, (*vars(target).get(_ATTRIBUTE, ()), mark))


def _check_text(decorator: str, text: object, example: str) -> None:
    """`@command` without its parentheses would otherwise fail later, and say something else."""
    if not isinstance(text, str):
        raise TypeError(f"@{decorator} takes a name, not {text!r}: {example}")
