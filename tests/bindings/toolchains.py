"""What compiles generated code, where this machine has it. Knows no binding."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

__all__ = ["STUBS", "needs", "succeeds"]

STUBS = Path(__file__).parents[2] / "frontend_stub"
#: Compiling a stub's own dependencies takes minutes where nobody has done it before.
PATIENCE = 900.0


def needs(language: str, *found: object) -> None:
    """Skip, loudly, where something that compiles this language is not found."""
    if not all(found):
        pytest.skip(f"bindings for {language} are NOT compiled: its toolchain, or its stub's build, is missing")


def succeeds(argv: list[str], folder: Path, **environment: str) -> str:
    """What a command prints; fails with all of it where it does."""
    made = subprocess.run(
        ["nice", *argv],
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert made.returncode == 0, made.stdout
    return made.stdout
