"""`python -m stockade.supervisor DESCRIPTOR`: the program that `stockade run` becomes. Knows how it is started only."""

from __future__ import annotations

import gc
import sys

# Nothing that importing makes is garbage, and collecting meanwhile takes 5 ms of 100.
gc.disable()

from stockade.control import ControlError, Plan  # noqa: E402 (the collector rests first)
from stockade.errors import StartError  # noqa: E402 (the collector rests first)
from stockade.exits import Exit  # noqa: E402 (the collector rests first)
from stockade.supervisor.supervise import supervise  # noqa: E402 (the collector rests first)

gc.freeze()
gc.enable()


def main(arguments: list[str]) -> int:
    """Read the plan from the inherited descriptor whose number is the only argument, and run it; the exit code."""
    if len(arguments) != 1 or not arguments[0].isdecimal():
        print("stockade.supervisor is started by `stockade run`, with its plan on a descriptor", file=sys.stderr)
        return Exit.CONFIGURATION
    try:
        return supervise(_read_plan(int(arguments[0])))
    except (ControlError, StartError) as error:
        print(f"stockade: {error}", file=sys.stderr)
        return Exit.MACHINE


def _read_plan(descriptor: int) -> Plan:
    try:
        with open(descriptor, "rb") as pipe:
            return Plan.from_json(pipe.read())
    except OSError as error:
        raise ControlError(f"no plan can be read from descriptor {descriptor}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
