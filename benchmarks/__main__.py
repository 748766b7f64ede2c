"""``python -m benchmarks [NAME ...] [--quick] [--json FILE] [--plots FOLDER]``: measure, and print it."""

from __future__ import annotations

import json
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, TextIO

import attrs
import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid

from benchmarks import machine
from benchmarks.figures import MOST, Result, Table, text
from benchmarks.system import SystemFailed

#: Each benchmark is a module with `measure(quick)`; its first line is its question. They run in this order.
NAMES = (
    "latency",
    "pipelined",
    "workers",
    "payloads",
    "events",
    "streams",
    "beside",
    "refused",
    "spawn",
    "start",
    "idle",
    "memory",
)
#: These only run when they are named.
LONG = ("languages", "memory_streams")
#: Columns of the output where nobody says how wide it is.
_WIDTH = 140


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES + LONG), metavar="[NAME ...]")
@click.option("--quick", is_flag=True, help="Seconds instead of minutes; the figures are then worth little.")
@click.option("--json", "file", type=click.File("w"), help="Write everything to FILE too (-: standard output).")
@click.option(
    "--plots", "folder", type=click.Path(path_type=Path, file_okay=False), help="Draw it into FOLDER, as SVG."
)
@click.option("--list", "lists", is_flag=True, help="Say what each benchmark asks, and measure nothing.")
def main(names: tuple[str, ...], quick: bool, file: TextIO | None, folder: Path | None, lists: bool) -> None:
    """Measure what NAMES ask, or everything but languages, which builds the stubs, and memory_streams, which takes
    about twenty minutes.

    Exits with 0 when everything was measured, whether or not the targets were reached.
    """
    console = Console(stderr=file is not None and file.name == "<stdout>")
    if not console.is_terminal:
        console.width = _WIDTH
    modules = {name: import_module(f"benchmarks.{name}") for name in names or (NAMES + LONG if lists else NAMES)}
    if lists:
        for name, module in modules.items():
            console.print(f"[bold]{name:15}[/] {question(module)}", highlight=False)
        return
    if folder is not None:
        import_module("benchmarks.plots")  # if that cannot be had, better now than after twenty minutes
    signal.signal(signal.SIGTERM, _end)
    report: dict[str, Any] = {"machine": machine.describe(), "quick": quick, "results": {}}
    console.print(", ".join(f"{name} {value}" for name, value in report["machine"].items()), style="dim")
    for name, module in modules.items():
        report["results"][name] = _measure(console, name, module, quick)
    if file is not None:
        json.dump(report, file, indent=1)
        file.write("\n")
    if folder is not None:
        for path in import_module("benchmarks.plots").draw(report, folder):
            console.print(f"drawn: {path}", style="dim")


def question(module: ModuleType) -> str:
    """What a benchmark asks."""
    return str(module.__doc__).splitlines()[0]


def _measure(console: Console, name: str, module: ModuleType, quick: bool) -> dict[str, Any]:
    load, began = machine.load()[0], time.monotonic()
    try:
        result: Result = module.measure(quick)
    except SystemFailed as failure:
        raise click.ClickException("\n".join((f"{name}: {failure}", *getattr(failure, "__notes__", ())))) from failure
    circumstances = {**result.circumstances, "load before": load, "took": f"{time.monotonic() - began:.0f} s"}
    console.print(f"\n[bold]{name}[/]: {question(module)}")
    _print(console, result)
    console.print(", ".join(f"{key}: {value}" for key, value in circumstances.items()), style="dim", highlight=False)
    return {
        "question": question(module),
        "figures": [figure.to_json() for figure in result.figures],
        "tables": [attrs.asdict(table) for table in result.tables],
        "circumstances": circumstances,
        "skipped": list(result.skipped),
    }


def _print(console: Console, result: Result) -> None:
    for reason in result.skipped:
        console.print(f"SKIPPED  {reason}", style="bold yellow", highlight=False)
    grid = Grid(box=SIMPLE_HEAD, pad_edge=False)
    grid.add_column("", no_wrap=True)
    for column in ("", "quartiles", "target", "met"):
        grid.add_column(column, justify="right", no_wrap=True)
    for figure in result.figures:
        spread = f"{text(figure.quartiles.first)} … {text(figure.quartiles.third)}" if figure.quartiles else ""
        reached = {True: "[green]yes", False: "[red]no", None: ""}[figure.reached]
        grid.add_row(figure.name, f"{text(figure.value)} {figure.unit}".rstrip(), spread, figure.target, reached)
    if result.figures:
        console.print(grid)
    for table in result.tables:
        if len(table.rows) <= MOST:
            console.print(_grid(table))


def _grid(table: Table) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, pad_edge=False, title=table.title, title_justify="left", title_style="italic")
    grid.add_column(table.head, no_wrap=True)
    for column in table.columns:
        grid.add_column(column, justify="right")
    for name, values in table.rows:
        grid.add_row(name, *map(text, values))
    return grid


def _end(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)  # through every `finally`: what was started ends too


if __name__ == "__main__":
    main()
