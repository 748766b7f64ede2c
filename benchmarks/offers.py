"""What the core of the benchmarks offers: as little work as a command can do."""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator
from typing import Any

from benchmarks.players.led import Led, pid_of
from stockade import Caller, Events, ReceiveChannel, command


@command("bench.echo", inline=True)
def echo(value: int) -> int:
    """Return what came."""
    return value


@command("bench.denied", inline=True)
def denied(value: int) -> int:
    """Nobody may call this."""
    raise AssertionError(value)


@command("bench.text", inline=True)
def text(value: str) -> str:
    """Take a text, which no benchmark sends."""
    raise AssertionError(value)


@command("bench.emit", inline=True)
def emit(value: int, events: Events) -> None:
    """Emit so many events, all in one turn of the core's loop."""
    for number in range(value):
        events.emit("bench/tick", number % 24)


@command("bench.take", inline=True)
def take(data: bytes) -> int:
    """Take a payload."""
    return len(data)


@functools.lru_cache(maxsize=1)
def payload(size: int) -> bytes:
    """So many bytes, made once: making them is nothing that a benchmark asks about."""
    return b"\1" * size


@command("bench.give", inline=True)
def give(size: int) -> bytes:
    """Give a payload of so many bytes."""
    return payload(size)


@command("bench.take-view", inline=True)
def take_view(data: memoryview) -> int:
    """Take a payload as a view of the frame that came."""
    return len(data)


@command("bench.items")
async def items(count: int) -> AsyncIterator[dict[str, int | str]]:
    """Yield so many small items."""
    for number in range(count):
        yield {"id": number, "name": "item"}


@command("bench.collect")
async def collect(items: ReceiveChannel[dict[str, int | str]]) -> int:
    """Take items until there are no more, and return how many there were."""
    count = 0
    async for _ in items:
        count += 1
    return count


@command("bench.pieces")
async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    """Yield a payload so many times."""
    for _ in range(count):
        yield payload(size)


@functools.cache
def led(label: str) -> Led:
    """What leads the worker of this label, which is a side of that name."""
    return Led(label, pid_of(label), (os.getpid(),))


@command("bench.next")
def next_task(caller: Caller, report: dict[str, Any] | None = None) -> dict[str, Any]:
    """Wait for the next task of a worker that is led, for as long as it takes."""
    return led(caller.worker).next(report)
