"""The short way of a call that comes alone: it says what the long way would, and is gone where it may be gone alone."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from typing import Any

import attrs
import pytest

from stockade.config.specs import (
    App,
    Capability,
    Configuration,
    EventRules,
    Place,
    Rule,
    Rules,
    WorkerLimits,
    WorkerSpec,
)
from stockade.core.commands import registry
from stockade.core.commands.caller import Caller
from stockade.core.commands.dispatch import Dispatcher
from stockade.core.events.bus import Bus
from stockade.core.exports.router import Router
from stockade.core.gate import Gate, House
from stockade.core.outbox import Laden, Outbox
from stockade.core.policy.authority import Authority
from stockade.core.refusals import Refusals
from stockade.core.wire.codec import decode, encode
from stockade.errors import CommandError

HERE = Place("stockade.toml", 1)


@registry.command("add", inline=True)
def add(a: int, b: int) -> int:
    return a + b


@registry.command("add.later")
async def add_later(a: int, b: int) -> int:
    return a + b


@registry.command("who", inline=True)
def who(caller: Caller) -> str:
    return f"{caller.worker}@{caller.generation} calls {caller.command}"


@registry.command("give", inline=True)
def give(value: Any) -> Any:
    return value


@registry.command("many", inline=True)
def many(count: int) -> bytes:
    return b"x" * count


@registry.command("fail", inline=True)
def fail(code: str) -> None:
    raise CommandError(code, "as asked", {"code": code})


@registry.command("crash", inline=True)
def crash() -> None:
    raise SystemExit(3)


class Owner:
    """Remembers what a worker was ended for."""

    def __init__(self) -> None:
        self.breach: Any = None

    def greeted(self, gate: Gate) -> None: ...

    def ended(self, gate: Gate, breach: Any) -> None:
        self.breach = breach


@attrs.define
class Wire:
    """Stands for the link: what the gate posts."""

    outbox: Outbox
    posted: list[bytes | Laden] = attrs.field(factory=list)

    def post(self, part: bytes | Laden) -> None:
        self.posted.append(part)

    def listen(self) -> None: ...

    def suspend(self) -> None: ...
    def gather(self, more: bool) -> None: ...

    def flush_unless_gathering(self) -> None: ...

    def proceed(self) -> None: ...

    def flush(self) -> None: ...

    def mute(self) -> None: ...

    def send_event(self, frame: bytes) -> bool:
        return True


def text(part: bytes | Laden) -> Any:
    """What an encoded message says, its raw frames behind it."""
    return [decode(part.text(1)), *map(bytes, part.frames)] if isinstance(part, Laden) else decode(part)


@attrs.define
class Stage:
    """A gate that has said hello; `alone` and `together` are the two ways of one message."""

    gate: Gate
    wire: Wire
    owner: Owner

    def alone(self, message: list[Any]) -> Any:
        """The answer that came at once; None if the message went the long way."""
        part = self.gate.on_batch(encode([message]), ())
        return None if part is None else text(part)

    def together(self, message: list[Any]) -> Any:
        """What is posted when the message comes with a ping before it."""
        before = len(self.wire.posted)
        assert self.gate.on_batch(encode([["ping", 1], message]), ()) is None
        return text(self.wire.posted[before + 1])


def on_stage(play: Any, **limits: Any) -> Any:
    """What `play` returns of a worker with these limits."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        collected = registry.collect([__name__])
        dispatcher = Dispatcher(collected, loop, 1, 1, {}, logging.getLogger("test"))
        everything = Capability("all", HERE, Rules((Rule("**", HERE),)), EventRules(Rules(), Rules()), {})
        editor = WorkerSpec("editor", ("true",), HERE, ("all",), limits=WorkerLimits(**limits))
        configuration = Configuration(
            "/app/stockade.toml", "/app", App("a"), workers=(editor,), capabilities=(everything,)
        )
        authority = Authority.resolve(configuration, collected.commands)
        owner, router = Owner(), Router.of(loop, configuration.workers, {}, None)
        bus = Bus(loop, {"editor": ("editor",)})
        house: Any = House(loop, authority, collected.commands, dispatcher, router, bus, owner)  # type: ignore[arg-type]
        gate = Gate(house, "editor", 3, editor.limits, Refusals("editor@3", time.monotonic))
        wire: Any = Wire(Outbox(editor.limits.outbox, editor.limits.message))
        gate.open(wire)
        gate.on_batch(encode([["hello", {"protocol": 1, "stub": "test"}]]), ())
        return play(Stage(gate, wire, owner))

    return asyncio.run(main())


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "two integers": ("add", {"a": 40, "b": 2}),
    "who calls": ("who", {}),
    "null": ("give", {"value": None}),
    "true": ("give", {"value": True}),
    "a float": ("give", {"value": 1.5}),
    "a list": ("give", {"value": [1, "two", {"three": 3}]}),
    "a text of sixty": ("give", {"value": "x" * 60}),
    "bytes that travel raw": ("many", {"count": 100_000}),
    "a result over the limit": ("many", {"count": 5_000_000}),
    "an argument too few": ("add", {"a": 1}),
    "an argument of the wrong type": ("add", {"a": 1, "b": "2"}),
    "an error of its own": ("fail", {"code": "notes.locked"}),
    "a refusal of its own": ("fail", {"code": "not_found"}),
}


