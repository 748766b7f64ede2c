"""Large calls that hide among small messages: what the core holds for a worker is bounded all the same."""

from __future__ import annotations

from applications.application import capability, worker
from applications.processes import until

COMMANDS = """
import asyncio
from stockade import command

released = asyncio.Event()
calls = {"held": 0}

@command("hold")
async def hold(data: bytes) -> int:
    calls["held"] += 1
    await released.wait()
    calls["held"] -= 1
    return len(data)

@command("held", inline=True)
def held() -> int:
    return calls["held"]

@command("release", inline=True)
def release() -> None:
    released.set()
"""
MIB = 1024 * 1024


def test_a_large_call_among_many_small_messages_counts_with_its_own_size(application) -> None:
    """Not with the mean of its batch: a thousand of them would be as many times sixteen megabytes."""
    application.configure(
        worker("bystander", capabilities=["all"]),
        worker("rogue", "raw_puppet.py", capabilities=["all"], limits={"message": 16 * MIB}),
        capability("all", commands=["**"]),
        commands=COMMANDS,
    )
    application.start()
    application.ready("bystander")
    rogue, bystander = application.puppet("rogue"), application.puppet("bystander")
    rogue.do("greet()")
    count, size = 40, 5 * MIB
    rogue.begin("""
for number in range(1, count + 1): say(['call', number, 'hold', {'data': bytes(size)}], *[['ping', 1]] * 400)
sorted(hear('result', 'error')[1:] for _ in range(count))
""", count=count, size=size)  # fmt: skip
    # Four messages of sixteen megabytes are what it may have in flight.
    until(lambda: bystander.do("core.invoke('held')") * size > 4 * 16 * MIB - size, "the core holds what it may")
    bystander.do("[core.invoke('held') for _ in range(500)]")  # turns enough to read all forty
    assert bystander.do("core.invoke('held')") * size <= 4 * 16 * MIB + 2 * size
    bystander.do("core.invoke('release')")
    assert rogue.answer() == [[number, size] for number in range(1, count + 1)]
