"""Whole frames of the commands socket: the worker's as the core takes them, the core's as the stub does."""

from __future__ import annotations

from typing import Any

import pytest
from protocol_vectors.message_table import TRACE
from protocol_vectors.notation import written_by
from protocol_vectors.reader import of, sections

from stockade.core.wire.conversation import Conversation
from stockade.core.wire.happenings import (
    MISSING,
    Call,
    CallOptions,
    Cancel,
    Credit,
    Drop,
    End,
    Export,
    Happening,
    Hello,
    Leaving,
    Offer,
    Ready,
    Reply,
)
from stockade.errors import Breach, CommandError
from stockade_frontend.errors import CoreBroken
from stockade_frontend.messages import read
from stockade_frontend.session import Session
from stockade_frontend.wire import decode

#: The traceparents of the vectors that are well-formed.
TRACES = (TRACE, f"01{TRACE[2:]}-what-comes")
BY_NAME = {vector["name"]: vector for vector in sections()["messages"]}


def frame(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["hex"])


def raw_of(vector: dict[str, Any]) -> list[bytes]:
    """The raw frames behind the batch."""
    return [bytes.fromhex(each) for each in vector.get("frames", [])]


def conversation(vector: dict[str, Any]) -> Conversation:
    """A conversation that is as far as the vector needs: greeted, unless a hello is what it tries."""
    conversation = Conversation()
    if not vector["name"].startswith("hello"):
        take(conversation, BY_NAME["hello"])
    return conversation


def take(conversation: Conversation, vector: dict[str, Any]) -> list[Happening | None]:
    return [conversation.take(message) for message in conversation.open(frame(vector), raw_of(vector))]


def expected(message: list[Any], raw: list[bytes]) -> Happening | None:
    """What a message of a worker is to be taken for; its integers are integers, however they were written."""
    verb, *elements = message
    match verb:
        case "hello":
            return Hello(elements[0]["stub"])
        case "ready":
            exports = elements[0].get("exports", {}) if elements else {}
            return Ready({name: Export(**_known(said)) for name, said in exports.items()})
        case "call":
            options = elements[3] if len(elements) > 3 else {}
            frames = {name: raw[int(index) - 1] for name, index in options.get("raw", {}).items()}
            return Call(int(elements[0]), elements[1], elements[2] | frames, _options(options))
        case "ping":
            return Reply(["pong", int(elements[0])])
        case "bye":
            return Leaving(int(elements[0]["emitted"]))
        case "pong":
            return None
        case "cancel":
            return Cancel(int(elements[0]))
        case "credit":
            return Credit(int(elements[0]), int(elements[1]))
        case "end":
            return End(int(elements[0]), _error(elements[1]) if len(elements) > 1 else None)
        case "drop":
            return Drop(int(elements[0]))
    raise AssertionError(f"a vector with the verb {verb}")


def _known(export: dict[str, Any]) -> dict[str, Any]:
    return {"concurrency": int(export.get("concurrency", 1)), "idempotent": export.get("idempotent", False)}


def _error(said: dict[str, Any]) -> CommandError:
    return CommandError(said["code"], said["message"], said.get("data"))


def _options(said: dict[str, Any]) -> CallOptions | None:
    """What the options of a valid call say, None for nothing that is known."""
    options = CallOptions(
        deadline=MISSING if "deadline" not in said else None if said["deadline"] is None else int(said["deadline"]),
        channels=tuple(_offer(name, channel) for name, channel in said.get("channels", {}).items()),
        trace=said.get("trace") if said.get("trace") in TRACES else None,
        idempotent=said.get("idempotent", False),
    )
    return None if options == CallOptions() else options


def _offer(name: str, channel: dict[str, Any]) -> Offer:
    granted = int(channel.get("credit", 0)) if channel["to"] == "caller" else 0
    return Offer(name, int(channel["id"]), channel["to"], granted)


@of("messages", **{"from": "worker", "valid": True})
def test_message_of_a_worker_is_taken(vector: dict[str, Any]) -> None:
    """Each message of the batch makes happen what it says, and its numbers are integers."""
    taken = take(conversation(vector), vector)
    raw = raw_of(vector)
    assert repr(taken) == repr([expected(message, raw) for message in written_by(vector["value"])])


@of("messages", **{"from": "worker", "valid": False, "answered": "bad_message"})
def test_malformed_call_is_answered(vector: dict[str, Any]) -> None:
    """A call whose id is in order is answered, and the worker goes on."""
    conversation_now = conversation(vector)
    (reply,) = take(conversation_now, vector)
    assert isinstance(reply, Reply)
    assert reply.message[:2] == ["error", 1]
    assert reply.message[2]["code"] == "bad_message"
    assert take(conversation_now, BY_NAME["ping"]) == [Reply(["pong", 7])]


@pytest.mark.parametrize(
    "vector",
    [pytest.param(vector, id=vector["name"]) for vector in sections()["messages"] if "ends" in vector],
)
def test_bad_message_of_a_worker_is_a_breach(vector: dict[str, Any]) -> None:
    """The breach has the code of the vector, and no other exception comes of it."""
    conversation_now = conversation(vector)
    with pytest.raises(Breach) as breach:
        take(conversation_now, vector)
    assert breach.value.code == vector["ends"]


@of("messages", **{"from": "core", "valid": True})
def test_message_of_the_core_is_read(vector: dict[str, Any]) -> None:
    """The stub reads each message of the batch, and leaves what stands behind its shape out."""
    for message, said in zip(decode(frame(vector)), written_by(vector["value"]), strict=True):
        verb, elements = read(message)
        assert verb == said[0]
        assert 0 < len(elements) < len(said)
        if type(said[1]) in (int, float):
            assert repr(elements[0]) == repr(int(said[1]))


@of("messages", **{"from": "core", "valid": False})
def test_bad_message_of_the_core_is_said_to_be_its_fault(vector: dict[str, Any]) -> None:
    """A worker that awaits answers takes it for a broken core: exit status 70."""
    session = Session("editor", 3, "test/0", 1)
    session.hello()
    session.receive(frame(BY_NAME["welcome"]))
    session.grants.commands.allows("echo")
    session.call("echo", {})
    with pytest.raises(CoreBroken) as broken:
        session.receive(frame(vector), **({"raw": raw_of(vector)} if "frames" in vector else {}))
    assert broken.value.code == 70
