"""Where the sources of the stubs are, and which of them a project gets. Knows no template.

The wheel has them beside this module, under stubs/: no registry has them yet, and what `stockade new` makes is to build
all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stockade.new.languages import Stub

__all__ = ["stub_files", "stub_folder"]

_INSTALLED = Path(__file__).with_name("stubs")
#: In a checkout they are where they are written.
_CHECKOUT = Path(__file__).parents[3] / "frontend_stub"


def stub_folder(language: str) -> Path:
    """Where the sources of a stub are. In a checkout there is more than what `stub_files` gives."""
    return (_INSTALLED if _INSTALLED.is_dir() else _CHECKOUT) / language


def stub_files(stub: Stub) -> Iterator[tuple[str, Path]]:
    """Each file of `stub` that a project gets: its path below the stub's folder, with slashes, and where it is."""
    folder = stub_folder(stub.language)
    found = {path for pattern in stub.take for path in folder.glob(pattern)}
    for path in sorted(found):
        if path.is_file() and not any(path.match(pattern) for pattern in stub.leave):
            yield path.relative_to(folder).as_posix(), path
