"""One worker's side of the conversation, without a socket."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade_frontend import errors
from stockade_frontend.asking import Asking, Manner
from stockade_frontend.session import Session, State

#: What may not wait for room, nor be tried again.
AT_ONCE = Manner(wait=False)
EVERYTHING = {"allow": ["**"], "deny": []}
LIMITS = {"message": 1000, "event": 500, "batch": 10, "calls": 5, "topics": 5, "depth": 32, "channels": 4, "frames": 63}
WELCOME: dict[str, Any] = {
    "protocol": 1,
    "worker": "editor",
    "generation": 3,
    "core": "0.1",
    "limits": LIMITS,
    "grants": {"commands": EVERYTHING, "listen": EVERYTHING, "emit": EVERYTHING},
}


def frame(*messages: Any) -> bytes:
    return cbor2.dumps(list(messages))


def sent(session: Session) -> list[Any]:
    """All that the session has to say, taken as sent."""
    messages: list[Any] = []
    while (batch := session.outbox.batch()) is not None:
        session.outbox.sent()
        messages += cbor2.loads(batch)
    return messages


def greeting() -> Session:
    session = Session("editor", 3, "test/1", 10)
    session.hello()
    return session


def opened(limits: dict[str, int] | None = None, grants: dict[str, Any] | None = None) -> Session:
    session = greeting()
    welcome = WELCOME | {"limits": LIMITS | (limits or {}), "grants": {**WELCOME["grants"], **(grants or {})}}
    session.receive(frame(["welcome", welcome]))
    sent(session)
    return session


def leaving() -> Session:
    session = opened()
    session.bye()
    return session


def left() -> Session:
    session = leaving()
    session.receive(frame(["bye", {"emitted": 0}]))
    return session


def test_hello_is_said_and_welcome_opens() -> None:
    """Limits and grants hold from the welcome on."""
    session = Session("editor", 3, "test/1", 10)
    hello = session.hello()
    assert sent(session) == [["hello", {"protocol": 1, "stub": "test/1"}]]
    assert session.receive(frame(["welcome", WELCOME | {"later": 1}, "more"])) == [hello]
    assert hello.done
    assert session.state is State.OPEN
    assert (session.limits.message, session.limits.calls) == (1000, 5)


def test_answers_find_their_calls_in_any_order() -> None:
    """Each call has its own answer, whichever comes first; ids rise from 1."""
    session = opened()
    first, second, third = (session.call("notes.read", {"n": n}) for n in range(3))
    assert sent(session) == [["call", n + 1, "notes.read", {"n": n}] for n in range(3)]
    answered = session.receive(
        frame(["result", 3.0, None], ["error", 1, {"code": "failed", "message": "no"}, "more"], ["result", 2, [7]])
    )
    assert answered == [third, first, second]
    assert (third.result(), second.result()) == (None, [7])
    with pytest.raises(errors.Failed, match="failed: no"):
        first.result()


@given(st.permutations(range(8)), st.lists(st.integers(1, 3)))
def test_batches_of_any_cut_settle_every_call(order: list[int], cuts: list[int]) -> None:
    """However the core gathers its answers, each call gets its own."""
    session = opened({"calls": 8})
    pending = [session.call("echo", {"n": n}) for n in range(8)]
    answers = [["result", n + 1, n] for n in order]
    while answers:
        cut = cuts.pop() if cuts else 4
        session.receive(frame(*answers[:cut]))
        answers = answers[cut:]
    assert [one.result() for one in pending] == list(range(8))
    assert session.statistics().pending == 0


CODES = {
    "not_allowed": errors.NotAllowed, "not_found": errors.NotFound, "invalid_args": errors.InvalidArgs,
    "failed": errors.Failed, "cancelled": errors.Cancelled, "deadline_exceeded": errors.DeadlineExceeded,
    "busy": errors.Busy, "unavailable": errors.Unavailable, "too_large": errors.TooLarge,
    "bad_message": errors.BadMessage, "internal": errors.Internal, "notes.locked": errors.CommandError,
}  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_error_has_its_own_type_for_each_code(code: str) -> None:
    """A subclass per code of the protocol; an application's own code stays what it is."""
    session = opened()
    pending = session.call("notes.read", {}, AT_ONCE.asking(0.0))
    session.receive(frame(["error", 1, {"code": code, "message": "why", "data": {"path": "name"}}]))
    with pytest.raises(errors.CommandError) as raised:
        pending.result()
    assert type(raised.value) is CODES[code]
    assert (raised.value.code, raised.value.message, raised.value.data) == (code, "why", {"path": "name"})


