"""Imports the application's modules. What goes wrong is a fault at the line of the user's that brought it about.

Knows no commands.
"""

from __future__ import annotations

import importlib
import os
import sysconfig
import traceback
from types import ModuleType

import stockade
from stockade.errors import Fault

__all__ = ["import_module", "shown_file"]

#: Where code lives that is not the user's: a fault in it is shown at the user's line that led there.
#: Ours stands by itself: in a source tree it is in none of the others.
_FOREIGN = (
    *{sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    os.path.dirname(os.path.abspath(stockade.__file__)) + os.sep,
)


def import_module(name: str) -> ModuleType | Fault:
    """The module, or what is wrong with it. A module that is not there is a fault of no file: `file` is its name."""
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 (also SystemExit: a module must not end the core)
        return _fault(name, error)


def shown_file(file: str) -> str:
    """A file's name as its user knows it: relative where it lies below the working directory."""
    relative = os.path.relpath(file)
    return file if relative.startswith(os.pardir) else relative


def _fault(name: str, error: BaseException) -> Fault:
    said = str(error).splitlines()[0] if str(error) else ""
    wrong = f"importing {name} raised {type(error).__name__}{': ' if said else ''}{said}"
    if isinstance(error, SyntaxError) and error.filename:
        return Fault(shown_file(error.filename), error.lineno or 0, f"no Python: {error.msg}", "correct it")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    if own:
        return Fault(shown_file(own[-1].filename), own[-1].lineno or 0, wrong, "correct what this line runs into")
    if isinstance(error, ModuleNotFoundError):
        return Fault(name, 0, f"there is no module {error.name}", "write it as `import` would, seen from this folder")
    return Fault(name, 0, wrong, "correct it")


def _is_users(file: str) -> bool:
    return not file.startswith(("<", *_FOREIGN))
