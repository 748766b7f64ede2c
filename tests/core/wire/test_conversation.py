"""The conversation's table: what may come when, and what follows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade import limits
from stockade.core.wire.codec import encode
from stockade.core.wire.conversation import TABLE, Conversation, State
from stockade.core.wire.happenings import Answer, Call, Hello, Leaving, Ready, Reply
from stockade.core.wire.shapes import error_message
from stockade.errors import Breach, BreachCode

HELLO = ["hello", {"protocol": 1, "stub": "test"}]


def greeted(calls: int = limits.CALLS) -> Conversation:
    """A conversation after its hello."""
    talk = Conversation(calls)
    assert talk.take(HELLO) == Hello("test")
    return talk


def breach_of(talk: Conversation, message: Any) -> BreachCode:
    """The code with which `message` ends the worker."""
    with pytest.raises(Breach) as caught:
        talk.take(message)
    return caught.value.code


def test_a_whole_life() -> None:
    """Hello, ready, a call and its answer, bye."""
    talk = greeted()
    assert talk.take(["ready"]) == Ready({})
    assert talk.take(["call", 1, "notes.read", {"name": "a"}]) == Call(1, "notes.read", {"name": "a"})
    assert talk.answer(1)
    assert talk.take(["bye", {"emitted": 3}]) == Leaving(3)
    assert talk.statistics().answered == 1
    assert talk.state is State.LEFT


VERBS = {
    "hello": HELLO,
    "ready": ["ready"],
    "call": ["call", 1, "a", {}],
    "result": ["result", 1, 2],
    "error": ["error", 1, {"code": "failed", "message": ""}],
    "ping": ["ping", 1],
    "pong": ["pong", 1],
    "bye": ["bye", {"emitted": 0}],
    "welcome": ["welcome", {}],
    "refused": ["refused", {}],
    "listening": ["listening", "a|"],
    "denied": ["denied", "a|", {}],
    "missed": ["missed", 1],
    "stop": ["stop", {"grace": 1}],
    "breach": ["breach", {}],
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", list(State))
def test_a_verb_out_of_its_state_is_out_of_turn(state: State, verb: str) -> None:
    """What the table does not have ends the worker; the core's own verbs stand in no state."""
    talk = Conversation(state=state)
    if verb in TABLE[state] and verb not in ("result", "error"):
        talk.take(VERBS[verb])
    elif verb in TABLE[state]:
        assert breach_of(talk, VERBS[verb]) is BreachCode.UNKNOWN_ANSWER
    else:
        assert breach_of(talk, VERBS[verb]) is BreachCode.OUT_OF_TURN


@pytest.mark.parametrize("verb", ["nonsense", "Call", ""])
def test_a_verb_that_is_none_is_unknown(verb: str) -> None:
    """It may be newer than this core."""
    assert breach_of(greeted(), [verb, 1]) is BreachCode.UNKNOWN_VERB


@pytest.mark.parametrize(
    "message",
    [[], 5, "call", {}, None, [1], [b"call"], ["call"], ["call", "1"], ["call", -1], ["call", 1.5], ["call", True],
     ["call", 2**53], ["ping"], ["ping", "1"], ["pong"], ["result", 1], ["error"], ["bye"], ["bye", {}],
     ["bye", {"emitted": -1}], ["bye", 5]],
)  # fmt: skip
def test_a_message_of_the_wrong_shape_ends_the_worker(message: Any) -> None:
    """Missing elements and wrong types."""
    assert breach_of(greeted(), message) is BreachCode.BAD_MESSAGE


@pytest.mark.parametrize("rest", [[], [1], [{}], [{"protocol": 1}], [{"stub": "x"}], [{"stub": "x", "protocol": "1"}]])
def test_a_hello_of_the_wrong_shape_ends_the_worker(rest: list[Any]) -> None:
    """It carries the version and what the stub calls itself."""
    assert breach_of(Conversation(), ["hello", *rest]) is BreachCode.BAD_MESSAGE


def test_another_version_is_told_apart() -> None:
    """So that the worker can be told which is spoken."""
    assert breach_of(Conversation(), ["hello", {"protocol": 2, "stub": "x"}]) is BreachCode.VERSION


@pytest.mark.parametrize(
    "rest",
    [[], ["a"], [5, {}], ["", {}], ["a" * 129, {}], ["a", []], ["a", {}, []], ["a", {}, {"!must": 1}]],
)
def test_a_call_whose_id_is_in_order_is_answered(rest: list[Any]) -> None:
    """Whatever else is wrong with it; and it does not count as in flight."""
    talk = greeted()
    reply = talk.take(["call", 7, *rest])
    assert isinstance(reply, Reply)
    assert reply.message[:2] == ["error", 7]
    assert reply.message[2]["code"] == "bad_message"
    assert talk.in_flight == 0


def test_unknown_options_and_elements_are_ignored() -> None:
    """So that what comes later does not break what is there."""
    talk = greeted()
    assert talk.take(["call", 1, "a", {}, {"later": 1}, "more"]) == Call(1, "a", {})


