"""What workers may export, and whether two patterns of commands have a name in common.

Knows no file system and no command: which there are, `cli.check` and the core find out.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from stockade.config.document import Node
from stockade.config.grammar import Kind, problem
from stockade.config.wording import quoted
from stockade.errors import Fault

__all__ = ["exported", "faults_of_exports", "meet"]


def meet(one: str, other: str) -> bool:
    """Whether any name of a command fits both patterns, each of them without fault."""
    return _meet(tuple(one.split(".")), tuple(other.split(".")))


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """By dynamic programming over the two: `reached` has how far in `other` one may be, for each place in `one`."""
    reached = _skip({0}, other)
    for segment in one:
        if segment == "**":
            reached = set(range(min(reached, default=len(other) + 1), len(other) + 1))
        else:
            steps = {at + (other[at] != "**") for at in reached if at < len(other) and _fits(segment, other[at])}
            reached = _skip(steps, other)
    return len(other) in reached


def _skip(places: set[int], pattern: tuple[str, ...]) -> set[int]:
    """`places`, and those behind each `**` at them, which may stand for nothing."""
    found = set(places)
    for at in range(len(pattern)):
        if at in found and pattern[at] == "**":
            found.add(at + 1)
    return found


def _fits(segment: str, other: str) -> bool:
    return segment == other or "*" in segment or "*" in other


def exported(worker: Node) -> list[Node]:
    """The good patterns under `exports` of a worker's table."""
    node = worker.members.get("exports")
    elements = node.elements if node else []
    return [each for each in elements if isinstance(each.value, str) and problem(Kind.COMMANDS, each.value) is None]


def faults_of_exports(workers: list[Node], file: str) -> Iterator[Fault]:
    """Each pattern that meets one of another worker's: which of the two would a call be for?"""
    for first, second in combinations(workers, 2):
        for node in exported(second):
            taken = next((each for each in exported(first) if meet(each.value, node.value)), None)
            if taken is not None:
                wrong = f"{quoted(node.value)} meets {quoted(taken.value)}, which {_called(first)} may export"
                wrong += f" by line {taken.line}"
                yield Fault(file, node.line, wrong, "write patterns that have no name in common")


def _called(worker: Node) -> str:
    label = worker.members.get("label")
    return quoted(label.value) if label and isinstance(label.value, str) else "another worker"
