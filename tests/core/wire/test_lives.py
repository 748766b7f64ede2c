"""The lives of calls and channels, both ways, in any order: the conversation beside a simple model of it."""

from __future__ import annotations

import copy
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stockade.core.wire.channels import Channels
from stockade.core.wire.conversation import Conversation
from stockade.core.wire.happenings import (
    Answer,
    Call,
    Cancel,
    Credit,
    Drop,
    End,
    Item,
    Leaving,
    Reply,
)
from stockade.errors import Breach, BreachCode

CALLS, CHANNELS = 4, 5
ERROR = {"code": "scene.no", "message": ""}

small = st.integers(0, 3)
#: Which of those that there are, wherever there are several.
some = st.integers(0, 1000)
directions = st.sampled_from(["callee", "caller"])


@attrs.define
class Made:
    """A call as both sides know it; `answers` counts what has ended it."""

    parent: int | None = None
    channels: list[int] = attrs.field(factory=list)
    cancelled: bool = False
    answers: int = 0


@attrs.define
class Open:
    """A channel as both sides know it."""

    core_sends: bool
    credit: int


class Lives(RuleBasedStateMachine):
    """Everything that either side may say, whenever it may; `calls` are the worker's, `asked` the core's."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        self.talk = Conversation(CALLS, channels=Channels(CHANNELS))
        self.talk.take(["hello", {"protocol": 1, "stub": "test"}])
        self.calls: dict[int, Made] = {}
        self.asked: dict[int, Made] = {}
        self.channels: dict[int, Open] = {}
        self.used_odd = self.used_even = 0
        self.over = False

    # -- the model ----------------------------------------------------------------------------------------------------

    def in_flight(self, calls: dict[int, Made]) -> list[int]:
        return [number for number, call in calls.items() if not call.answers]

    def nested(self, parent: int) -> tuple[int, ...]:
        """The worker's calls in flight that are part of one of the core's."""
        return tuple(number for number in self.in_flight(self.calls) if self.calls[number].parent == parent)

    def end(self, numbers: list[int]) -> tuple[int, ...]:
        return tuple(number for number in numbers if self.channels.pop(number, None) is not None)

    def breaks(self, message: Any, code: BreachCode) -> None:
        """The worker would be ended for this; the machine goes on without it."""
        with pytest.raises(Breach) as caught:
            copy.deepcopy(self.talk).take(message)
        assert caught.value.code is code

    def pick(self, numbers: Any, which: int) -> int:
        chosen = sorted(numbers)
        return int(chosen[which % len(chosen)])

    # -- the worker's calls -------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.over)
    @rule(gap=small, offers=st.lists(directions, max_size=3), credit=small, part=st.none() | some, wrong=st.booleans())
    def worker_calls(self, gap: int, offers: list[str], credit: int, part: int | None, wrong: bool) -> None:
        """With channels or without, part of a call of the core's or not, malformed or not."""
        number = max(self.calls, default=-1) + 1 + gap
        options: dict[str, Any] = {"deadline": 5}
        ids = [self.used_odd + 1 + 2 * n + (self.used_odd % 2) for n in range(len(offers))]
        if offers:
            options["channels"] = {
                f"a{channel}": {"id": channel, "to": to, "credit": credit}
                for channel, to in zip(ids, offers, strict=True)
            }
            self.used_odd = ids[-1]
        parent = self.pick(self.asked, part) if part is not None and self.asked else None
        if parent is not None:
            options["parent"] = parent
        happening = self.talk.take(["call", number, 5 if wrong else "a", {}, options])
        call = self.calls[number] = Made(parent, ids)
        code = self.refusal(call, wrong)
        if code is not None:
            assert isinstance(happening, Reply)
            assert happening.message[:2] == ["error", number]
            assert happening.message[2]["code"] == code
            call.answers += 1
            return
        assert isinstance(happening, Call)
        for channel, to in zip(ids, offers, strict=True):
            self.channels[channel] = Open(to == "caller", credit if to == "caller" else 0)

    def refusal(self, call: Made, wrong: bool) -> str | None:
        """The code that a call is answered with at once, if it is."""
        if wrong:
            return "bad_message"
        if len(self.in_flight(self.calls)) > CALLS:  # itself among them
            return "busy"
        parent = self.asked[call.parent] if call.parent is not None else None
        if parent is not None and (parent.answers or parent.cancelled):
            return "cancelled"
        odd = sum(channel % 2 for channel in self.channels)
        return "busy" if odd + len(call.channels) > CHANNELS and call.channels else None

    @precondition(lambda self: self.calls and not self.over)
    @rule(which=some)
    def worker_cancels(self, which: int) -> None:
        """A call in flight, one that is answered, or one again."""
        number = self.pick(range(max(self.calls) + 1), which)
        call = self.calls.get(number, Made(answers=1))
        expected = None if call.answers or call.cancelled else Cancel(number)
        assert self.talk.take(["cancel", number]) == expected
        call.cancelled = True

    @precondition(lambda self: self.in_flight(self.calls))
    @rule(which=some)
    def core_answers(self, which: int) -> None:
        """With a result: the channels stay."""
        number = self.pick(self.in_flight(self.calls), which)
        assert self.talk.answer(number)
        self.calls[number].answers += 1

    @precondition(lambda self: self.in_flight(self.calls))
    @rule(which=some)
    def core_fails(self, which: int) -> None:
        """With an error, because it was cancelled, its deadline is over, or it failed: its channels end."""
        number = self.pick(self.in_flight(self.calls), which)
        ended = self.talk.fail(number)
        assert ended == self.end(self.calls[number].channels)
        self.calls[number].answers += 1

    @precondition(lambda self: len(self.in_flight(self.calls)) < len(self.calls))
    @rule(which=some)
    def core_answers_again(self, which: int) -> None:
        """Too late: a deadline, a cancel and the handler's end may all come to it; the first has ended the call."""
        number = self.pick(set(self.calls) - set(self.in_flight(self.calls)), which)
        assert not self.talk.answer(number)
        assert self.talk.fail(number) is None

    # -- the core's calls ---------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.over)
    @rule(offers=st.lists(directions, max_size=2), credit=small)
    def core_asks(self, offers: list[str], credit: int) -> None:
        """Ids have no gaps."""
        number = self.talk.ask()
        assert number == len(self.asked) + 1
        call = self.asked[number] = Made()
        for to in offers:
            channel = self.talk.open_channel(number, to, credit)  # type: ignore[arg-type]
            assert channel > self.used_even
            assert channel % 2 == 0
            self.used_even = channel
            call.channels.append(channel)
            self.channels[channel] = Open(to == "callee", credit if to == "caller" else 0)

    @precondition(lambda self: self.asked and not self.over)
    @rule(which=some)
    def core_cancels(self, which: int) -> None:
        """What is part of it is to be cancelled too."""
        number = self.pick(self.asked, which)
        call = self.asked[number]
        expected = None if call.answers or call.cancelled else self.nested(number)
        assert self.talk.cancel_asked(number) == expected
        call.cancelled = True

    @precondition(lambda self: self.asked and not self.over)
    @rule(which=some, failed=st.booleans())
    def worker_answers(self, which: int, failed: bool) -> None:
        """Cancelled or not; what is part of it is to be cancelled. A second answer is a breach."""
        number = self.pick(self.asked, which)
        call = self.asked[number]
        message = ["error", number, ERROR] if failed else ["result", number, 5]
        if call.answers:
            self.breaks(message, BreachCode.UNKNOWN_ANSWER)
            return
        answer = self.talk.take(message)
        assert isinstance(answer, Answer)
        assert (answer.id, answer.nested) == (number, self.nested(number))
        assert (answer.error is not None, answer.value) == (failed, None if failed else 5)
        assert answer.ended == (self.end(call.channels) if failed else ())
        call.answers += 1

    # -- channels -----------------------------------------------------------------------------------------------------

    def channel(self, which: int) -> tuple[int, Open | None]:
        """One that was opened at some time, or whose id lies in a gap."""
        used = [*range(1, self.used_odd + 1, 2), *range(2, self.used_even + 1, 2)]
        number = self.pick(used, which)
        return number, self.channels.get(number)

    def some_channel(self) -> bool:
        return bool(self.used_odd or self.used_even) and not self.over

    @precondition(some_channel)
    @rule(which=some)
    def worker_sends(self, which: int) -> None:
        """An item costs one credit, and there is no sending without."""
        number, channel = self.channel(which)
        message = ["item", number, "x"]
        if channel is None:
            assert self.talk.take(message) is None
        elif channel.core_sends:
            self.breaks(message, BreachCode.UNKNOWN_CHANNEL)
        elif not channel.credit:
            self.breaks(message, BreachCode.NO_CREDIT)
        else:
            assert self.talk.take(message) == Item(number, "x")
            channel.credit -= 1

    @precondition(some_channel)
    @rule(which=some, count=st.integers(1, 3))
    def worker_grants(self, which: int, count: int) -> None:
        """Where it receives."""
        number, channel = self.channel(which)
        if channel is not None and not channel.core_sends:
            self.breaks(["credit", number, count], BreachCode.UNKNOWN_CHANNEL)
            return
        expected = None if channel is None else Credit(number, count)
        assert self.talk.take(["credit", number, count]) == expected
        if channel is not None:
            channel.credit += count

    @precondition(some_channel)
    @rule(which=some)
    def worker_closes(self, which: int) -> None:
        """With the verb of its end; the other one is a breach."""
        number, channel = self.channel(which)
        if channel is None:
            assert self.talk.take(["end", number]) is None
            assert self.talk.take(["drop", number]) is None
        elif channel.core_sends:
            self.breaks(["end", number], BreachCode.UNKNOWN_CHANNEL)
            assert self.talk.take(["drop", number]) == Drop(number)
        else:
            self.breaks(["drop", number], BreachCode.UNKNOWN_CHANNEL)
            assert self.talk.take(["end", number]) == End(number)
        self.channels.pop(number, None)

    @precondition(some_channel)
    @rule(which=some, count=st.integers(1, 3))
    def core_sends_or_grants(self, which: int, count: int) -> None:
        """It sends as long as it may; on a channel that has ended it says nothing."""
        number, channel = self.channel(which)
        if channel is None:
            assert not self.talk.channels.note_credit(number, count)
        elif not channel.core_sends:
            assert self.talk.channels.note_credit(number, count)
            channel.credit += count
        elif channel.credit:
            self.talk.channels.note_item(number)
            channel.credit -= 1

    @precondition(some_channel)
    @rule(which=some)
    def core_closes(self, which: int) -> None:
        """From either end."""
        number, channel = self.channel(which)
        assert self.talk.channels.end(number) == (channel is not None)
        self.channels.pop(number, None)

    # -- the end ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: not self.over)
    @rule(says_bye=st.booleans())
    def worker_goes(self, says_bye: bool) -> None:
        """It leaves or dies: what it leaves open ends, its own calls are still to be answered."""
        if says_bye:
            leaving = self.talk.take(["bye", {"emitted": 0}])
            assert isinstance(leaving, Leaving)
            remains = leaving.remains
        else:
            remains = self.talk.close()
        assert list(remains.asked) == self.in_flight(self.asked)
        assert set(remains.channels) == set(self.channels)
        for number in remains.asked:
            self.asked[number].answers += 1
        self.channels.clear()
        self.over = True

    @precondition(lambda self: self.over)
    @rule()
    def another_worker_comes(self) -> None:
        """With a conversation of its own, when nothing is left of this one."""
        self.teardown()
        self.begin()

    # -- always -------------------------------------------------------------------------------------------------------

    @invariant()
    def each_side_knows_the_same(self) -> None:
        """Calls in flight, channels open, credit; and no call has more than one answer."""
        assert self.talk.in_flight == len(self.in_flight(self.calls)) <= CALLS
        assert self.talk.asked_in_flight == len(self.in_flight(self.asked))
        assert self.talk.channels.statistics().open == len(self.channels)
        for number, channel in self.channels.items():
            assert channel.credit >= 0
            assert self.talk.channels.sendable(number) == (channel.credit if channel.core_sends else 0)
        assert all(call.answers <= 1 for call in (*self.calls.values(), *self.asked.values()))

    @precondition(lambda self: not self.over)
    @invariant()
    def no_id_is_used_again(self) -> None:
        """Alive or not."""
        if self.calls:
            self.breaks(["call", max(self.calls), "a", {}], BreachCode.ID_NOT_RISING)
        if self.used_odd:
            offer = {"channels": {"a": {"id": self.used_odd, "to": "callee"}}}
            self.breaks(["call", max(self.calls) + 1, "a", {}, offer], BreachCode.ID_NOT_RISING)

    def teardown(self) -> None:
        """Whatever has happened: when it is over, each call has exactly one answer, and nothing is left."""
        assert list(self.talk.close().asked) == ([] if self.over else self.in_flight(self.asked))
        for number in self.in_flight(self.calls):
            assert self.talk.fail(number) is not None
            self.calls[number].answers += 1
        for number in self.in_flight(self.asked):
            self.asked[number].answers += 1
        assert all(call.answers == 1 for call in (*self.calls.values(), *self.asked.values()))
        statistics = self.talk.statistics()
        assert (statistics.in_flight, statistics.asked_in_flight, statistics.channels) == (0, 0, 0)


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, derandomize=True)