@pytest.mark.parametrize("number", [1, 0, 1.0])
def test_ids_rise(number: float) -> None:
    """An id that is not above the one before ends the worker."""
    talk = greeted()
    talk.take(["call", 1, "a", {}])
    assert breach_of(talk, ["call", number, "a", {}]) is BreachCode.ID_NOT_RISING


def test_an_integral_float_is_an_id() -> None:
    """Some encoders write large integers so."""
    assert greeted().take(["call", 2.0**52, "a", {}]) == Call(2**52, "a", {})


def test_a_call_above_the_limit_is_busy_until_one_is_answered() -> None:
    """The limit is of calls in flight."""
    talk = greeted(calls=1)
    talk.take(["call", 1, "a", {}])
    busy = talk.take(["call", 2, "a", {}])
    assert isinstance(busy, Reply)
    assert busy.message[2]["code"] == "busy"
    talk.answer(1)
    assert isinstance(talk.take(["call", 3, "a", {}]), Call)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8))))
def test_each_call_is_answered_exactly_once(steps: list[tuple[bool, int]]) -> None:
    """In whatever order calls and answers come: `answer` is true once for each call that was made."""
    talk, made, answered = greeted(calls=4), set[int](), set[int]()
    for is_call, number in steps:
        if is_call:
            if made and number <= max(made):
                continue
            if isinstance(talk.take(["call", number, "a", {}]), Call):
                made.add(number)
            else:
                assert len(made - answered) == 4
                return
        else:
            assert talk.answer(number) == (number in made - answered)
            answered.add(number) if number in made else None
    assert talk.in_flight == len(made - answered)


@pytest.mark.parametrize("value", [5, [], {}, [[]] * (limits.BATCH + 1)])
def test_a_frame_that_is_no_batch_is_a_bad_frame(value: Any) -> None:
    """An array of 1 to 1024 messages."""
    with pytest.raises(Breach) as caught:
        greeted().open(encode(value))
    assert caught.value.code is BreachCode.BAD_FRAME


def test_hello_is_alone_in_its_batch() -> None:
    """Nothing else may come before welcome."""
    with pytest.raises(Breach) as caught:
        Conversation().open(encode([HELLO, ["ready"]]))
    assert caught.value.code is BreachCode.OUT_OF_TURN


def test_a_pong_that_nobody_asked_for_is_counted() -> None:
    """And nothing else happens."""
    talk = greeted()
    assert talk.take(["pong", 1]) is None
    assert talk.statistics().ignored == 1


def test_an_error_without_data_has_none() -> None:
    """`data` is missing where there is none."""
    assert error_message(1, "busy", "later") == ["error", 1, {"code": "busy", "message": "later"}]


def test_raw_frames_are_handed_on_as_they_came() -> None:
    """Not copied, whatever they are, and not kept once their message is taken."""
    talk, view = greeted(), memoryview(b"abc")
    batch = talk.open(encode([["call", 1, "a", {"x": 1}, {"raw": {"y": 1}}]]), [view])
    call = talk.take(batch[0])
    assert call == Call(1, "a", {"x": 1, "y": view}, None)
    assert call.arguments["y"] is view
    with pytest.raises(Breach) as caught:
        talk.take(["call", 2, "a", {}, {"raw": {"y": 1}}])
    assert caught.value.code is BreachCode.BAD_FRAME


def test_raw_frames_of_one_batch_are_not_those_of_the_next() -> None:
    """Also where a message that should have taken them was malformed."""
    talk = greeted()
    talk.open(encode([["call", 1, "a", {}, {"raw": {"y": 1}}]]), [b"abc"])
    with pytest.raises(Breach) as caught:
        talk.take(talk.open(encode([["call", 1, "a", {}, {"raw": {"y": 1}}]]))[0])
    assert caught.value.code is BreachCode.BAD_FRAME


def test_an_answer_to_the_core_has_its_value_raw_or_not() -> None:
    """And its error as an exception that can be raised."""
    talk = greeted()
    assert [talk.ask(), talk.ask(), talk.ask()] == [1, 2, 3]
    (message,) = talk.open(encode([["result", 2, None, {"raw": 1}]]), [b"abc"])
    assert talk.take(message) == Answer(2, b"abc")
    answer = talk.take(["error", 1, {"code": "a.b", "message": "no", "data": [5]}])
    assert isinstance(answer, Answer)
    assert answer.error is not None
    assert (answer.error.code, answer.error.message, answer.error.data) == ("a.b", "no", [5])
    assert talk.asked_in_flight == 1


@pytest.mark.parametrize("state", [State.BORN, State.LEFT])
def test_a_worker_that_is_not_there_is_not_asked(state: State) -> None:
    """Nothing would answer."""
    with pytest.raises(ValueError, match="cannot be asked"):
        Conversation(state=state).ask()


def test_more_exports_than_the_limit_end_the_worker() -> None:
    """Each would be remembered."""
    exports = {f"a.{number}": {} for number in range(limits.EXPORTS + 1)}
    assert breach_of(greeted(), ["ready", {"exports": exports}]) is BreachCode.EXPORTS
    exports.popitem()
    assert len(greeted().take(["ready", {"exports": exports}]).exports) == limits.EXPORTS  # type: ignore[union-attr]
