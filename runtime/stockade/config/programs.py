"""Which program the `run` of a worker means, and whether it is there.

Looks at the file system and starts nothing. Knows no document: words in, words or a problem out.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Collection, Sequence
from importlib.machinery import PathFinder

import attrs

from stockade.config.grammar import Problem
from stockade.config.wording import nearest, quoted

__all__ = ["Missing", "missing", "nearest_module", "program"]

#: What means the interpreter that runs Stockade, so that a worker has the same packages.
_OURS = ("python", "python3")
_PYTHON = re.compile(r"python[0-9.]*")
#: Options of python that take the next word with them.
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")


@attrs.frozen
class Missing:
    """A word of `run`, by its index, that names what is not there."""

    word: int
    problem: Problem


def program(word: str, folder: str, path: str) -> str | Problem:
    """The absolute path of the program that the first word of `run` means, or why there is none.

    `folder` is that of stockade.toml, absolute; `path` is the worker's PATH.
    """
    if word in _OURS:
        return sys.executable
    if "/" in word:
        return _file(word, os.path.join(folder, word))
    found = shutil.which(word, path=path)
    if found is not None:
        return os.path.abspath(found)
    beside = os.path.isfile(os.path.join(folder, word))
    instead = f"write {quoted('./' + word)}" if beside else "install it, or write its path with a slash"
    return Problem(f"there is no program {quoted(word)} on the worker's PATH", instead)


def missing(
    run: Sequence[str], folder: str, path: str, *, modules: bool, commands: Collection[str] = ()
) -> list[Missing]:
    """What `run` names that is not there: the program; for python its script; with `modules` its ``-m`` module.

    `commands` are the core's own modules, which nobody means for a worker's program.
    """
    if not run:
        return []
    found = program(run[0], folder, path)
    if isinstance(found, Problem):
        return [Missing(0, found)]
    if not _PYTHON.fullmatch(os.path.basename(run[0])):
        return []
    for word, name, is_module in _what_python_runs(run):
        problem = _module(name, folder, commands) if is_module else _script(name, folder, commands)
        if problem is not None and (modules or not is_module):
            return [Missing(word, problem)]
    return []


def _file(word: str, path: str) -> str | Problem:
    if not os.path.exists(path):
        near = _nearest_file(path)
        instead = f"write {quoted(os.path.join(os.path.dirname(word), near))}" if near else "write one that is there"
        return Problem(f"there is no program {quoted(word)}", f"{instead}, relative to the folder of this file")
    if not os.path.isfile(path):
        return Problem(f"{quoted(word)} is a folder, where a program is wanted", "write the path of a program in it")
    if not os.access(path, os.X_OK):
        instead = f'write "python", {quoted(word)}' if word.endswith(".py") else f"run chmod +x {word}"
        return Problem(f"{quoted(word)} may not be executed", instead)
    return os.path.abspath(path)


def _what_python_runs(run: Sequence[str]) -> list[tuple[int, str, bool]]:
    """The index and name of python's script or module in `run`, and whether it is a module; or nothing."""
    words = iter(enumerate(run[1:], start=1))
    for index, word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif word.startswith("-") and not word.startswith("--") and re.search("[cm]", word):
            # -c takes code; -m a module, in the next word or glued to it.
            glued = word.partition("m")[2]
            name = glued or (run[index + 1] if index + 1 < len(run) else "")
            is_m = "m" in word and "c" not in word.partition("m")[0]
            return [(index if glued else index + 1, name, True)] if is_m and name else []
        elif not word.startswith("-"):
            return [(index, word, False)]
    return []


def _script(name: str, folder: str, commands: Collection[str]) -> Problem | None:
    path = os.path.join(folder, name)
    if os.path.exists(path):
        return None
    near = _nearest_file(path, {os.path.join(folder, *module.split(".")) + ".py" for module in commands})
    instead = f"write {quoted(os.path.join(os.path.dirname(name), near))}" if near else "write one that is there"
    return Problem(f"there is no file {quoted(name)}", f"{instead}, relative to the folder of this file")


def _module(name: str, folder: str, commands: Collection[str]) -> Problem | None:
    """Why `python -m name` would find nothing. A package outside of `folder` is looked for by its first name only."""
    first, *rest = name.split(".")
    at = os.path.join(folder, first)
    if not os.path.isdir(at) and not os.path.isfile(at + ".py"):
        known = PathFinder.find_spec(first) is not None or first in sys.builtin_module_names
        return None if known else _no_module(name, folder, commands)
    below = os.path.join(at, *rest)
    runs = os.path.isfile(below + ".py") or os.path.isfile(os.path.join(below, "__main__.py"))
    if not runs and os.path.isdir(below):
        return Problem(f"the package {quoted(name)} has no __main__.py to run", "add one, or write a module in it")
    return None if runs else _no_module(name, folder, commands)


def _no_module(name: str, folder: str, commands: Collection[str]) -> Problem:
    near = nearest_module(name, folder, commands)
    instead = f"write {quoted(near)}" if near else "write one that is there, below the folder of this file"
    return Problem(f"there is no module {quoted(name)}", instead)


def nearest_module(name: str, folder: str, but: Collection[str] = ()) -> str | None:
    """The module below `folder` that `name` most resembles, `but` for these; None where none comes near."""
    return nearest(name, (module for module in _modules(folder, name.count(".")) if module not in but))


def _modules(folder: str, dots: int) -> list[str]:
    """The names of the modules below `folder` that are `dots` packages deep."""
    depth = folder.rstrip("/").count("/")
    names = []
    for here, folders, files in os.walk(folder):
        below = os.path.relpath(here, folder).split("/") if here != folder else []
        folders[:] = [name for name in folders if name.isidentifier()] if here.count("/") - depth < dots else []
        if len(below) == dots:
            names += [".".join([*below, file[:-3]]) for file in files if file.endswith(".py")]
    return names


def _nearest_file(path: str, but: Collection[str] = ()) -> str | None:
    """The name beside `path` that its own most resembles, by what stands before the suffix: w.py is not like b.py."""
    folder, name = os.path.split(path)
    stem, suffix = os.path.splitext(name)
    try:
        names = [each for each in os.listdir(folder) if os.path.join(folder, each) not in but]
    except OSError:
        return None
    stems = {each.removesuffix(suffix): each for each in names if each.endswith(suffix)}
    near = nearest(stem, stems)
    return stems[near] if near else nearest(name, (each for each in names if not each.endswith(suffix)))