def test_answer_to_a_call_given_up_is_counted_and_ignored() -> None:
    """Its caller does not wait any more; the core is told, and whatever it answers is for nobody."""
    session = opened()
    first, second = session.call("echo", {}), session.call("echo", {})
    session.cancel(first, errors.Cancelled("not wanted"))
    session.cancel(second, errors.Cancelled("not wanted"))
    session.cancel(second, errors.Cancelled("not wanted"))
    assert sent(session)[2:] == [["cancel", 1], ["cancel", 2]]
    assert session.statistics().pending == 2
    assert session.wake(0.0) == [first, second]
    assert session.receive(frame(["result", 1, "late"], ["error", 2, {"code": "cancelled", "message": ""}])) == []
    counts = session.statistics()
    assert (counts.late, counts.answered, counts.pending) == (2, 2, 0)
    for pending in (first, second):
        with pytest.raises(errors.Cancelled, match="not wanted"):
            pending.result()


def test_call_that_would_be_refused_is_not_sent() -> None:
    """Grants, size and values are checked here, calls in flight if it may not wait; the next call has the next id."""
    session = opened({"calls": 1}, {"commands": {"allow": ["notes.*"], "deny": ["notes.purge"]}})
    for command in ("notes.purge", "other"):
        with pytest.raises(errors.NotAllowed, match="nothing was sent"):
            session.call(command, {})
    with pytest.raises(errors.TooLarge, match="channel"):
        session.call("notes.read", {"name": "n" * 1000})
    for value in ([object()], ["\ud800"]):
        with pytest.raises(errors.EncodeError) as refusal:
            session.call("notes.read", {"name": value})
        assert refusal.value.path == "name[0]"
    for value in (2**63, object(), "\ud800"):
        with pytest.raises(errors.EncodeError) as refusal:
            session.call("notes.read", {"name": value})
        assert refusal.value.path == "name"
    session.call("notes.read", {})
    with pytest.raises(errors.Busy):
        session.call("notes.read", {}, AT_ONCE.asking(0.0))
    assert sent(session) == [["call", 1, "notes.read", {}]]


def test_message_of_just_the_limit_is_sent() -> None:
    """The limit counts the whole frame."""
    session = opened()
    overhead = len(frame(["call", 1, "echo", {"x": "n" * 900}])) - 900
    session.call("echo", {"x": "n" * (1000 - overhead - 2)})
    batch = session.outbox.batch()
    assert batch is not None
    assert 990 < len(batch) <= 1000


def test_values_that_stand_deepest_are_sent() -> None:
    """The batch and the message count among the thirty-two, for the event one array does."""
    session = opened()
    session.call("echo", {"x": cbor2.loads(b"\x81" * 28 + b"\x80")})
    session.prepare_emit("a", cbor2.loads(b"\x81" * 30 + b"\x80"), None)
    with pytest.raises(errors.EncodeError):
        session.call("echo", {"x": cbor2.loads(b"\x81" * 29 + b"\x80")})
    with pytest.raises(errors.EncodeError):
        session.prepare_emit("a", cbor2.loads(b"\x81" * 31 + b"\x80"), None)


def test_ping_is_answered_until_bye() -> None:
    """Behind `bye` nothing may be said."""
    session = opened()
    session.receive(frame(["ping", 7]))
    assert sent(session) == [["pong", 7]]
    session.bye()
    session.receive(frame(["ping", 8]))
    assert sent(session) == [["bye", {"emitted": 0}]]


def test_pong_settles_its_ping_and_a_strange_one_nothing() -> None:
    """A pong to a ping that was never sent is ignored."""
    session = opened()
    ping = session.ping()
    assert session.receive(frame(["pong", 9], ["pong", 1])) == [ping]


