"""Scopes over a real folder, and what they say: what the tests of this folder import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stockade.config.specs import Place, Rule, Rules
from stockade.core.policy.decision import Clauses
from stockade.core.policy.scope import Scope
from stockade.errors import CommandError

__all__ = ["NOT_ALLOWED", "NOT_FOUND", "PLACE", "SECRET", "content", "refused", "scope_of"]

PLACE = Place("stockade.toml", 1)
SECRET = "the secret"


def scope_of(folder: Path, allow: list[str], deny: list[str]) -> Scope:
    rules = Rules(tuple(Rule(p, PLACE) for p in allow), tuple(Rule(p, PLACE) for p in deny))
    return Scope("notes.read", str(folder), Clauses().with_rules("notes", rules, "/"))


def refused(ask: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(CommandError) as caught:
        ask()
    return caught.value.code, caught.value.message


def content(scope: Scope, name: str) -> str:
    with scope.open(name) as file:
        return str(file.read())


NOT_ALLOWED = ("not_allowed", "this worker may not use this path")
NOT_FOUND = ("not_found", "there is no such file")
