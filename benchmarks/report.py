"""``python -m benchmarks.report FILE``: writes what was measured into docs/benchmarks.md, between its two marks.

Knows no benchmark: all is in FILE, which ``python -m benchmarks --json FILE --plots docs/plots`` wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.figures import MOST, text
from benchmarks.peers import PEERS

__all__ = ["charts", "main", "markdown"]

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: python -m benchmarks.report -->", "<!-- measured: end -->"


@click.command()
@click.argument("file", type=click.File())
@click.option("--page", type=click.Path(path_type=Path, exists=True), default=PAGE, help="The page, if not the docs'.")
def main(file: Any, page: Path) -> None:
    """Write the figures of FILE into the page."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise click.ClickException(f"{page} has no part between {BEGIN!r} and {END!r}")
    measured = "\n".join(markdown(json.load(file)))
    page.write_text(f"{before}{BEGIN}\n\n{measured}\n{END}{after}")


def charts(name: str, tables: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """For each table of a benchmark the file that it is drawn into, or None."""
    drawn = [bool(table["chart"]) for table in tables]
    names = iter(f"{name}.svg" if sum(drawn) == 1 else f"{name}-{number}.svg" for number in range(1, len(tables) + 1))
    return [next(names) if is_drawn else None for is_drawn in drawn]


def markdown(report: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a report."""
    if report["quick"]:
        yield "*Measured with `--quick`: these figures are worth little.*\n"
    yield ", ".join(f"{name} {value}" for name, value in report["machine"].items()) + ".\n"
    for name, result in report["results"].items():
        yield f"### {name}\n\n{result['question']}\n"
        yield from (f"**Skipped:** {reason}\n" for reason in result["skipped"])
        yield from _figures(result["figures"])
        for chart, table in zip(charts(name, result["tables"]), result["tables"], strict=True):
            yield from _table(table, chart)
        circumstances = ", ".join(f"{key} {value}" for key, value in result["circumstances"].items())
        yield f"*{circumstances}*\n"
        if result["circumstances"].get("load before", 0) > report["machine"]["processors"]:
            yield "*The machine had other work meanwhile: read the ratios with care, and the times not at all.*\n"
    yield "### The peers, and the form they were measured in\n"
    yield from _rows(
        ("peer", "form", "documented"), [(peer.title, peer.form, f"<{peer.docs}>") for peer in PEERS.values()]
    )


def _figures(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not figures:
        return
    rows = []
    for figure in figures:
        cuts = figure["quartiles"]
        spread = f"{text(cuts['first'])} … {text(cuts['third'])}" if cuts else ""
        value = f"{text(figure['value'])} {figure['unit']}".rstrip()
        reached = {True: "reached", False: "**not reached**", None: ""}[figure["reached"]]
        rows.append((figure["name"], f"**{value}**" if figure["target"] else value, spread, figure["target"], reached))
    yield from _rows(("", "median", "quartiles", "target", ""), rows)


def _table(table: Mapping[str, Any], chart: str | None) -> Iterator[str]:
    if chart:
        yield f"![{table['title']}](plots/{chart})\n"
    else:
        yield f"{table['title']}:\n"
    if len(table["rows"]) <= MOST:
        yield from _rows(
            (table["head"], *table["columns"]), [(name, *map(text, values)) for name, values in table["rows"]]
        )


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


if __name__ == "__main__":
    main()
