"""Frames of the events and emits sockets, subscriptions, and the patterns of grants."""

from __future__ import annotations

from typing import Any

import pytest
from protocol_vectors.notation import same, written_by
from protocol_vectors.reader import of, sections

from stockade.core.policy.patterns import Pattern
from stockade.core.wire.topics import parse_emit, parse_subscription
from stockade.errors import Breach
from stockade_frontend.errors import CoreBroken
from stockade_frontend.events import read_event
from stockade_frontend.grants import Grant


def frame(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["hex"])


def asking(kind: str) -> pytest.MarkDecorator:
    """The vectors of patterns that ask for a name, or for a prefix."""
    chosen = [vector for vector in sections()["patterns"] if kind in vector]
    return pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["name"]) for vector in chosen])


@of("events", valid=True)
def test_event_is_read(vector: dict[str, Any]) -> None:
    """The stub reads the name, the number as an integer, the source and the payload."""
    event = read_event(frame(vector))
    seq, source, payload, *_ = written_by(vector["value"])
    assert (event.name + "|", event.source) == (vector["topic"], source)
    assert repr(event.seq) == repr(int(seq))
    assert same(event.payload, payload)


@of("events", valid=False)
def test_bad_event_is_said_to_be_the_cores_fault(vector: dict[str, Any]) -> None:
    """The stub takes the core for broken."""
    with pytest.raises(CoreBroken):
        read_event(frame(vector))


@of("emits", valid=True)
def test_emit_is_taken(vector: dict[str, Any]) -> None:
    """The core reads the name, the payload, to whom it goes and in which trace."""
    name, payload, to, trace = parse_emit(frame(vector))
    assert (name + "|", to, trace) == (vector["topic"], vector["to"], vector.get("trace"))
    assert same(payload, written_by(vector["value"])[1])


@of("emits", valid=False)
def test_bad_emit_is_a_breach(vector: dict[str, Any]) -> None:
    """The breach has the code of the vector."""
    with pytest.raises(Breach) as breach:
        parse_emit(frame(vector))
    assert breach.value.code == vector["ends"]


@of("subscriptions", valid=True)
def test_subscription_is_taken(vector: dict[str, Any]) -> None:
    """The core reads what is asked for, and whether it is a prefix."""
    wanted = (vector["subscribe"], vector.get("event") or vector["prefix"], "prefix" in vector)
    assert parse_subscription(frame(vector)) == wanted


@of("subscriptions", valid=False)
def test_bad_subscription_is_a_breach(vector: dict[str, Any]) -> None:
    """The breach has the code of the vector."""
    with pytest.raises(Breach) as breach:
        parse_subscription(frame(vector))
    assert breach.value.code == vector["ends"]


@asking("asked")
def test_core_decides_by_the_patterns(vector: dict[str, Any]) -> None:
    """What matches an allowed pattern and no denied one is allowed."""
    allow, deny = ([Pattern.compile(text, vector["separator"]) for text in vector[side]] for side in ("allow", "deny"))
    matches = [any(pattern.matches(vector["asked"]) for pattern in side) for side in (allow, deny)]
    assert (matches[0] and not matches[1]) is vector["allowed"]


@asking("prefix")
def test_core_grants_a_prefix_by_the_patterns(vector: dict[str, Any]) -> None:
    """A prefix is granted if one allowed pattern covers it and no denied one meets it."""
    allow, deny = ([Pattern.compile(text, "/") for text in vector[side]] for side in ("allow", "deny"))
    covered = any(pattern.covers(vector["prefix"]) for pattern in allow)
    assert (covered and not any(pattern.meets(vector["prefix"]) for pattern in deny)) is vector["allowed"]


@of("patterns")
def test_stub_decides_alike(vector: dict[str, Any]) -> None:
    """The stub's grants say what the core's policy says."""
    grant = Grant(vector["separator"], vector["allow"], vector["deny"])
    decided = grant.covers(vector["prefix"]) if "prefix" in vector else grant.allows(vector["asked"])
    assert decided is vector["allowed"]
