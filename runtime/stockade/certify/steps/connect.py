"""Connecting: the sockets, the name and secret, hello and ready. Each step is a start of its own."""

from __future__ import annotations

import asyncio
from functools import partial

from stockade.certify import endings
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.program import Program
from stockade.certify.scene import PLAIN
from stockade.certify.step import OFFERS, Steps
from stockade.core.ends import KINDS
from stockade.core.wire.happenings import Hello

__all__ = ["ALL"]

connect = Steps("connect", "3")
ALL = (connect,)

#: The exports that belong to each offer.
_EXPORTS = {
    "exports": {"echo.value", "echo.fail", "echo.crash", "echo.wait", "echo.call", "echo.enough"},
    "export-streams": {"echo.count", "echo.break", "echo.sum", "echo.send"},
}


@connect.step("first-task")
async def first_task(life: Life) -> None:
    """Bind three sockets with name and secret, say hello, ready, and call certify.next with what is offered."""
    await life.start()
    await life.until(lambda: life.link.made == set(KINDS), f"{', '.join(KINDS)}, bound in {life.program.sockets}")
    await life.greeted()
    await life.first()
    unknown = life.stage.offers.difference(OFFERS)
    require(not unknown, f"offers among {', '.join(OFFERS)}", sorted(unknown))
    life.task("echo", values=[1])
    await life.reports({"values": [1]})


@connect.step("hello", section="5")
async def hello(life: Life) -> None:
    """Say hello first and alone, and nothing more until it is answered."""
    await life.start()
    said = await life.hear(Hello, "hello, as the first message")
    require(bool(said.stub), 'a name under "stub"', said.stub)
    await asyncio.sleep(0.05)
    life.quiet("nothing before welcome")
    require(len(life.batches) == 1, "nothing before welcome", f"{len(life.batches)} batches")


@connect.step("ready", section="5")
async def ready(life: Life) -> None:
    """Say ready once, with the exports that are offered, each with a concurrency of 1."""
    await life.begin()
    wanted = set().union(*(names for offer, names in _EXPORTS.items() if offer in life.stage.offers))
    require(wanted <= life.exports.keys(), f"the exports {sorted(wanted)}", sorted(life.exports))
    for name in sorted(wanted):
        life.same(life.exports[name], {"concurrency": 1, "idempotent": name == "echo.value"}, name)
    await life.round_trip()
    life.quiet("ready, said once")


@connect.step("replica", section="2", scene=PLAIN.but(label="certify.12"))
async def replica(life: Life) -> None:
    """Take the name and generation of a replica as they are given."""
    await life.begin()


@connect.step("late-core")
async def late_core(life: Life) -> None:
    """Wait for a core that connects to one socket after the other, with emits first and commands last."""
    await life.start(["emits"])
    for name in ("emits", "events", "commands"):
        life.link.open_to(name)
        await life.until(partial(_is_made, life, name), f"{name}, bound")
        await asyncio.sleep(0.6)
    await life.greeted()
    await life.first()


def _is_made(life: Life, name: str) -> bool:
    return name in life.link.made


@connect.step("welcome-further", section="5")
async def welcome_further(life: Life) -> None:
    """Take a welcome with unknown keys, further elements, and numbers that are floats."""
    await life.start()
    await life.hear(Hello, "hello, as the first message")
    welcome = PLAIN.welcome(life.program.generation)
    limits = {name: float(number) for name, number in welcome["limits"].items()} | {"later": [1]}
    grants = welcome["grants"] | {"later": {}}
    said = welcome | {"protocol": 1.0, "limits": limits, "grants": grants, "later": None}
    life.say(["welcome", said, {"later": 1}, 2])
    await life.first()


@connect.step("environment", section="2")
async def environment(life: Life) -> None:
    """Keep the secret out of the environment, the arguments, and all that is written."""
    await life.begin()
    shown = life.program.shows()
    require(not shown, "a secret that is shown nowhere", f"it is in {', '.join(shown)}")


@connect.step("refused", section="6")
async def refused(life: Life) -> None:
    """Exit with status 1 and a word on standard error when the core says refused."""
    await life.start()
    await life.hear(Hello, "hello, as the first message")
    error = {"code": "unavailable", "message": "version 1 is not spoken", "data": {"protocols": [2]}}
    life.say(["refused", error])
    await endings.exits(life, 1, words=True)


@connect.step("by-hand", section="2", optional=True)
async def by_hand(life: Life) -> None:
    """Started by a user and not by a supervisor, say so on standard error and exit with status 2."""
    _, folder = life.stage.place()
    program = Program.start(life.stage.argv, folder, "certify", 1, by_hand=True)
    try:
        status = await asyncio.to_thread(program.wait, life.stage.patience)
        require(status is not None, "exit status 2", "it runs on, without a core")
        require(status == 2 and bool(program.words()), "exit status 2, and words on standard error", f"status {status}")
    finally:
        program.close()
