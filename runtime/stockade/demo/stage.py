"""Sets the demonstration up: which folder is read, where the report goes, what the rogue finds. Starts nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from stockade.config.load import load_text
from stockade.config.specs import Configuration
from stockade.errors import StartError

__all__ = ["APPLICATION", "OUTSIDE", "SECRET", "check_folder", "configuration", "fill_corner"]

APPLICATION = Path(__file__).with_name("app")
#: What stands in the file that the rogue must not get at, by whatever name it asks.
SECRET = "no worker has ever read this line"
#: The name of that file, beside the rogue's corner.
OUTSIDE = "secret.txt"


def check_folder(folder: Path) -> None:
    """Raise StartError for a folder that is missing, unreadable or has no file in it."""
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise StartError(f"{folder} {what}; name a folder of text files, or none to read Stockade's own sources")
    try:
        if not any(name for _, _, names in os.walk(folder, onerror=_raise) for name in names):
            raise StartError(f"{folder} has no file in it; name a folder of text files")
    except OSError as error:
        raise StartError(
            f"{error.filename} cannot be read ({error.strerror}); name a folder that you may read"
        ) from error


def _raise(error: OSError) -> None:
    raise error


def fill_corner(corner: Path) -> None:
    """Make the folder that the rogue may read: a public file, a denied one, and a link that leads out."""
    corner.mkdir()
    (corner / "public.txt").write_text("Whoever visits may read this.\n")
    (corner / "private.txt").write_text(f"{SECRET}\n")
    (corner.parent / OUTSIDE).write_text(f"{SECRET}\n")
    (corner / "link.txt").symlink_to(corner.parent / OUTSIDE)


def configuration(
    folder: Path, report: Path, overwrite: bool, corner: Path, programs: Mapping[str, Path]
) -> Configuration:
    """The application's own stockade.toml, with `folder` in the readers' scopes and `corner` in the rogue's.

    Workers that are among `programs` run those.
    """
    text = (APPLICATION / "stockade.toml").read_text(encoding="utf-8")
    written = load_text(text, "stockade.toml", APPLICATION)  # so called, since the whole path fills a line
    folders = {"texts": str(folder.absolute()), "visit": str(corner)}
    return attrs.evolve(
        written,
        app=attrs.evolve(written.app, settings={"report": str(report), "overwrite": overwrite}),
        workers=tuple(
            attrs.evolve(worker, run=(str(programs[worker.label]),) if worker.label in programs else worker.run)
            for worker in written.workers
        ),
        capabilities=tuple(
            attrs.evolve(capability, folder=folders.get(capability.name, capability.folder))
            for capability in written.capabilities
        ),
    )
