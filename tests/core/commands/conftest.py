"""Applications for tests: modules written to a folder and collected from there, as a core does it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stockade.core.commands.registry import Registry, collect

HEAD = "from __future__ import annotations\nfrom stockade import *\n"

Application = Callable[..., Registry]


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """Collects modules given as ``name=source``; `listed` are those that a configuration would list, or all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def collected(listed: str = "", **sources: str) -> Registry:
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(HEAD + textwrap.dedent(source).lstrip("\n"))
        return collect(listed.split() or list(sources))

    yield collected
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
