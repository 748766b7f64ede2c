"""The steps of the walk as docs/certify.md has them: written from the steps themselves, so that they are true.

``python -m stockade.certify.reference docs`` writes them; a test sees that they are not stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from stockade.certify.step import Step
from stockade.certify.steps import STEPS

__all__ = ["main", "page", "tables"]

BEGIN, END = "<!-- steps: written by stockade.certify.reference -->", "<!-- steps end -->"
_PAGE = "certify.md"


def page(text: str) -> str:
    """The page with the steps that there are in the place of those that it had. Raises ValueError without its marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{_PAGE} has no place for the steps: {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n\n{tables(STEPS)}\n{END}{after}"


def tables(steps: Iterable[Step]) -> str:
    """A table for each group of steps."""
    groups = groupby(steps, key=lambda step: step.name.partition("/")[0])
    return "\n".join(_table(name, list(of_it)) for name, of_it in groups)


def _table(name: str, steps: list[Step]) -> str:
    head = ["| step | protocol | needs | the worker must |", "|---|---|---|---|"]
    rows = (f"| `{step.name}` | {step.section} | {_needs(step)} | {step.about} |" for step in steps)
    return "\n".join([f"### {name}", "", *head, *rows, ""])


def _needs(step: Step) -> str:
    return ", ".join([*(f"`{offer}`" for offer in step.needs), *(["optional"] if step.optional else [])])


def main(folder: Path) -> None:
    """Write the steps into the page in this folder."""
    path = folder / _PAGE
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
