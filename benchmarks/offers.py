"""What the core of the benchmarks offers: as little work as a command can do."""

from __future__ import annotations

from stockade import Events, command


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


_PAYLOADS: dict[int, bytes] = {}


@command("bench.give", inline=True)
def give(size: int) -> bytes:
    """Give a payload of so many bytes. It is made once: making it is nothing that a benchmark asks about."""
    found = _PAYLOADS.get(size)
    if found is None:
        _PAYLOADS.clear()
        found = _PAYLOADS[size] = b"\1" * size
    return found
