"""Hands a plan to a supervisor, the one that this process becomes or a child.

Knows how a supervisor is started, and nothing of what it then does.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from stockade.control import Plan
from stockade.errors import StartError

__all__ = ["become_supervisor", "plan_in_memory", "supervisor_program"]


def become_supervisor(plan: Plan) -> NoReturn:
    """Go on as the supervisor of `plan`, in this very process. Raises StartError where that cannot be."""
    descriptor = plan_in_memory(plan)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # closed by whoever started us
            stream.flush()
    os.set_inheritable(descriptor, True)
    os.execv(sys.executable, supervisor_program(descriptor))


def plan_in_memory(plan: Plan) -> int:
    """A descriptor from which the plan can be read. It is no pipe: that would hold 64 KiB until somebody reads."""
    if sys.platform != "linux":
        raise StartError(f"a core and its workers need Linux 5.10 or later; this is {sys.platform}")
    descriptor = os.memfd_create("stockade-plan")
    with open(descriptor, "wb", closefd=False) as memory:
        memory.write(plan.to_json())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def supervisor_program(descriptor: int) -> list[str]:
    """What to execute. -P: nothing in the working directory may stand for a module of the supervisor's."""
    return [sys.executable, "-P", "-m", "stockade.supervisor", str(descriptor)]
