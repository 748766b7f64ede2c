"""Readies this process to be a supervisor, and runs the loop. Knows no command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from stockade.control import Plan
from stockade.supervisor.actions import Say
from stockade.supervisor.journal import Journal
from stockade.supervisor.loop import Loop
from stockade.supervisor.machine import (
    become_subreaper,
    check_platform,
    hide_memory,
    open_standard_descriptors,
    raise_descriptor_limit,
)
from stockade.supervisor.places import RunDirectory, bases, dead_runs
from stockade.supervisor.removers import Removers
from stockade.supervisor.terminal import open_terminal

__all__ = ["CORE", "supervise"]

#: The core's program; the numbers of its three descriptors follow.
CORE = (sys.executable, "-P", "-m", "stockade.core")


def supervise(plan: Plan, core_program: Sequence[str] = CORE) -> int:
    """Run what the plan says until it ends; the exit code (see `exits`). Raises StartError before anything runs.

    Takes the process for itself: its signals, its children, its limits. To be called once, in a process with one
    thread.
    """
    check_platform()
    open_standard_descriptors()
    open_files = raise_descriptor_limit(len(plan.workers))
    journal = Journal(open_terminal(), plan.log_format, plan.log_level, plan.color)
    if not plan.debuggable:
        hide_memory()
    become_subreaper()
    place = RunDirectory.create(os.environ)
    removers = Removers()
    _sweep(journal, removers)
    return Loop(plan, core_program, place, journal, removers, open_files).run()


def _sweep(journal: Journal, removers: Removers) -> None:
    """Remove what supervisors left that were killed, their cores with them."""
    for base in bases(os.environ):
        for path, lock in dead_runs(base):
            removers.remove([path], keep=lock)
            if lock is not None:
                os.close(lock)
            journal.say(Say("info", "run_swept", "the directory of a dead run is removed", {"path": path}))
