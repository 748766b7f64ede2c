"""The gate, where the core itself is at fault: every call has its answer, and the worker's others go on."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from typing import Any

import attrs
import pytest

from stockade.config.specs import App, Capability, Configuration, EventRules, Place, Rule, Rules, WorkerSpec
from stockade.core.commands import registry
from stockade.core.commands.dispatch import Dispatcher
from stockade.core.events.bus import Bus
from stockade.core.gate import Gate, House
from stockade.core.outbox import Laden, Outbox
from stockade.core.policy.authority import Authority
from stockade.core.refusals import Refusals
from stockade.core.replies import Replies
from stockade.core.wire.codec import decode, encode
from stockade.core.wire.conversation import Conversation

HERE = Place("stockade.toml", 1)


@registry.command("add", inline=True)
def add(a: int, b: int) -> int:
    return a + b


@registry.command("add.later")
async def add_later(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


@attrs.define
class Wire:
    """Stands for the link: what the gate says, decoded."""

    outbox: Outbox
    said: list[Any] = attrs.field(factory=list)

    def post(self, part: bytes | Laden) -> None:
        assert isinstance(part, bytes)
        self.said.append(decode(part))

    def listen(self) -> None: ...

    def suspend(self) -> None: ...
    def gather(self, more: bool) -> None: ...

    def flush_unless_gathering(self) -> None: ...

    def proceed(self) -> None: ...

    def send_event(self, frame: bytes) -> bool:
        return True


class Owner:
    """Is told, and does nothing."""

    def greeted(self, gate: Gate) -> None: ...


def configuration() -> Configuration:
    """Worker `editor`, which may call everything."""
    everything = Capability("all", HERE, Rules((Rule("**", HERE),)), EventRules(Rules(), Rules()), {})
    editor = WorkerSpec("editor", ("true",), HERE, ("all",))
    return Configuration("/app/stockade.toml", "/app", App("a"), workers=(editor,), capabilities=(everything,))


def answers(*calls: list[Any]) -> list[list[Any]]:
    """What a worker hears that says hello, and these in one batch, until each call is answered."""

    async def main() -> list[list[Any]]:
        loop = asyncio.get_running_loop()
        collected = registry.collect([__name__])
        dispatcher = Dispatcher(collected, loop, 1, 1, {}, logging.getLogger("test"))
        bus = Bus(loop, {"editor": ("editor",)})
        authority = Authority.resolve(configuration(), collected.commands)
        unused: Any = None
        owner: Any = Owner()
        house = House(loop, authority, collected.commands, dispatcher, unused, bus, owner)
        spec = configuration().workers[0]
        gate = Gate(house, "editor", 3, spec.limits, Refusals("editor@3", time.monotonic))
        wire: Any = Wire(Outbox(spec.limits.outbox, spec.limits.message))
        gate.open(wire)
        gate.on_batch(encode([["hello", {"protocol": 1, "stub": "test"}]]), ())
        gate.on_batch(encode(list(calls)), ())
        async with asyncio.timeout(20):
            while len(wire.said) < 1 + len(calls):  # noqa: ASYNC110 (the gate tells nobody when it is done)
                await asyncio.sleep(0.001)
        assert gate.conversation.in_flight == 0
        return list(wire.said[1:])

    return asyncio.run(main())


#: Where the core may be at fault while it has a call: encoding its answer, running it, reading it.
PLACES = {
    "answer": (Replies, "result"),
    "dispatch": (Dispatcher, "dispatch"),
    "reading": (Conversation, "take"),
}


@pytest.mark.parametrize("command", ["add", "add.later"])
@pytest.mark.parametrize("place", PLACES)
def test_a_fault_of_the_core_is_answered_and_harms_no_other_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, place: str, command: str
) -> None:
    """`internal`, with a reference to the log; those behind it in the batch are answered as ever."""
    kind, name = PLACES[place]
    real, uses = getattr(kind, name), itertools.count()

    def broken(*arguments: Any) -> Any:
        if next(uses) == (1 if place == "reading" else 0):  # the first that is read is hello
            raise RuntimeError("the core itself")
        return real(*arguments)

    monkeypatch.setattr(kind, name, broken)
    said = answers(*(["call", number, command, {"a": number, "b": 1}] for number in (1, 2, 3)))
    [error] = [message for message in said if message[0] == "error"]
    assert error[1] == 1
    assert error[2]["code"] == "internal"
    assert error[2]["data"]["reference"] in caplog.text
    assert sorted(message for message in said if message[0] == "result") == [["result", 2, 3], ["result", 3, 4]]
    assert "the core itself" in caplog.text
