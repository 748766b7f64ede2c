"""What an application declares: exported commands and events, and every fault of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stockade.core.commands.registry import Registry

Application = Callable[..., Registry]


def faults(registry: Registry) -> list[str]:
    return [str(fault) for fault in registry.faults]


def test_declarations_are_collected(application: Application) -> None:
    """With what they take, answer and carry, and where they are written."""
    registry = application(
        app="""
        import attrs
        from collections.abc import Iterator

        @attrs.frozen
        class Changed:
            name: str

        changed = event("notes/changed", Changed, "A note has another text.")

        @exported("thumbs.make")
        async def make(name: str, size: int = 8) -> bytes:
            '''Make a picture smaller.'''

        @exported("thumbs.all")
        def every(data: ReceiveChannel[bytes]) -> Iterator[str]: ...

        @listener("editor/opened")
        def opened(event: Event[Changed], events: Events) -> None: ...

        @listener("editor/*")
        def anything(event: Event) -> None: ...
        """
    )
    assert faults(registry) == []
    make, every = registry.exported["thumbs.make"], registry.exported["thumbs.all"]
    assert [(each.name, each.required) for each in make.parameters] == [("name", True), ("size", False)]
    assert (make.answer.kind, make.yields, make.file, make.line) == (bytes, False, "app.py", 12)
    assert (every.answer.kind, every.yields, [each.name for each in every.channels]) == (str, True, ["data"])
    assert {name: each.payload.expected for name, each in registry.events.items()} == {
        "notes/changed": "Changed",
        "editor/opened": "Changed",
    }
    assert registry.events["notes/changed"].doc == "A note has another text."
    assert registry.events["notes/changed"].line == 10
    assert registry.commands == {}


def test_faults_of_declarations_are_found(application: Application) -> None:
    """Names that are none, two of one name, hints that cannot cross, and types that contradict each other."""
    registry = application(
        app="""
        @command("notes.read")
        def read() -> None: ...

        @exported("notes.read")
        def other() -> None: ...

        @exported("no name")
        def unnamed() -> complex: ...

        @exported("thumbs.make")
        def make(caller: Caller) -> None: ...

        @exported("thumbs.make")
        def again() -> None: ...

        first = event("notes/changed", int)
        second = event("notes/changed", int)
        third = event("core:mine", int)
        fourth = event("notes/opened", complex)

        @listener("notes/changed")
        def changed(event: Event[str]) -> None: ...

        @listener("notes/hard")
        def hard(event: Event[complex]) -> None: ...
        """
    )
    wrong = "\n".join(faults(registry))
    for part in (
        "app.py:6: notes.read is declared as exported, and a command of the core's",
        "app.py:9: 'no name' is no name of a command",
        "app.py:9: what unnamed returns: complex cannot cross the wire",
        "app.py:12: parameter caller of make: Caller is the core's to give",
        "app.py:15: exported command thumbs.make is declared at app.py:12 already",
        "app.py:19: event notes/changed is declared at app.py:18 already",
        "app.py:20: 'core:mine' is no name of an event to declare",
        "app.py:21: the payload of notes/opened: complex cannot cross the wire",
        "app.py:23: changed hears notes/changed with a payload of str, and app.py:18 says int",
        "app.py:26: the payload of event, a parameter of hard: complex cannot cross the wire",
    ):
        assert part in wrong


def test_a_declared_command_is_not_the_functions_to_run(application: Application) -> None:
    """Whoever calls the declaration is told how to call the worker."""
    registry = application(
        app="""
        @exported("thumbs.make")
        def make(name: str) -> str: ...
        """
    )
    with pytest.raises(TypeError, match=r"workers\.invoke\(make, \.\.\.\)"):
        registry.exported["thumbs.make"].function(name="cat")
