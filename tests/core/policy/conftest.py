"""Configurations as values, and a folder with links of every kind, for the tests of policy."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from stockade.config.specs import App, Capability, Configuration, EventRules, Place, Rule, Rules, WorkerSpec
from stockade.core.policy.scope import Scope

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path (importlib), and so are no package

from scopes import SECRET, scope_of

FILE = "stockade.toml"


class Writer:
    """Writes configurations; each rule gets a line of its own, so that an origin is told from all others."""

    def __init__(self) -> None:
        self._lines = itertools.count(1)

    def place(self) -> Place:
        return Place(FILE, next(self._lines))

    def rules(self, allow: Iterable[str] = (), deny: Iterable[str] = ()) -> Rules:
        def written(patterns: Iterable[str]) -> tuple[Rule, ...]:
            return tuple(Rule(pattern, self.place()) for pattern in patterns)

        return Rules(written(allow), written(deny))

    def capability(
        self,
        name: str,
        commands: Rules | None = None,
        listen: Rules | None = None,
        emit: Rules | None = None,
        scopes: dict[str, Rules] | None = None,
    ) -> Capability:
        events = EventRules(listen or Rules(), emit or Rules())
        return Capability(name, self.place(), commands or Rules(), events, scopes or {})

    def configuration(self, *capabilities: Capability, folder: str = "/app") -> Configuration:
        """Worker `editor` with all the capabilities, and `rogue` with none."""
        listed = tuple(capability.name for capability in capabilities)
        workers = (
            WorkerSpec("editor", ("true",), self.place(), listed),
            WorkerSpec("rogue", ("true",), self.place()),
        )
        return Configuration(f"{folder}/{FILE}", folder, App("notes"), workers=workers, capabilities=capabilities)


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """`app` is the folder; `outside` holds what nobody may reach; links of every kind lie in `app/notes`."""
    for name in ("app/notes/sub", "app/notes/private", "app/other", "outside/notes"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("outside/secret", "outside/notes/todo", "app/other/secret", "app/notes/private/secret"):
        (tmp_path / name).write_text(SECRET)
    for name in ("app/notes/todo", "app/notes/sub/deep", "app/notes/ünï.txt"):
        (tmp_path / name).write_text("open to all")
    (tmp_path / "application").mkdir()
    (tmp_path / "application/secret").write_text(SECRET)  # its name begins as the folder's does
    links = {
        "out": "../../outside/secret",
        "out-absolute": str(tmp_path / "outside/secret"),
        "out-folder": "../../outside",
        "out-and-in": f"../../{(tmp_path / 'app').name}/notes/todo",
        "chain": "chain-2",
        "chain-2": "out",
        "circle": "circle-2",
        "circle-2": "circle",
        "self": "self",
        "up": "..",
        "in": "todo",
        "in-absolute": str(tmp_path / "app/notes/todo"),
        "in-folder": "sub",
        "denied": "private/secret",
        "denied-folder": "private",
        "beside": "../other/secret",
        "dangling": "not-yet",
        "dangling-out": "../../outside/not-yet",
        "magic": f"/proc/self/cwd{tmp_path}/app/notes/todo",
        "magic-root": f"/proc/self/root{tmp_path}/outside/secret",
    }
    for name, target in links.items():
        (tmp_path / "app/notes" / name).symlink_to(target)
    return tmp_path


@pytest.fixture
def scope(tree: Path) -> Scope:
    return scope_of(tree / "app", ["notes/**"], ["notes/private/**"])