@pytest.mark.parametrize(("command", "arguments"), CALLS.values(), ids=CALLS)
def test_both_ways_say_the_same(command: str, arguments: dict[str, Any]) -> None:
    """The answers are the same but for the id, and so is what is counted."""

    def play(stage: Stage) -> None:
        long = stage.together(["call", 1, command, arguments])
        before = stage.gate.statistics()
        short = stage.alone(["call", 2, command, arguments])
        after = stage.gate.statistics()
        assert short is not None
        long_message, short_message = (each[0] if isinstance(each[0], list) else each for each in (long, short))
        assert (long_message.pop(1), short_message.pop(1)) == (1, 2)
        assert long == short
        assert (after.calls, after.in_flight) == (before.calls + 1, 0)
        assert sum(after.refusals.values()) == 2 * sum(before.refusals.values())

    on_stage(play)


def test_a_command_that_exits_is_answered() -> None:
    """SystemExit does not end the core: the call has failed."""

    def play(stage: Stage) -> None:
        stage.together(["call", 1, "crash", {}])
        answer = stage.alone(["call", 2, "crash", {}])
        assert answer[:2] == ["error", 2]
        assert answer[2]["code"] == "failed"

    on_stage(play)


LONG: dict[str, list[Any]] = {
    "a command of its own task": ["call", 2, "add.later", {"a": 1, "b": 1}],
    "with options": ["call", 2, "add", {"a": 1, "b": 1}, {"deadline": 1000}],
    "an id in a float": ["call", 2.0, "add", {"a": 1, "b": 1}],
    "no arguments": ["call", 2, "add"],
    "arguments in a list": ["call", 2, "add", [1, 1]],
    "a command that is a list": ["call", 2, ["add"], {}],
    "a command that there is not": ["call", 2, "subtract", {}],
    "another verb": ["ping", 2, "add", {}],
}


@pytest.mark.parametrize("message", LONG.values(), ids=LONG)
def test_the_long_way_is_for_all_else(message: list[Any]) -> None:
    """Nothing is answered at once, and the id is judged once."""

    def play(stage: Stage) -> None:
        stage.together(["call", 1, "add", {"a": 1, "b": 1}])
        assert stage.alone(message) is None
        assert stage.owner.breach is None

    on_stage(play)


def test_the_first_call_of_a_command_is_decided() -> None:
    """Nothing goes the short way that policy has not allowed before."""
    assert on_stage(lambda stage: stage.alone(["call", 1, "add", {"a": 1, "b": 1}])) is None


@pytest.mark.parametrize("number", [1, 0, -1, 2**53])
def test_an_id_out_of_order_ends_the_worker(number: int) -> None:
    """The short way judges no breach: the long one does."""

    def play(stage: Stage) -> Any:
        stage.together(["call", 1, "add", {"a": 1, "b": 1}])
        assert stage.alone(["call", number, "add", {"a": 1, "b": 1}]) is None
        return stage.owner.breach

    assert on_stage(play) is not None


def test_a_call_above_the_limit_is_busy() -> None:
    """The place of a call that runs is taken."""

    def play(stage: Stage) -> None:
        stage.together(["call", 1, "add", {"a": 1, "b": 1}])
        stage.alone(["call", 2, "add.later", {"a": 1, "b": 1}])
        assert stage.alone(["call", 3, "add", {"a": 1, "b": 1}]) is None
        assert text(stage.wire.posted[-1])[2]["code"] == "busy"

    on_stage(play, calls=1)


def test_where_calls_have_a_rate_all_are_counted() -> None:
    """The short way knows no rate, so nothing goes it."""

    def play(stage: Stage) -> None:
        stage.together(["call", 1, "add", {"a": 1, "b": 1}])
        assert stage.alone(["call", 2, "add", {"a": 1, "b": 1}]) is None

    on_stage(play, rate=1000.0)
    assert math.isinf(WorkerLimits().rate)


def test_after_the_leave_nothing_is_answered() -> None:
    """A call behind `bye` is a breach, however it comes."""

    def play(stage: Stage) -> Any:
        stage.together(["call", 1, "add", {"a": 1, "b": 1}])
        stage.alone(["bye", {"emitted": 0}])
        assert stage.alone(["call", 2, "add", {"a": 1, "b": 1}]) is None
        return stage.owner.breach

    assert on_stage(play) is not None
