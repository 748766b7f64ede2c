"""What the core of the benchmarks offers: as little work as a command can do."""

from __future__ import annotations

from stockade import command


@command("bench.echo", inline=True)
def echo(value: int) -> int:
    """Return what came."""
    return value
