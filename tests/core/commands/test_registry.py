"""The registry: what modules offer, and every fault of it with file and line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stockade import Caller, command, listener, settings
from stockade.core.commands.registry import Kind, Registry

Application = Callable[..., Registry]


def faults(registry: Registry) -> list[str]:
    return [str(fault) for fault in registry.faults]


def test_module_is_collected(application: Application) -> None:
    """Commands, listeners, lifespans and settings are found with all that is known of them."""
    registry = application(
        app="""
        import attrs
        from typing import Iterator

        @settings
        @attrs.frozen
        class Settings:
            folder: str = "notes"

        class Database: ...

        @lifespan
        def database(settings: Settings) -> Iterator[Database]:
            yield Database()

        @command("notes.read")
        def read_note(caller: Caller, name: str, database: Database, size: int = 3) -> str:
            '''Return the text of one note.

            Not more.
            '''

        @command("notes.add", inline=True)
        def add(a: int, b: int) -> int: ...

        @command("notes.tail")
        async def tail() -> None: ...

        @listener("editor/*")
        async def on_editor(event: Event, events: Events, database: Database) -> None: ...
        """
    )
    assert faults(registry) == []
    assert {name: each.kind for name, each in registry.commands.items()} == {
        "notes.read": Kind.THREAD,
        "notes.add": Kind.INLINE,
        "notes.tail": Kind.COROUTINE,
    }
    read = registry.commands["notes.read"]
    assert [(each.name, each.required) for each in read.parameters] == [("name", True), ("size", False)]
    assert [each.name for each in read.injections] == ["caller", "database"]
    assert read.takes_scope
    assert not registry.commands["notes.add"].takes_scope
    assert read.doc == "Return the text of one note."
    assert (read.file, read.line) == ("app.py", 17)
    assert [each.pattern.text for each in registry.listeners] == ["editor/*"]
    assert [(each.yields or type).__name__ for each in registry.lifespans] == ["Database"]
    assert registry.settings_class is not None


def test_nothing_is_registered_by_import_alone(application: Application) -> None:
    """A decorator only marks: a module that is not listed offers nothing."""
    registry = application(
        "first",
        first="import second",
        second="""
        @command("hidden")
        def hidden() -> None: ...
        """,
    )
    assert dict(registry.commands) == {}


def test_function_counts_once_wherever_it_is_imported(application: Application) -> None:
    """A command of a helper module counts where a listed module imports it, and is no duplicate of itself."""
    registry = application(
        "one two",
        helper="""
        @command("shared")
        def shared() -> None: ...
        """,
        one="from helper import shared",
        two="from helper import shared as other",
    )
    assert faults(registry) == []
    assert registry.commands["shared"].file == "helper.py"


def test_decorated_function_is_seen_through(application: Application) -> None:
    """Parameters and hints are those of the function beneath a well-behaved decorator."""
    registry = application(
        app="""
        import functools

        def shouting(function):
            @functools.wraps(function)
            def wrapper(**keywords):
                return function(**keywords).upper()
            return wrapper

        @command("say")
        @shouting
        def say(text: str) -> str:
            return text
        """
    )
    assert faults(registry) == []
    assert [each.name for each in registry.commands["say"].parameters] == ["text"]
    assert registry.commands["say"].function(text="a") == "A"


FAULTS: list[tuple[str, str, str]] = [
    (
        "duplicate",
        """
        @command("a.b")
        def first() -> None: ...

        @command("a.b")
        def second() -> None: ...
        """,
        "app.py:6: command a.b is defined at app.py:3 already; give one of the two another name",
    ),
    ("name", '@command("a..b")\ndef f() -> None: ...', "app.py:3: 'a..b' is no name of a command; "),
    ("no hint", '@command("a")\ndef f(x) -> None: ...', "app.py:3: parameter x of f has no type hint; "),
    ("hint", '@command("a")\ndef f(x: complex): ...', "app.py:3: parameter x of f: complex cannot cross the wire; "),
    (
        "deep",
        '@command("a")\ndef f(x: list[complex]): ...',
        "app.py:3: parameter x of f: complex cannot cross the wire",
    ),
    ("unresolved", '@command("a")\ndef f(x: Nowhere): ...', "app.py:3: the type hints of f cannot be resolved: name"),
    ("positional", '@command("a")\ndef f(x: int, /): ...', "app.py:3: parameter x of f is positional-only; "),
    ("many", '@command("a")\ndef f(*x: int): ...', "app.py:3: parameter x of f takes any number of arguments; "),
    ("any", '@command("a")\ndef f(**x: int): ...', "app.py:3: parameter x of f takes arguments of any name; "),
    ("return", '@command("a")\ndef f() -> complex: ...', "app.py:3: what f returns: complex cannot cross the wire; "),
    ("async inline", '@command("a", inline=True)\nasync def f(): ...', "app.py:3: f is async and inline; "),
    (
        "generator of a list",
        '@command("a")\ndef f() -> list[int]: yield',
        "app.py:3: f yields, and is annotated -> list[int]; annotate it -> AsyncIterator[...], or Iterator[...] where",
    ),
    (
        "stream that yields nothing",
        'from typing import Iterator\n@command("a")\ndef f() -> Iterator[int]: return iter([1])',
        "app.py:4: f is annotated -> Iterator[int], and yields nothing; write yield in it, for a stream, or",
    ),
    (
        "items that cannot cross",
        'from typing import AsyncIterator\n@command("a")\nasync def f() -> AsyncIterator[complex]: yield',
        "app.py:4: what f returns: complex cannot cross the wire; ",
    ),
    ("inline generator", '@command("a", inline=True)\ndef f(): yield', "app.py:3: f is inline and has channels; "),
    (
        "inline with a channel",
        '@command("a", inline=True)\ndef f(x: SendChannel[int]): ...',
        "app.py:3: f is inline and has channels; leave out inline=True",
    ),
    (
        "channel of what cannot cross",
        '@command("a")\ndef f(x: Channel[complex]): ...',
        "app.py:3: parameter x of f: complex cannot cross the wire; ",
    ),
    (
        "channel in a list",
        '@command("a")\ndef f(x: list[Channel[int]]): ...',
        "app.py:3: parameter x of f: Channel is the core's to give, a worker cannot send one; annotate a parameter",
    ),
    (
        "listener that yields",
        '@listener("a")\ndef f(event: Event): yield',
        "app.py:3: listener f is a generator; nobody hears what it yields: return",
    ),
    (
        "listener with a channel",
        '@listener("a")\ndef f(x: SendChannel[int]): ...',
        "app.py:3: parameter x of f: nothing injects",
    ),
    ("event", '@command("a")\ndef f(x: Event): ...', "app.py:3: parameter x of f: Event is the core's to give"),
    (
        "forged",
        '@command("a")\ndef f(x: list[Caller]): ...',
        "app.py:3: parameter x of f: Caller is the core's to give",
    ),
    ("optional", '@command("a")\ndef f(x: Caller | None): ...', "app.py:3: parameter x of f: Caller is the core's"),
    ("pattern", '@listener("a/b*")\ndef f(event: Event): ...', "app.py:3: "),
    ("blank", '@listener("a b")\ndef f(event: Event): ...', "app.py:3: 'a b' can match no event; "),
    ("listener", '@listener("a")\ndef f(x: int): ...', "app.py:3: parameter x of f: nothing injects int; "),
    (
        "caller",
        '@listener("a")\ndef f(x: Caller): ...',
        "app.py:3: parameter x of f: nothing injects Caller; take one of",
    ),
    ("lifespan", "@lifespan\ndef f(): ...", "app.py:3: lifespan f yields nothing; write it as a generator function"),
    ("yields what", "@lifespan\ndef f(): yield", "app.py:3: lifespan f does not say which class it yields; "),
    (
        "yields text",
        "from typing import Iterator\n@lifespan\ndef f() -> Iterator[str]: yield",
        "app.py:4: lifespan f yields a str, which would take over parameters of that type; yield a class of your own",
    ),
    (
        "yields a caller",
        "from typing import Iterator\n@lifespan\ndef f() -> Iterator[Caller]: yield",
        "app.py:4: lifespan f yields a Caller, which would take over",
    ),
    (
        "yields twice",
        """
        from typing import Iterator
        class A: ...
        @lifespan
        def f() -> Iterator[A]: yield
        @lifespan
        def g() -> Iterator[A]: yield
        """,
        "app.py:7: lifespan g yields a A, as does f at app.py:5; let each yield a class of its own",
    ),
    (
        "circle",
        """
        from typing import Iterator
        class A: ...
        class B: ...
        @lifespan
        def f(x: B) -> Iterator[A]: yield
        @lifespan
        def g(x: A) -> Iterator[B]: yield
        """,
        "app.py:6: lifespans that wait for each other: f, g; break the circle",
    ),
    (
        "two settings",
        """
        import attrs
        @settings
        @attrs.frozen
        class A: ...
        @settings
        @attrs.frozen
        class B: ...
        """,
        "app.py:7: B is a second settings class, after app.py:4; keep one",
    ),
    ("bare settings", "@settings\nclass A: ...", "app.py:3: A has no fields that settings could fill; "),
    (
        "settings hint",
        "import attrs\n@settings\n@attrs.frozen\nclass A:\n    x: complex",
        "app.py:4: field x of A: complex cannot cross the wire; ",
    ),
    ("raises", "x = 1\nraise ValueError('no\\nmore')", "app.py:4: importing app raised ValueError: no; "),
    ("exits", "raise SystemExit(3)", "app.py:3: importing app raised SystemExit: 3; "),
    ("syntax", "x = (", "app.py:3: no Python: '(' was never closed; correct it"),
    ("misused", "@command\ndef f(): ...", "app.py:3: importing app raised TypeError: @command takes a name, not"),
    ("missing import", "import json\nimport nowhere", "app.py:4: importing app raised ModuleNotFoundError: No module"),
    ("in a library", "import json\njson.loads('{')", "app.py:4: importing app raised JSONDecodeError"),
]


@pytest.mark.parametrize(("source", "fault"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_fault_is_found_at_its_line(application: Application, source: str, fault: str) -> None:
    """Each mistake is one fault, with file, line, what is wrong and what to write instead."""
    found = faults(application(app=source))
    assert len(found) == 1, found
    assert found[0].startswith(fault)
    assert found[0].count("; ") >= 1


def test_faults_come_all_at_once(application: Application) -> None:
    """One module's fault does not hide another's."""
    registry = application(
        bad="raise ValueError",
        worse="""
        @command("a b")
        def f(x, *y: int) -> complex: ...
        """,
    )
    assert len(registry.faults) == 5
    assert list(registry.faults) == sorted(registry.faults)


def test_module_that_is_not_there_is_a_fault_of_its_name(application: Application) -> None:
    """Only the configuration knows the line that lists it."""
    (fault,) = application("nowhere.commands").faults
    assert (fault.file, fault.line, fault.wrong) == ("nowhere.commands", 0, "there is no module nowhere")


def test_ambiguous_union_may_be_answered(application: Application) -> None:
    """What cannot be told apart on the way in is no fault of what a command returns."""
    registry = application(
        app="""
        from datetime import date, datetime
        @command("when")
        def when() -> date | datetime: ...
        """
    )
    assert faults(registry) == []


@pytest.mark.parametrize("module", ["typing", "collections.abc"])
def test_a_lifespan_may_yield_nothing(application: Application, module: str) -> None:
    """Whichever of the two generic Iterators says so."""
    registry = application(
        app=f"""
        from {module} import Iterator
        @lifespan
        def quiet() -> Iterator[None]: yield
        """
    )
    assert faults(registry) == []
    assert [each.yields for each in registry.lifespans] == [None]


def test_lifespans_are_ordered_by_what_they_take(application: Application) -> None:
    """Each comes after those whose values it is injected with."""
    registry = application(
        app="""
        from typing import AsyncIterator, Iterator
        class A: ...
        class B: ...
        @lifespan
        async def last(a: A, b: B) -> AsyncIterator[None]: yield
        @lifespan
        def second(a: A) -> Iterator[B]: yield
        @lifespan
        def first(events: Events) -> Iterator[A]: yield
        """
    )
    assert faults(registry) == []
    assert [each.function.__name__ for each in registry.lifespans] == ["first", "second", "last"]
    assert [each.is_async for each in registry.lifespans] == [False, False, True]


def test_decorators_refuse_what_they_cannot_mark() -> None:
    """What is wrong at the decorator itself is said there."""
    with pytest.raises(TypeError, match="@listener takes a name"):
        listener(print)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="@command marks a function"):
        command("a")(Caller)
    with pytest.raises(TypeError, match="@settings marks a class"):
        settings(3)  # type: ignore[type-var]
