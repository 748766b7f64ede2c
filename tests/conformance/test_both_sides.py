"""The worker's side against the core's, each by its own code, in any order: neither ever finds the other at fault.

What one says is on its way until it is delivered, so everything crosses that can.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stockade.core.wire.channels import Channels
from stockade.core.wire.codec import encode
from stockade.core.wire.conversation import Conversation
from stockade.core.wire.happenings import Answer, Call, Cancel, Drop, End, Item, Leaving, Ready, Reply
from stockade_frontend.asking import Asking, Manner
from stockade_frontend.channels import Receiver, Sender
from stockade_frontend.errors import Cancelled, CommandError, Ended, Failed
from stockade_frontend.handled import Export, Handled
from stockade_frontend.pending import Pending
from stockade_frontend.raw import Parcel
from stockade_frontend.session import Session, State

CALLS, CHANNELS = 4, 6
ERROR = {"code": "failed", "message": "no"}
RULES: dict[str, list[str]] = {"allow": ["**"], "deny": []}
LIMITS = {
    "message": 65536, "event": 65536, "batch": 8, "calls": CALLS, "topics": 4, "depth": 32, "channels": CHANNELS,
    "frames": 63,
}  # fmt: skip
WELCOME = {
    "protocol": 1,
    "worker": "editor",
    "generation": 1,
    "core": "test/0",
    "limits": LIMITS,
    "grants": {"commands": RULES, "listen": RULES, "emit": RULES},
}

#: Which of those that there are, wherever there are several.
some = st.integers(0, 1000)
directions = st.lists(st.sampled_from(["callee", "caller"]), max_size=2)


class Passed:
    """A channel as a program passes it."""

    def __init__(self, end: Sender | Receiver) -> None:
        self.end_of_channel = end


class BothSides(RuleBasedStateMachine):
    """Two queues between a session of the stub and a conversation of the core."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session("editor", 1, "test/0", 8)
        self.session.handled.export("a.b", Export(print, 2, False, False))
        self.core = Conversation(CALLS, channels=Channels(CHANNELS))
        self.to_core: deque[bytes | Parcel] = deque()
        self.to_worker: deque[bytes] = deque()
        self.pendings: list[Pending] = []
        self.answers: dict[int, int] = {}  # of the worker's calls that reached the core: how many were said
        self.ends: list[Sender | Receiver] = []
        self.running: list[Handled] = []
        self.answered_to_core: dict[int, int] = {}  # the core's calls: how many answers came
        self.open: dict[int, bool] = {}  # whether the core sends
        self.leaving = self.left = False
        self.now = 0.0
        self.session.hello()
        self.worker_flushes()
        self.core.take(self.core.open(self.to_core.popleft())[0])  # type: ignore[arg-type]
        self.says(["welcome", WELCOME])
        self.worker_hears()
        self.session.ready()

    def pick(self, chosen: Any, which: int) -> Any:
        return list(chosen)[which % len(chosen)]

    def says(self, *messages: list[Any]) -> None:
        """The core says this."""
        self.to_worker.append(encode(list(messages)))

    # -- what is under way --------------------------------------------------------------------------------------------

    @rule()
    def worker_flushes(self) -> None:
        """A batch of what it has said is on its way."""
        batch = self.session.outbox.batch()
        if batch is not None:
            self.to_core.append(batch)
            self.session.outbox.sent()

    @precondition(lambda self: self.to_core)
    @rule()
    def core_hears(self) -> None:
        """No breach, whatever has crossed."""
        batch = self.to_core.popleft()
        head, raw = (batch.head, batch.frames) if isinstance(batch, Parcel) else (batch, ())
        for message in self.core.open(head, raw):
            self.happens(self.core.take(message))

    def happens(self, happening: Any) -> None:
        match happening:
            case Reply(message):
                self.answers[message[1]] = 1
                self.says(message)
            case Call(number, _, _, options):
                self.answers[number] = 0
                for offer in options.channels if options is not None else ():
                    self.open[offer.id] = offer.to == "caller"
            case Cancel(number):
                self.core_fails_call(number)
            case Answer():
                self.answered_to_core[happening.id] += 1
                self.end(happening.ended)
                for number in happening.nested:
                    self.core_fails_call(number)
            case Item(number, _):
                assert not self.open[number]
            case End(number) | Drop(number):
                del self.open[number]
            case Leaving():
                for number in happening.remains.asked:
                    self.answered_to_core[number] += 1
                self.end(happening.remains.channels)
                self.leaving = True
            case Ready(exports):
                assert list(exports) == ["a.b"]

    def end(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            del self.open[number]

    @precondition(lambda self: self.to_worker)
    @rule()
    def worker_hears(self) -> None:
        """The core is never found broken, whatever has crossed."""
        try:
            self.session.receive(self.to_worker.popleft())
            self.session.wake(self.now)
        except Ended as end:  # a SystemExit, which hypothesis would let pass
            raise AssertionError(str(end)) from end

    # -- the worker ---------------------------------------------------------------------------------------------------

    def talks(self) -> bool:
        return self.session.state is State.OPEN

    @precondition(talks)
    @rule(offers=directions, part=st.none() | some)
    def worker_calls(self, offers: list[str], part: int | None) -> None:
        """Also more than may be in flight: the others wait."""
        ends: list[Sender | Receiver] = [Sender() if to == "callee" else Receiver(2) for to in offers]
        asking: Asking | None = Manner().asking(0.0)
        if asking is not None and part is not None and self.running:
            asking.parent = self.pick(self.running, part)
        arguments = {f"a{number}": Passed(end) for number, end in enumerate(ends)}
        try:
            pending = self.session.call("x", arguments, asking, 0.0)
        except CommandError:  # no room for its channels, or what it would be part of is to stop
            return
        self.ends += ends
        self.pendings.append(pending)

    @precondition(lambda self: self.talks() and self.pendings)
    @rule(which=some)
    def worker_cancels(self, which: int) -> None:
        """What is answered stays so."""
        pending = self.pick(self.pendings, which)
        if not pending.done:
            self.session.cancel(pending, Cancelled("no more"))

    @precondition(lambda self: self.talks() and self.ends)
    @rule(which=some)
    def worker_uses_a_channel(self, which: int) -> None:
        """It sends or takes, as it may."""
        end = self.pick(self.ends, which)
        if isinstance(end, Receiver):
            if end.items:
                self.session.channels.take(end)
        elif end.id and not end.over and end.credit:
            self.session.channels.send(end, bytes(20000) if which % 2 else 5)

    @precondition(lambda self: self.talks() and self.ends)
    @rule(which=some)
    def worker_ends_a_channel(self, which: int) -> None:
        """From either end."""
        end = self.pick(self.ends, which)
        if end.id:
            self.session.channels.finish(end)

    @precondition(talks)
    @rule()
    def worker_begins(self) -> None:
        """The next call of the core's is handled."""
        handled = self.session.handled.begin()
        if handled is not None:
            self.running.append(handled)
            self.ends += handled.ends.values()

    @precondition(lambda self: self.talks() and self.running)
    @rule(which=some, failed=st.booleans())
    def worker_answers(self, which: int, failed: bool) -> None:
        """As the program does it: what was part of it ends."""
        handled = self.pick(self.running, which)
        self.running.remove(handled)
        if failed:
            self.session.handled.fail(handled, Failed("no"))
        else:
            self.session.handled.result(handled, bytes(20000))

    @precondition(talks)
    @rule(sure=st.integers(0, 9))
    def worker_leaves(self, sure: int) -> None:
        """Not often."""
        if not sure:
            self.session.bye()

    # -- the core -----------------------------------------------------------------------------------------------------

    def unanswered(self) -> list[int]:
        return [number for number, answers in self.answers.items() if not answers]

    def core_fails_call(self, number: int) -> None:
        ended = self.core.fail(number)
        assert ended is not None
        self.answers[number] += 1
        self.end(ended)
        self.says(["error", number, ERROR])

    @precondition(lambda self: self.unanswered() and not self.left)
    @rule(which=some, failed=st.booleans())
    def core_answers(self, which: int, failed: bool) -> None:
        """Once."""
        number = self.pick(self.unanswered(), which)
        if failed:
            self.core_fails_call(number)
        else:
            assert self.core.answer(number)
            self.answers[number] += 1
            self.says(["result", number, 5])

    @precondition(lambda self: not self.leaving)
    @rule(offers=directions)
    def core_asks(self, offers: list[Any]) -> None:
        """As many as it likes: whoever handles them is not the session's to say."""
        number = self.core.ask()
        self.answered_to_core[number] = 0
        channels = {}
        for to in offers:
            channel = self.core.open_channel(number, to, 2)
            channels[f"a{channel}"] = {"id": channel, "to": to, "credit": 2}
            self.open[channel] = to == "callee"
        self.says(["call", number, "a.b", {}, {"caller": "core", "channels": channels}])

    @precondition(lambda self: self.answered_to_core and not self.leaving)
    @rule(which=some)
    def core_cancels(self, which: int) -> None:
        """What is part of it is cancelled too."""
        number = self.pick(self.answered_to_core, which)
        nested = self.core.cancel_asked(number)
        if nested is not None:
            self.says(["cancel", number])
            for each in nested:
                self.core_fails_call(each)

    @precondition(lambda self: self.open)
    @rule(which=some)
    def core_uses_a_channel(self, which: int) -> None:
        """It sends as long as it may, or grants."""
        number = self.pick(self.open, which)
        if not self.open[number]:
            assert self.core.channels.note_credit(number, 2)
            self.says(["credit", number, 2])
        elif self.core.channels.sendable(number):
            self.core.channels.note_item(number)
            self.says(["item", number, 5])

    @precondition(lambda self: self.open)
    @rule(which=some)
    def core_ends_a_channel(self, which: int) -> None:
        """From either end."""
        number = self.pick(self.open, which)
        self.says(["end" if self.open.pop(number) else "drop", number])
        assert self.core.channels.end(number)

    @precondition(lambda self: self.leaving and not self.left)
    @rule()
    def core_answers_bye(self) -> None:
        """When all else is answered."""
        for number in self.unanswered():
            self.core_fails_call(number)
        self.says(["bye", {"emitted": 0}])
        self.left = True

    # -- always -------------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        """And the core's own count is that of what it knows."""
        assert all(answers <= 1 for answers in (*self.answers.values(), *self.answered_to_core.values()))
        assert self.core.in_flight == len(self.unanswered()) <= CALLS
        assert self.core.channels.statistics().open == len(self.open)

    def teardown(self) -> None:
        """When everything is delivered and answered, both sides have nothing left."""
        for _ in range(100):
            while self.session.outbox or self.to_core or self.to_worker:
                self.worker_flushes()
                if self.to_core:
                    self.core_hears()
                if self.to_worker:
                    self.worker_hears()
            if self.leaving and not self.left:
                self.core_answers_bye()
            elif self.unanswered() and not self.left:
                self.core_fails_call(self.unanswered()[0])
            elif self.talks() and (self.running or self.session.handled.asked):
                self.worker_begins()
                while self.running:
                    self.worker_answers(0, True)
            elif self.talks() and any(not pending.done for pending in self.pendings):
                self.now += 10.0  # those that were put off are tried again
                self.session.wake(self.now)
            else:
                break
        assert self.core.in_flight == self.core.asked_in_flight == 0
        assert all(answers == 1 for answers in (*self.answers.values(), *self.answered_to_core.values()))
        if self.talks():
            assert [pending.key for pending in self.pendings if not pending.done] == []
            open_there = {end.id for end in self.ends if end.id and not end.over}
            assert open_there == set(self.open)


TestBothSides = BothSides.TestCase
TestBothSides.settings = settings(max_examples=150, stateful_step_count=50, deadline=None, derandomize=True)
