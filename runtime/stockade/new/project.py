"""What stands in a new project: the templates, filled in, and the sources of the stub that it is built with.

Reads what was installed, and writes nothing: `folder` does.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from stockade.new.languages import LANGUAGES, Language
from stockade.new.sources import stub_files

__all__ = ["APP", "WORKER", "Project", "app", "worker"]

#: The two kinds, each with a folder of templates.
APP, WORKER = "app", "worker"
#: What the worker of a new application is called.
_VISITOR = "visitor"
_TEMPLATES = Path(__file__).with_name("templates")
#: A template that would be one for this repository, under its own name.
_RENAMED = {"gitignore": ".gitignore"}
#: A template that is no file, but a part of one.
_VENDORED = "vendored.md"


class _Text(string.Template):
    """A template whose places are `@@name`: a dollar means something in half of the languages."""

    delimiter = "@@"


@attrs.frozen
class Project:
    """A project, before it is written."""

    kind: str
    name: str
    language: str
    files: Mapping[str, bytes]  # by path, with slashes

    @property
    def spoken(self) -> Language:
        """The language of its worker."""
        return LANGUAGES[self.language]

    @property
    def commands(self) -> list[str]:
        """What to type in its folder: the line that builds it, if it takes one, and the line that runs it."""
        return [*filter(None, [self.spoken.build]), "stockade run"]


def app(name: str) -> Project:
    """An application of this name, whose worker is in Python."""
    return _project(APP, name, _VISITOR, "python")


def worker(label: str, language: str) -> Project:
    """A worker of this label in one of `LANGUAGES`, with a small core to try it on."""
    return _project(WORKER, label, label, language)


def _project(kind: str, name: str, label: str, language: str) -> Project:
    spoken = LANGUAGES[language]
    places = {
        "app": name,
        "label": label,
        "title": spoken.title,
        "takes": spoken.takes,
        "run": _array(spoken.run, at=""),
        "run_there": _array(spoken.run, at=f"{name}/"),
        "ignored": "\n".join(spoken.ignored),
        "commands": "\n".join(_lines(spoken)),
    }
    files = dict(_stubs(spoken))
    places["vendored"] = _said_of(spoken, kind, places)
    for folder in ("common", kind, f"languages/{language}"):
        for path, text in _templates(folder):
            files[path] = _Text(text).substitute(places).rstrip("\n").encode() + b"\n"
    return Project(kind, name, language, files)


def _array(run: tuple[str, ...], at: str) -> str:
    """An argv as TOML has it, which is as JSON does."""
    return json.dumps([word.format(at=at) for word in run])


def _lines(spoken: Language) -> Iterator[str]:
    """What to type, for the README."""
    if spoken.build:
        yield spoken.build + (f"    # fetches {spoken.fetches}" if spoken.fetches else "")
    yield "stockade run"


def _templates(folder: str) -> Iterator[tuple[str, str]]:
    """The templates below a folder of templates/: the path of what each makes, and its text."""
    home = _TEMPLATES / folder
    for path in sorted(home.rglob("*")):
        if path.is_file() and path.name != _VENDORED and "__pycache__" not in path.parts:
            target = path.with_name(_RENAMED.get(path.name, path.name))
            yield target.relative_to(home).as_posix(), path.read_text(encoding="utf-8")


def _stubs(spoken: Language) -> Iterator[tuple[str, bytes]]:
    for stub in spoken.stubs:
        for path, source in stub_files(stub):
            yield f"{stub.into}/{path}", source.read_bytes()
            if path in spoken.pins and stub is spoken.stubs[0]:
                yield path, source.read_bytes()


def _said_of(spoken: Language, kind: str, places: Mapping[str, str]) -> str:
    """What the README of a worker says of the sources that came with it."""
    if kind != WORKER or not spoken.stubs:
        return ""
    folders = " and ".join(f"`{stub.into}`" for stub in spoken.stubs)
    verb = "has" if len(spoken.stubs) == 1 else "have"
    text = (_TEMPLATES / kind / _VENDORED).read_text(encoding="utf-8")
    return _Text(text).substitute(places, folders=f"{folders} {verb}")
