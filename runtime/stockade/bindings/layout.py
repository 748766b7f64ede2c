"""How generated code is laid out: what stands in brackets, and documentation in C-like languages. Knows no code."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["WIDTH", "enclosed", "javadoc", "slashes"]

#: Columns of a line that is not broken.
WIDTH = 110


def enclosed(
    before: str, parts: Sequence[str], after: str, *, unit: str = "    ", separator: str = ",", last: str = ","
) -> list[str]:
    """What stands in brackets: in one line, or where that is long in one for each part, `last` behind the last one."""
    line = f"{before}{f'{separator} '.join(parts)}{after}"
    if len(line) <= WIDTH or not parts:
        return [line]
    indent = before[: len(before) - len(before.lstrip())]
    *others, final = parts
    lines = [*(f"{indent}{unit}{part}{separator}" for part in others), f"{indent}{unit}{final}{last}"]
    return [before.rstrip(), *lines, f"{indent}{after.lstrip()}"]


def javadoc(lines: Sequence[str], indent: str = "") -> list[str]:
    """``/** ... */``, which nothing in it ends early."""
    said = [line.replace("*/", "* /").rstrip() for line in lines]
    if len(said) == 1:
        return [f"{indent}/** {said[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in said), f"{indent} */"]


def slashes(lines: Sequence[str], mark: str = "//", indent: str = "") -> list[str]:
    """Comments to the end of their lines."""
    return [f"{indent}{mark} {line}".rstrip() for line in lines]
