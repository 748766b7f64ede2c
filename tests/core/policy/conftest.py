"""Configurations as values, for the tests of policy."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest

from stockade.config.specs import App, Capability, Configuration, EventRules, Place, Rule, Rules, WorkerSpec

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
