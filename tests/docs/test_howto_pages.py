"""The code of the pages on middleware and tracing is what the core accepts, and does what they say."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stockade import Caller
from stockade.core.commands.dispatch import Dispatcher
from stockade.core.commands.registry import Registry, collect

PAGES = Path(__file__).parents[2] / "docs" / "howto"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An application's folder, whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def collected(folder: Path, page: str) -> Registry:
    """What all code of a page offers as one module."""
    name = page.removesuffix(".md") + "_page"
    (folder / f"{name}.py").write_text("\n".join(BLOCK.findall((PAGES / page).read_text(encoding="utf-8"))))
    return collect([name])


def answers(registry: Registry, *commands: str, **arguments: Any) -> list[Any]:
    """What calls of these are answered, one after the other: values, or codes."""

    async def main() -> list[Any]:
        loop = asyncio.get_running_loop()
        dispatcher = Dispatcher(registry, loop, 1, 1, {}, logging.getLogger("test"))
        found = []
        for command in commands:
            answer: asyncio.Future[Any] = loop.create_future()
            caller = Caller("editor", 1, command, None)  # type: ignore[arg-type]
            dispatcher.dispatch(
                caller,
                registry.commands[command],
                arguments,
                lambda value, error, answer=answer: answer.set_result(error.code if error else value),
            )
            found.append(await answer)
        return found

    return asyncio.run(main())


def test_the_page_on_middleware(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The second purge is refused before it is timed; each call that comes so far is logged once."""
    caplog.set_level(logging.INFO, "stockade.audit")
    registry = collected(folder, "middleware.md")
    assert registry.faults == ()
    assert answers(registry, "notes.purge", "notes.purge") == [None, "notes.purged"]
    assert answers(registry, "notes.count", words="one two") == [2]
    assert capsys.readouterr().out.splitlines() == [
        "notes.purge took less than 1 s",
        "notes.count took less than 1 s",
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "editor@1 called notes.purge: result",
        "editor@1 called notes.count: result",
    ]


def test_the_page_on_tracing(folder: Path) -> None:
    """Its lifespan is one that the core would enter."""
    registry = collected(folder, "tracing.md")
    assert registry.faults == ()
    assert [each.function.__name__ for each in registry.lifespans] == ["tracing"]