def test_ready_is_said_once() -> None:
    """Twice would be a breach."""
    session = opened()
    session.ready()
    session.ready()
    assert sent(session) == [["ready"]]


def test_stop_is_noted_with_its_grace() -> None:
    """What to do about it is the worker's."""
    session = opened()
    session.receive(frame(["stop", {"grace": 3000}]))
    assert (session.stopping, session.grace) == (True, 3000)


def test_no_call_comes_behind_bye() -> None:
    """Neither a plain one nor one with options."""
    session = leaving()
    for asking in (None, Asking()):
        with pytest.raises(errors.Closed):
            session.call("notes.read", {}, asking)
    assert sent(session) == [["bye", {"emitted": 0}]]


def test_bye_counts_the_emits_and_is_answered() -> None:
    """Answers to what is in flight still come in between."""
    session = opened()
    call = session.call("echo", {})
    prepared = session.prepare_emit("editor/opened", {"a": 1}, "reporter")
    assert session.number_emit(prepared) == b"editor/opened|" + cbor2.dumps([1, {"a": 1}, {"to": "reporter"}])
    session.emitted += 1
    bye = session.bye()
    assert sent(session)[-1] == ["bye", {"emitted": 1}]
    assert session.receive(frame(["error", 1, {"code": "cancelled", "message": ""}], ["bye", {"emitted": 1}])) == [
        call,
        bye,
    ]
    assert (session.state, session.emits_handled) == (State.LEFT, 1)


@pytest.mark.parametrize("name", ["", "a/", "a b", "a|", "n" * 129])
def test_event_out_of_the_grammar_is_not_emitted(name: str) -> None:
    """It would end the worker."""
    with pytest.raises(ValueError, match="no event's name"):
        opened().prepare_emit(name, None, None)


def test_event_that_is_not_granted_is_not_emitted() -> None:
    """An emit has no answer, so this is the only word about it."""
    session = opened(grants={"emit": {"allow": ["editor/*"], "deny": []}})
    with pytest.raises(errors.NotAllowed):
        session.prepare_emit("notes/changed", None, None)
    with pytest.raises(errors.TooLarge):
        session.prepare_emit("editor/opened", "n" * 500, None)


def test_subscriptions_to_one_topic_are_answered_in_their_order() -> None:
    """Dropped and asked again: the first answer is for the first."""
    session = opened()
    first, second = session.subscribe("notes/"), session.subscribe("notes/")
    denied = ["denied", "notes/", {"code": "not_allowed", "message": ""}]
    assert session.receive(frame(["listening", "notes/"], denied)) == [first, second]
    with pytest.raises(errors.NotAllowed):
        second.result()


def test_topic_that_is_not_granted_is_not_subscribed() -> None:
    """A prefix needs everything under it."""
    session = opened(grants={"listen": {"allow": ["notes/*"], "deny": []}})
    session.subscribe("notes/changed|")
    for topic in ("notes/", "other|"):
        with pytest.raises(errors.NotAllowed):
            session.subscribe(topic)


