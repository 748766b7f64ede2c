"""``python -m benchmarks [NAME ...] [--quick] [--json FILE]``: measure, and print each figure beside its target."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, TextIO

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.figures import Figure, Result
from benchmarks.system import SystemFailed

#: Each benchmark is a module with `measure(quick)`; its first line is its question.
NAMES = ("latency", "pipelined", "idle", "spawn", "start")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES), metavar="[NAME ...]")
@click.option("--quick", is_flag=True, help="Seconds instead of minutes; the figures are then worth little.")
@click.option("--json", "file", type=click.File("w"), help="Write everything to FILE too (-: standard output).")
def main(names: tuple[str, ...], quick: bool, file: TextIO | None) -> None:
    """Measure what NAMES ask, or everything: latency, pipelined, idle, spawn, start.

    Exits with 0 when everything was measured, whether or not the targets were reached.
    """
    console = Console(stderr=file is not None and file.name == "<stdout>")
    report: dict[str, Any] = {"machine": machine.describe(), "quick": quick, "results": {}}
    console.print(", ".join(f"{name} {value}" for name, value in report["machine"].items()), style="dim")
    for name in names or NAMES:
        module = import_module(f"benchmarks.{name}")
        before = machine.load()
        try:
            result: Result = module.measure(quick)
        except SystemFailed as failure:
            raise click.ClickException(str(failure)) from failure
        circumstances = {**result.circumstances, "load": before[0]}
        report["results"][name] = {
            "figures": [figure.to_json() for figure in result.figures],
            "circumstances": circumstances,
        }
        _print(console, name, str(module.__doc__), result.figures, circumstances)
    if file is not None:
        json.dump(report, file, indent=2)
        file.write("\n")


def _print(
    console: Console, name: str, question: str, figures: tuple[Figure, ...], circumstances: dict[str, Any]
) -> None:
    console.print(f"\n[bold]{name}[/]: {question.splitlines()[0]}")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in ("", "quartiles", "target", "met"):
        table.add_column(column, justify="right", no_wrap=True)
    for figure in figures:
        spread = f"{_text(figure.quartiles.first)} … {_text(figure.quartiles.third)}" if figure.quartiles else ""
        reached = {True: "[green]yes", False: "[red]no", None: ""}[figure.reached]
        table.add_row(figure.name, f"{_text(figure.value)} {figure.unit}".rstrip(), spread, figure.target, reached)
    console.print(table)
    console.print(", ".join(f"{key}: {value}" for key, value in circumstances.items()), style="dim")


def _text(value: float) -> str:
    """Three digits that count, and never an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
