"""The languages that bindings can be made for, and what each can be told. One row of a table each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from stockade.bindings import go, java, python, rust, typescript
from stockade.bindings.comments import Origin
from stockade.bindings.model import Model

__all__ = ["LANGUAGES", "Language", "Wanted"]


@attrs.frozen
class Wanted:
    """What the generated code is to be called, where its language asks, and for which of the stub's faces it is."""

    package: str = ""
    stem: str = ""  # of the file's name
    asyncio: bool = False


@attrs.frozen
class Language:
    """One language: what makes its text, and which options it has."""

    render: Callable[[Model, Origin, Wanted], str]
    options: frozenset[str] = frozenset()


LANGUAGES: Mapping[str, Language] = {
    "python": Language(
        lambda model, origin, wanted: python.render(model, origin, asyncio=wanted.asyncio), frozenset({"asyncio"})
    ),
    "go": Language(lambda model, origin, wanted: go.render(model, origin, wanted.package), frozenset({"package"})),
    "java": Language(
        lambda model, origin, wanted: java.render(model, origin, wanted.package, wanted.stem), frozenset({"package"})
    ),
    "rust": Language(lambda model, origin, _: rust.render(model, origin)),
    "typescript": Language(lambda model, origin, _: typescript.render(model, origin)),
}
