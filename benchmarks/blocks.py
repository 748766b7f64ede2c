"""Blocks that were measured in pairs, made figures. Knows no worker and no process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.figures import Figure

__all__ = ["each", "ratios"]

Blocks = Sequence[Mapping[str, float]]


def ratios(over: Blocks, under: Blocks, what: str = "seconds") -> list[float]:
    """`over` by `under`, pair by pair."""
    return [one[what] / other[what] for one, other in zip(over, under, strict=True)]


def each(name: str, blocks: Blocks, size: int) -> tuple[Figure, ...]:
    """What one of the `size` things in a block took: time, time on a processor of either side, sleeps."""
    return (
        Figure.of(f"a {name}", [block["seconds"] / size * 1e6 for block in blocks], "µs"),
        Figure.of("  processor, client", [block["client_cpu"] / size * 1e6 for block in blocks], "µs"),
        Figure.of("  processor, server", [block["server_cpu"] / size * 1e6 for block in blocks], "µs"),
        Figure.of("  sleeps, client", [block["client_sleeps"] / size for block in blocks]),
        Figure.of("  sleeps, server", [block["server_sleeps"] / size for block in blocks]),
    )
