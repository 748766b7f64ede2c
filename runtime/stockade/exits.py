"""How `stockade` ends: the exit codes, one table for the supervisor, the command line and the docs.

Knows nothing else.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["BY_SIGNAL", "MEANINGS", "Exit"]


class Exit(IntEnum):
    """The exit codes; `MEANINGS` says them in words."""

    WELL = 0
    WORKER_FAILED = 1
    CONFIGURATION = 2
    REFUSED = 3
    CORE_FAILED = 4
    MACHINE = 5


#: A second signal n during a stop kills everything at once: exit code BY_SIGNAL + n, as shells report it.
BY_SIGNAL = 128

MEANINGS: dict[Exit, str] = {
    Exit.WELL: "everything ended well, by itself or because it was asked to stop",
    Exit.WORKER_FAILED: "a worker failed for good, and nothing is left to run; or what was to be shown is not so "
    "(a demonstration, `stockade certify`, `stockade bindings --check`)",
    Exit.CONFIGURATION: "the configuration or the command line is wrong, or the application's modules cannot be loaded",
    Exit.REFUSED: "the policy refuses it (`stockade explain`), or the answer is an error (`stockade invoke`)",
    Exit.CORE_FAILED: "the core was given up, or did not end well",
    Exit.MACHINE: "this machine cannot run it: not Linux 5.10 or later, or a limit is too low",
}
