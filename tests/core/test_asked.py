"""The core's calls to a worker: what they say on the wire, and what becomes of them."""

from __future__ import annotations

from time import monotonic
from typing import Any

import attrs
import cbor2
import pytest

from stockade import limits
from stockade.config.specs import WorkerLimits
from stockade.core.asked import AskedCalls
from stockade.core.burden import Burden
from stockade.core.channels import Channels
from stockade.core.commands.context import Context
from stockade.core.outbox import Outbox
from stockade.core.refusals import Refusals
from stockade.core.replies import Replies
from stockade.core.wire.conversation import Conversation
from stockade.errors import CommandError


@attrs.define
class Worker:
    """A worker's conversation, and what the core says in it."""

    asked: AskedCalls
    channels: Channels
    conversation: Conversation
    outbox: Outbox
    answers: list[tuple[Any, str | None]] = attrs.field(factory=list)
    stopped: list[int] = attrs.field(factory=list)

    def ask(self, command: str, arguments: dict[str, Any], context: Context, **channels: Any) -> Any:
        return self.asked.ask(
            command,
            arguments,
            context,
            lambda value, error: self.answers.append((value, error and error.code)),
            channels,
        )

    def heard(self) -> list[Any]:
        """All that has been said, raw frames put back."""
        said = []
        while self.outbox:
            first, frames = self.outbox.batch()
            for message in cbor2.loads(first):
                for name, index in message[4].pop("raw", {}).items() if message[0] == "call" else ():
                    message[3][name] = bytes(frames[index - 1])
                said.append(message)
        return said

    def say(self, *messages: list[Any]) -> None:
        for message in self.conversation.open(cbor2.dumps(list(messages))):
            happening = self.conversation.take(message)
            if type(happening).__name__ == "Answer":
                self.asked.on_answer(happening)  # type: ignore[arg-type]  # by its name
            elif type(happening).__name__ == "Item":
                self.channels.on_item(happening)  # type: ignore[arg-type]  # the same


@pytest.fixture
def worker() -> Worker:
    """One that has said hello."""
    conversation, outbox, stopped = Conversation(), Outbox(limits.OUTBOX, 100_000), []
    replies = Replies(WorkerLimits(message=100_000), outbox, Refusals("editor@1", lambda: 0.0), None)
    loop: Any = None  # nothing here waits
    channels = Channels(loop, conversation.channels, replies, outbox, Burden(10**9, list), outbox.put, 99_000)
    asked = AskedCalls(conversation, replies, channels, outbox.put, stopped.extend)
    made = Worker(asked, channels, conversation, outbox, stopped=stopped)
    made.say(["hello", {"protocol": 1, "stub": "x"}])
    return made


def test_a_call_says_who_asks_and_how_much_time_is_left(worker: Worker) -> None:
    """And which trace it is part of; null where it has all the time it needs."""
    worker.ask("thumbs.make", {"size": 3}, Context("ui", None, trace="00-a"))
    worker.ask("thumbs.make", {}, Context("core", monotonic() + 50))
    first, second = worker.heard()
    options = {"caller": "ui", "deadline": None, "trace": "00-a"}
    assert first == ["call", 1, "thumbs.make", {"size": 3}, options]
    assert 40_000 < second[4]["deadline"] <= 50_000


def test_large_arguments_are_raw_frames(worker: Worker) -> None:
    """Beside small ones and views, in a batch with others."""
    large, view = bytes(20_000), memoryview(b"x" * 30_000)
    worker.ask("a.b", {"one": large, "two": view, "three": b"small", "four": memoryview(b"v")}, Context("ui"))
    worker.ask("a.b", {"one": large}, Context("ui"))
    assert [message[3] for message in worker.heard()] == [
        {"one": large, "two": bytes(view), "three": b"small", "four": b"v"},
        {"one": large},
    ]


def test_a_call_over_the_limit_is_not_sent(worker: Worker) -> None:
    """`too_large`, and no id is used up."""
    with pytest.raises(CommandError, match="too_large"):
        worker.ask("a.b", {"one": bytes(100_000)}, Context("ui"))
    worker.ask("a.b", {}, Context("ui"))
    assert [message[1] for message in worker.heard()] == [1]


def test_a_cancelled_call_is_answered_by_the_worker_alone(worker: Worker) -> None:
    """The worker is told once, what it calls within is stopped, and its answer comes still."""
    asked = worker.ask("a.b", {}, Context("ui"))
    worker.say(["call", 7, "x", {}, {"parent": 1}])
    asked.cancel()
    asked.cancel()
    assert [message[0] for message in worker.heard()] == ["call", "cancel"]
    assert (worker.stopped, worker.answers) == ([7], [])
    worker.say(["error", 1, {"code": "cancelled", "message": ""}])
    assert worker.answers == [(None, "cancelled")]


def test_what_is_called_within_ends_with_the_answer(worker: Worker) -> None:
    """Nobody waits for it any more; its context is that of the call until then."""
    context = Context("ui")
    worker.ask("a.b", {}, context)
    assert worker.asked.context(1) is context
    worker.say(["call", 7, "x", {}, {"parent": 1}], ["result", 1, 5])
    assert (worker.answers, worker.stopped) == ([(5, None)], [7])
    assert worker.asked.context(1) is None


def test_channels_of_the_core_are_even_and_each_end_is_the_other(worker: Worker) -> None:
    """The core sends on what the callee receives; an error answer ends both."""
    asked = worker.ask("a.b", {}, Context("ui"), into="callee", out="caller")
    call, credit = worker.heard()
    assert call[4]["channels"] == {"into": {"id": 2, "to": "callee"}, "out": {"id": 4, "to": "caller"}}
    assert credit[:2] == ["credit", 4]
    into, out = asked.ports["into"], asked.ports["out"]
    assert (into.sends, out.sends) == (True, False)
    assert not into.offer("no credit yet")
    worker.say(["credit", 2, 1], ["item", 4, "an item"])
    assert into.offer("credit")
    assert worker.heard() == [["item", 2, "credit"]]
    assert out.take() == "an item"
    worker.say(["error", 1, {"code": "a.b", "message": "m"}])
    assert out.ended
    assert into.closed.code == "a.b"
