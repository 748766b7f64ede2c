"""Writes a project into a folder of its own: all of it, or nothing. Knows no template."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["write"]


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` with these files, by their paths in it.

    Raises FileExistsError if anything stands there already, else the OSError that came in between; then nothing has
    been made.
    """
    folder.mkdir()  # is ours now: whoever comes at the same time is refused
    try:
        # Beside it, and given its name when it is whole: a rename replaces an empty folder, at once.
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            whole = Path(scratch, folder.name)
            whole.mkdir()
            for path, content in files.items():
                target = whole / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            os.rename(whole, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # empty, or whole a moment ago
        raise
