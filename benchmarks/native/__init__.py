"""Programs in C, compiled when they are first needed with the compiler that is there. Knows no benchmark."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

import zmq  # noqa: F401 (loads the library that the programs use)

__all__ = ["build", "environment", "missing", "skipped"]

_SOURCES = Path(__file__).parent


def missing() -> str | None:
    """Why no program in C can be had here, or None."""
    if _compiler() is None:
        return "there is no C compiler (cc, gcc or clang, or what CC names)"
    if _libzmq() is None:
        return "pyzmq has libzmq within itself, not as a library that a program in C could load"
    return None


def environment() -> dict[str, str]:
    """What a program needs to find libzmq: the one that pyzmq has loaded, be it of its wheel or of the system."""
    return {"BENCHMARK_LIBZMQ": _libzmq() or ""}


@functools.cache
def build(name: str) -> str:
    """The path of the program `name`.c, compiled once; it goes when this process ends. Only if nothing is `missing`."""
    compiler = _compiler()
    if compiler is None:
        raise RuntimeError(missing())
    program = f"{_folder().name}/{name}"
    subprocess.run([*compiler, "-O2", "-Wall", "-o", program, f"{_SOURCES}/{name}.c", "-ldl"], check=True)
    return program


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="stockade-benchmarks-")


@functools.cache
def _compiler() -> tuple[str, ...] | None:
    named = os.environ.get("CC") or sysconfig.get_config_var("CC") or ""
    for each in (named, "cc", "gcc", "clang"):
        words = shlex.split(each)
        if words and shutil.which(words[0]):
            return tuple(words)
    return None


@functools.cache
def _libzmq() -> str | None:
    """The library's file, as this process has it mapped."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.partition("/")[2]
        if "libzmq" in path and ".so" in path:
            return f"/{path}"
    return None


def skipped(what: str) -> list[str]:
    """That `what` is left out, and why; nothing if it need not be."""
    why = missing()
    return [f"{what}: {why}"] if why else []