ERROR = {"code": "failed", "message": ""}
#: What the core must not say, by when.
BREAKS = {
    "a frame that is no CBOR": (opened, b"\xff"),
    "bytes behind the item": (opened, frame(["ping", 1]) + b"\x00"),
    "no array": (opened, cbor2.dumps({"a": 1})),
    "an empty batch": (opened, cbor2.dumps([])),
    "a batch too long": (opened, cbor2.dumps([["missed", 1]] * 1025)),
    "a message that is a number": (opened, frame(7)),
    "a message that is a text": (opened, frame("result")),
    "a message that is a map": (opened, frame({"result": 1})),
    "an empty message": (opened, frame([])),
    "a verb that is no text": (opened, frame([1, 2])),
    "an unknown verb": (opened, frame(["later", 1, 2])),
    "a verb of the worker": (opened, frame(["ready"])),
    "a result of a call never made": (opened, frame(["result", 1, None])),
    "an error of a call never made": (opened, frame(["error", 1, ERROR])),
    "a result without a value": (opened, frame(["result", 1])),
    "a result whose id is true": (opened, frame(["result", True, 1])),
    "a result whose id is a list": (opened, frame(["result", [1], 1])),
    "an error without a code": (opened, frame(["error", 1, {"message": ""}])),
    "an error that is a text": (opened, frame(["error", 1, "failed"])),
    "an answer to no subscription": (opened, frame(["listening", "notes/"])),
    "a denial of no subscription": (opened, frame(["denied", "notes/", ERROR])),
    "a ping without a number": (opened, frame(["ping", "1"])),
    "a stop without a grace": (opened, frame(["stop", {}])),
    "welcome twice": (opened, frame(["welcome", WELCOME])),
    "refused after welcome": (opened, frame(["refused", ERROR])),
    "bye unasked": (opened, frame(["bye", {"emitted": 0}])),
    "a result before welcome": (greeting, frame(["result", 1, None])),
    "a welcome without limits": (greeting, frame(["welcome", {**WELCOME, "limits": {}}])),
    "a welcome without grants": (greeting, frame(["welcome", {**WELCOME, "grants": {"commands": EVERYTHING}}])),
    "a welcome with patterns that are numbers": (
        greeting,
        frame(
            [
                "welcome",
                {**WELCOME, "grants": {**WELCOME["grants"], "emit": {"allow": [1], "deny": []}}},
            ]
        ),
    ),
    "a welcome for another": (greeting, frame(["welcome", {**WELCOME, "worker": "other"}])),
    "a welcome for another generation": (greeting, frame(["welcome", {**WELCOME, "generation": 4}])),
    "a bye without a count": (leaving, frame(["bye", {}])),
    "anything after bye": (left, frame(["missed", 1])),
}


@pytest.mark.parametrize("case", BREAKS)
def test_core_that_breaks_the_protocol_is_not_believed(case: str) -> None:
    """The worker ends with status 70, and says what came."""
    begin, data = BREAKS[case]
    with pytest.raises(errors.CoreBroken) as end:
        begin().receive(data)
    assert end.value.code == 70
    assert end.value.reason


def test_second_answer_to_a_call_breaks_the_core() -> None:
    """Each call has exactly one."""
    session = opened()
    session.call("echo", {})
    with pytest.raises(errors.CoreBroken):
        session.receive(frame(["result", 1, None], ["result", 1, None]))


def test_refusal_ends_the_worker() -> None:
    """Another version of the protocol, say."""
    with pytest.raises(errors.Refused, match="unavailable: version 2 alone"):
        greeting().receive(frame(["refused", {"code": "unavailable", "message": "version 2 alone"}]))


def test_breach_says_what_this_worker_did() -> None:
    """The process is killed in a moment; until then it can say why."""
    with pytest.raises(errors.Breached, match="bad_frame: not CBOR"):
        opened().receive(frame(["breach", {"code": "bad_frame", "reason": "not CBOR"}]))


@pytest.mark.parametrize("data", [b"\x00notes/", b"\x01notes/", b"", b"\x02"])
def test_subscription_to_some_emits_breaks_the_core(data: bytes) -> None:
    """It takes all emits, or is gone."""
    with pytest.raises(errors.CoreBroken):
        opened().receive_subscription(data)


def test_subscription_that_ends_is_the_end_of_the_core() -> None:
    """XPUB says so when its last peer has gone."""
    session = opened()
    assert session.receive_subscription(b"\x01")
    with pytest.raises(errors.ConnectionLost):
        session.receive_subscription(b"\x00")


MESSAGES = st.recursive(
    st.none()
    | st.integers(0, 3)
    | st.sampled_from(["result", "error", "ping", "listening", "missed", "stop", "bye", "notes/"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["code", "message", "grace"]), inner),
    max_leaves=8,
)


@given(st.lists(MESSAGES, max_size=5))
def test_whatever_the_core_says_ends_in_order(messages: list[Any]) -> None:
    """Nonsense raises `Ended`, and nothing else."""
    session = opened()
    session.call("echo", {})
    with suppress(errors.Ended):
        session.receive(frame(*messages))
