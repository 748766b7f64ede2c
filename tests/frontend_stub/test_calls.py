"""The calls of a worker without a socket: options, room, trying again, deadlines, cancels."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stockade_frontend.asking import Asking, Manner
from stockade_frontend.errors import Busy, Cancelled, CommandError, DeadlineExceeded, EncodeError, Failed, TooLarge

BUSY = {"code": "busy", "message": "later"}


def asking(now: float = 0.0, **manner: Any) -> Asking:
    return Manner(**manner).asking(now)


# -- options ----------------------------------------------------------------------------------------------------------

OPTIONS = {
    "nothing": ({}, None),
    "a time": ({"timeout": 2.0}, {"deadline": 2000}),
    "a time of parts of milliseconds": ({"timeout": 0.0001}, {"deadline": 1}),
    "no deadline at all": ({"timeout": None}, {"deadline": None}),
    "idempotent": ({"idempotent": True}, {"idempotent": True}),
    "a trace": ({"trace": "00-1-2-01"}, {"trace": "00-1-2-01"}),
    "what is for this side alone": ({"wait": False, "view": True}, None),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options_are_said_if_there_are_any(pure_core: Any, case: str) -> None:
    """A call that wants nothing says nothing."""
    manner, said = OPTIONS[case]
    core = pure_core()
    core.session.call("echo", {"n": 1}, asking(7.0, **manner), 7.0)
    assert core.heard() == [["call", 1, "echo", {"n": 1}, *([] if said is None else [said])]]


def test_arguments_that_are_not_plain_go_as_they_are(pure_core: Any) -> None:
    """The short way and the long one say the same."""
    core = pure_core()
    for arguments in ({}, {"n": 1, "text": "t", "none": None, "x": 0.5, "yes": True}, {"list": [1, {"a": ()}]}):
        core.session.call("echo", arguments)
        assert core.heard()[0][2:] == [
            "echo",
            {**arguments, **({"list": [1, {"a": []}]} if "list" in arguments else {})},
        ]
    core.session.call("echo", {"small": bytearray(b"ab"), "view": memoryview(b"cd")})
    assert core.heard()[0][3] == {"small": b"ab", "view": b"cd"}


# -- room -------------------------------------------------------------------------------------------------------------


def test_calls_above_the_limit_wait_for_room_in_their_order(pure_core: Any) -> None:
    """They go when answers come, each as if it had just been made."""
    core = pure_core(calls=2)
    pending = [core.session.call("echo", {"n": n}) for n in range(5)]
    assert [message[1:4] for message in core.heard()] == [[1, "echo", {"n": 0}], [2, "echo", {"n": 1}]]
    assert core.says(["result", 2, "b"]) == [pending[1]]
    assert core.heard() == [["call", 3, "echo", {"n": 2}]]
    assert core.says(["result", 1, "a"], ["result", 3, "c"]) == [pending[0], pending[2]]
    assert core.heard() == [["call", 4, "echo", {"n": 3}], ["call", 5, "echo", {"n": 4}]]
    assert core.says(["result", 4, "d"], ["result", 5, "e"]) == pending[3:]
    assert [one.result() for one in pending] == ["a", "b", "c", "d", "e"]


def test_call_that_may_not_wait_is_refused_at_once(pure_core: Any) -> None:
    """Also when others wait before it."""
    core = pure_core(calls=1)
    core.session.call("echo", {})
    for _ in range(2):
        with pytest.raises(Busy, match="as many calls are in flight as may be"):
            core.session.call("echo", {}, asking(wait=False))
        core.session.call("echo", {})
    assert len(core.heard()) == 1


def test_what_cannot_be_said_when_there_is_room_ends_its_call_alone(pure_core: Any) -> None:
    """Nobody is there any more to whom it could be raised."""
    core = pure_core(calls=1, message=1000)
    first, bad, large, last = (core.session.call("echo", {"x": value}) for value in (1, object(), "t" * 2000, 2))
    assert core.says(["result", 1, None]) == [first, bad, large]
    for pending, kind in ((bad, EncodeError), (large, TooLarge)):
        with pytest.raises(kind):
            pending.result()
    assert core.says(["result", 2, "last"]) == [last]


def test_rate_of_the_core_is_kept(pure_core: Any) -> None:
    """Two at once, then one each half second; `wake` at the times that the session names sends them."""
    core, now, sent = pure_core(rate=2), 10.0, []
    for n in range(5):
        core.session.call("echo", {"n": n})
    while (when := core.session.timers.next()) is not None:
        now = max(now, when)
        core.session.wake(now)
        sent += [(now, message[3]["n"]) for message in core.heard()]
    assert sent == [(10.0, 0), (10.0, 1), (10.5, 2), (11.0, 3), (11.5, 4)]


def test_call_against_the_rate_that_may_not_wait_is_refused(pure_core: Any) -> None:
    """The one after it may go when its time has come."""
    core = pure_core(rate=1)
    core.session.call("echo", {}, asking(wait=False), 5.0)
    with pytest.raises(Busy, match="1 calls a second are the limit"):
        core.session.call("echo", {}, asking(wait=False), 5.5)
    core.session.call("echo", {}, asking(wait=False), 6.0)
    assert len(core.heard()) == 2


# -- trying again -----------------------------------------------------------------------------------------------------


def test_busy_is_tried_again_at_growing_intervals(pure_core: Any) -> None:
    """Under an id of its own each time, until it has another answer; whoever waits learns only of that."""
    core = pure_core()
    pending = core.session.call("echo", {"n": 1})
    now, pauses = 0.0, []
    for ident in range(1, 12):
        assert core.heard() == [["call", ident, "echo", {"n": 1}]]
        assert core.says(["error", ident, BUSY], now=now) == []
        when = core.session.timers.next()
        pauses.append(when - now)
        core.session.wake(now := when)
    assert pauses[0] <= 0.001
    assert 0.1 <= pauses[-1] <= 0.2
    assert all(2**n * 0.0005 <= pause for n, pause in enumerate(pauses[:8]))
    assert core.says(["result", 12, "done"]) == [pending]
    assert (pending.result(), core.session.statistics().tries) == ("done", 11)


def test_busy_is_raised_when_the_time_is_over(pure_core: Any) -> None:
    """The words say that it never ran."""
    core = pure_core()
    pending = core.session.call("echo", {}, asking(timeout=1.0))
    now, answered = 0.0, []
    while not answered:
        ident = core.heard()[0][1]
        core.says(["error", ident, BUSY], now=now)
        now = core.session.timers.next()
        answered = core.session.wake(now)
    assert now == 1.0
    assert core.heard() == []
    with pytest.raises(DeadlineExceeded, match="never ran"):
        pending.result()


def test_default_deadline_holds_from_the_first_busy_on(pure_core: Any) -> None:
    """Else each try would have all of it anew; a call without any deadline is tried for ever."""
    core = pure_core(deadline=1000)
    core.session.call("echo", {})
    core.session.call("echo", {}, asking(timeout=None))
    core.says(["error", 1, BUSY], ["error", 2, BUSY], now=5.0)
    core.heard()
    core.session.wake(5.5)
    assert {str(message[4]) for message in core.heard()} == {"{'deadline': 500}", "{'deadline': None}"}


def test_busy_is_an_answer_to_whom_does_not_want_to_wait(pure_core: Any) -> None:
    """And to everybody once the leave is taken."""
    core = pure_core()
    first = core.session.call("echo", {}, asking(wait=False))
    second = core.session.call("echo", {})
    assert core.says(["error", 1, BUSY]) == [first]
    core.session.bye()
    assert core.says(["error", 2, BUSY]) == [second]
    with pytest.raises(Busy):
        second.result()


# -- deadlines and cancels --------------------------------------------------------------------------------------------


def test_deadline_cancels_and_its_answer_is_for_nobody(pure_core: Any) -> None:
    """Once, at its time; the place stays taken until the core has answered."""
    core = pure_core(calls=1)
    pending = core.session.call("slow", {}, asking(100.0, timeout=1.0), 100.0)
    core.heard()
    assert core.session.wake(100.999) == []
    assert core.session.wake(101.0) == [pending]
    assert core.heard() == [["cancel", 1]]
    with pytest.raises(DeadlineExceeded, match="no answer"):
        pending.result()
    core.session.call("echo", {})
    assert core.heard() == []
    assert core.says(["error", 1, {"code": "cancelled", "message": ""}]) == []
    assert core.heard() == [["call", 2, "echo", {}]]


def test_deadline_of_a_call_that_waits_for_room(pure_core: Any) -> None:
    """It never goes, and nothing is said of it."""
    core = pure_core(calls=1)
    core.session.call("slow", {})
    pending = core.session.call("echo", {}, asking(timeout=1.0))
    core.heard()
    assert core.session.wake(1.0) == [pending]
    core.says(["result", 1, None])
    assert core.heard() == []
    with pytest.raises(DeadlineExceeded, match="never ran"):
        pending.result()


def test_answer_in_time_leaves_nothing_to_expire(pure_core: Any) -> None:
    """Its time passes without a word."""
    core = pure_core()
    pending = core.session.call("echo", {}, asking(timeout=1.0))
    assert core.says(["result", 1, "in time"]) == [pending]
    core.heard()
    assert core.session.timers.next() is None
    assert core.session.wake(2.0) == core.heard() == []


def test_cancel_of_what_is_put_off_keeps_it_from_going(pure_core: Any) -> None:
    """The core does not know of it, and is told nothing."""
    core = pure_core()
    pending = core.session.call("echo", {})
    core.heard()
    core.says(["error", 1, BUSY])
    core.session.cancel(pending, Cancelled("not wanted"))
    core.session.wake(10.0)
    assert core.heard() == []
    assert core.session.statistics().pending == 0


def test_nothing_is_cancelled_behind_bye(pure_core: Any) -> None:
    """Nothing more may be said; what had not gone ends here."""
    core = pure_core(calls=1)
    flying, held = core.session.call("slow", {}), core.session.call("echo", {})
    bye = core.session.bye()
    core.session.cancel(flying, Cancelled("closed"))
    assert [message[0] for message in core.heard()] == ["call", "bye"]
    with pytest.raises(Cancelled, match="leaves"):
        held.result()
    assert core.says(["error", 1, {"code": "cancelled", "message": ""}], ["bye", {"emitted": 0}])[-1] is bye


# -- the life of calls ------------------------------------------------------------------------------------------------


class LifeOfCalls(RuleBasedStateMachine):
    """Calls, answers of every kind, cancels and time in any order: one answer each, and no id twice."""

    def __init__(self) -> None:
        super().__init__()
        self.core: Any = None
        self.now = 0.0
        self.made: list[Any] = []
        self.answers: dict[int, int] = {}
        self.open: list[int] = []
        self.last = 0

    def start(self, make: Any) -> None:
        """The fixture, which hypothesis cannot give."""
        self.core = make(calls=3, deadline=5000)

    def heard(self) -> None:
        for message in self.core.heard():
            if message[0] == "call":
                assert message[1] > self.last
                self.last = message[1]
                self.open.append(message[1])
            else:
                assert message[0] == "cancel"
                assert message[1] <= self.last
        assert len(self.open) <= 3

    def told(self, answered: list[Any]) -> None:
        for pending in answered:
            self.answers[id(pending)] = self.answers.get(id(pending), 0) + 1
            assert pending.done

    @rule(timeout=st.sampled_from([..., None, 0.5, 2.0]), wait=st.booleans())
    def call(self, timeout: Any, wait: bool) -> None:
        try:
            self.made.append(self.core.session.call("echo", {}, asking(self.now, timeout=timeout, wait=wait), self.now))
        except Busy:
            assert not wait

    @rule()
    def call_plainly(self) -> None:
        self.made.append(self.core.session.call("echo", {}))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), answer=st.sampled_from(["result", "failed", "busy", "cancelled", "deadline_exceeded"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        ident = data.draw(st.sampled_from(self.open))
        self.open.remove(ident)
        said = ["result", ident, 1] if answer == "result" else ["error", ident, {"code": answer, "message": ""}]
        self.told(self.core.says(said, now=self.now))

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.core.session.cancel(data.draw(st.sampled_from(self.made)), Cancelled("not wanted"))
        self.told(self.core.session.wake(self.now))

    @rule(seconds=st.floats(0, 3))
    def time(self, seconds: float) -> None:
        self.now += seconds
        self.told(self.core.session.wake(self.now))

    @invariant()
    def one_answer_each(self) -> None:
        self.heard()
        assert all(count == 1 for count in self.answers.values())
        assert all((id(pending) in self.answers) is pending.done for pending in self.made)

    def teardown(self) -> None:
        for _ in range(200):
            while self.open:
                self.told(self.core.says(["result", self.open.pop(), 1], now=self.now))
                self.heard()
            self.now += 1.0
            self.told(self.core.session.wake(self.now))
            self.heard()
        assert all(pending.done for pending in self.made)
        self.one_answer_each()
        counts = self.core.session.statistics()
        assert (counts.pending, counts.calls) == (0, self.last)
        for pending in self.made:
            if pending.error is not None:
                assert isinstance(pending.error, Failed | Cancelled | DeadlineExceeded | Busy | CommandError)


def test_each_call_has_exactly_one_answer(pure_core: Any) -> None:
    """Whatever comes in whichever order."""

    class Life(LifeOfCalls):
        def __init__(self) -> None:
            super().__init__()
            self.start(pure_core)

    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(Life, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))


@pytest.mark.parametrize("now", [0.1, 32768.3, 33019.123456789, 1e6 + 0.7, 1e8 + 0.9])
@pytest.mark.parametrize("milliseconds", [1, 50, 333, 2000])
def test_time_left_is_what_was_asked_for_whatever_the_clock_says(now: float, milliseconds: int) -> None:
    """The sum of a clock and a timeout is rounded, and the deadline is no millisecond later for it."""
    assert asking(now, timeout=milliseconds / 1000).options(now) == {"deadline": milliseconds}
