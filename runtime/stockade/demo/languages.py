"""The parts of the demonstration that are written twice: in Python, and in a language that has to be compiled.

Compiles what this machine can, from the sources that came along, and says of the rest why Python does it. Asks no
network for anything, and writes into one folder alone.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs

from stockade.demo.stage import APPLICATION
from stockade.new.sources import stub_folder

__all__ = ["Built", "build"]

#: What the stubs of both languages are built on, as pkg-config is asked for it.
_LIBRARIES = ("libzmq >= 4.3", "libcbor >= 0.8")
#: Seconds for one run of a compiler.
_PATIENCE = 120.0


@attrs.frozen
class _Compiler:
    """What compiles one language. Not for speed: that the demonstration begins soon is worth more."""

    variable: str
    names: tuple[str, ...]  # where the variable says nothing: the first of these that is there
    options: tuple[str, ...]

    def argv(self) -> list[str] | None:
        """How it is started; None if this machine has none."""
        said = shlex.split(os.environ.get(self.variable, ""))
        names = (said[0],) if said else self.names
        return next(([name, *said[1:], *self.options] for name in names if shutil.which(name)), None)


_COMPILERS = {
    "C": _Compiler("CC", ("cc", "gcc", "clang"), ("-std=c11", "-O0")),
    "C++": _Compiler("CXX", ("c++", "g++", "clang++"), ("-std=c++17", "-O0")),
}


@attrs.frozen
class _Part:
    """A worker that is there in another language too."""

    worker: str
    language: str
    source: str


_PARTS = (_Part("reporter", "C++", "reporter.cpp"), _Part("crasher", "C", "crasher.c"))


@attrs.frozen
class Built:
    """What came of it: the program of each worker that has one, its language, and why others have none."""

    programs: Mapping[str, Path]
    languages: Mapping[str, str]
    reasons: Sequence[str]

    def shown(self) -> dict[str, object]:
        """What `--json` shows of it."""
        return {"languages": dict(self.languages), "not_compiled": list(self.reasons)}


class _NotHere(Exception):
    """Why a part is left to Python."""


def build(folder: Path) -> Built:
    """Compile all parts into `folder`, which exists. What cannot be compiled, or run from there, has a reason."""
    built: dict[_Part, Path] = {}
    reasons: list[str] = []
    try:
        flags = _flags()
        with ThreadPoolExecutor() as both:  # at once: the reporter alone takes as long as all the rest
            stub = both.submit(_compile, "C", stub_folder("c") / "stockade.c", folder, flags)
            begun = {
                part: both.submit(_compile, part.language, APPLICATION / part.source, folder, flags) for part in _PARTS
            }
        for part, compiled in begun.items():
            try:
                built[part] = _link(part, [compiled.result(), stub.result()], folder)
            except _NotHere as error:
                reasons.append(f"The {part.worker} is written in Python: {error}.")
    except _NotHere as error:
        reasons.append(f"All workers are written in Python: {error}.")
    return Built(
        {part.worker: program for part, program in built.items()},
        {part.worker: part.language for part in built},
        reasons,
    )


def _flags() -> list[str]:
    """What compilers have to be told of the libraries and of the stubs' headers."""
    if shutil.which("pkg-config") is None:
        raise _NotHere("to compile others this machine lacks pkg-config")
    for library in _LIBRARIES:
        if subprocess.run(["pkg-config", "--exists", library], check=False).returncode:
            raise _NotHere(f"to compile others this machine lacks {library}, with its headers")
    asked = _output(["pkg-config", "--cflags", *_LIBRARIES])
    return [*shlex.split(asked), f"-I{stub_folder('c')}", f"-I{stub_folder('cpp') / 'include'}"]


def _compile(language: str, source: Path, folder: Path, flags: Iterable[str]) -> Path:
    made = folder / f"{source.name}.o"
    _output([*_compiler(language), *flags, "-c", str(source), "-o", str(made)])
    return made


def _link(part: _Part, objects: Iterable[Path], folder: Path) -> Path:
    program = folder / part.worker
    libraries = shlex.split(_output(["pkg-config", "--libs", *_LIBRARIES]))
    _output([*_compiler(part.language), *map(str, objects), *libraries, "-pthread", "-o", str(program)])
    if not os.access(program, os.X_OK):
        raise _NotHere(f"nothing can be run from {folder}")
    return program


def _compiler(language: str) -> list[str]:
    argv = _COMPILERS[language].argv()
    if argv is None:
        raise _NotHere(f"this machine lacks a compiler for {language}")
    return argv


def _output(command: Sequence[str]) -> str:
    """What a program of the toolchain prints. Raises _NotHere, with its last words, if it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _NotHere(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        words = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[-200:])
        raise _NotHere(f"{command[0]} failed: {words}")
    return done.stdout
