"""What a worker may say, frame by frame, without a worker."""

from __future__ import annotations

from typing import Any

import cbor2
import pytest

from stockade.certify.fault import Fault
from stockade.certify.judge import Judge
from stockade.certify.scene import PLAIN, TIGHT

HELLO = ["hello", {"protocol": 1, "stub": "test/1"}]
NEXT = ["call", 1, "certify.next", {"offers": []}]


def greeted(scene: Any = PLAIN) -> Judge:
    judge = Judge(scene)
    judge.batch([cbor2.dumps([HELLO])])
    return judge


@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        ([["ready"], ["ready"]], "ready once"),
        ([NEXT, NEXT], "ids that rise"),
        ([["result", 1, None]], "one answer to each call"),
        ([["cancel", 1]], "calls that there are"),
        ([["item", 1, None]], "channels that there are"),
        ([["frobnicate"]], "verbs of the protocol"),
        ([["call", 1, "a.b"]], "need not be refused"),
        ([], "1 to 1024 messages"),
    ],
)
def test_what_would_end_a_worker_is_a_fault(messages: list[Any], wanted: str) -> None:
    """By the core's own reader; the words say what is wanted."""
    with pytest.raises(Fault, match=wanted):
        greeted().batch([cbor2.dumps(messages)])


def test_hello_comes_first() -> None:
    """Before it nothing is taken."""
    with pytest.raises(Fault, match="hello first and alone"):
        Judge(PLAIN).batch([cbor2.dumps([["ready"]])])


def test_a_frame_with_a_tag_is_a_fault() -> None:
    """The profile has none."""
    with pytest.raises(Fault, match="strict profile"):
        greeted().batch([cbor2.dumps([["call", 1, "a.b", {"a": cbor2.CBORTag(6, 1)}]])])


def test_calls_beyond_the_limit_are_a_fault_though_a_core_would_answer_busy() -> None:
    """To keep to it is the stub's duty."""
    calls = [["call", number, "a.b", {}] for number in range(1, 6)]
    judge = greeted(TIGHT)
    judge.batch([cbor2.dumps(calls[:4])])
    with pytest.raises(Fault, match="4 calls are in flight"):
        judge.batch([cbor2.dumps(calls[4:])])


@pytest.mark.parametrize(
    ("frames", "wanted"),
    [
        ([cbor2.dumps([["pong", 1]] * 5)], "limits.batch"),
        ([cbor2.dumps([["call", 1, "a.b", {"a": bytes(20_000)}]])], "limits.message"),
        (
            [cbor2.dumps([["call", 1, "a.b", {}, {"raw": {"a": 1, "b": 2, "c": 3}}]]), b"1", b"2", b"3"],
            "limits.frames",
        ),
    ],
)
def test_what_is_over_a_limit_of_the_welcome_is_a_fault(frames: list[bytes], wanted: str) -> None:
    """Each of them by its name."""
    with pytest.raises(Fault, match=wanted):
        greeted(TIGHT).batch(frames)


def test_emits_are_numbered_from_1() -> None:
    """A number left out is a fault, and so is an emit over its limit."""
    judge = greeted(TIGHT)
    assert judge.emit([b"a/b|" + cbor2.dumps([1, None])]).name == "a/b"
    with pytest.raises(Fault, match="emit number 2"):
        judge.emit([b"a/b|" + cbor2.dumps([3, None])])
    with pytest.raises(Fault, match=r"limits\.event"):
        judge.emit([b"a/b|" + cbor2.dumps([3, bytes(2000)])])


def test_a_subscription_has_a_bar_or_a_slash() -> None:
    """What has neither is a fault."""
    assert greeted().subscription([b"\x01a/b|"]) == (True, "a/b|")
    assert greeted().subscription([b"\x00a/"]) == (False, "a/")
    with pytest.raises(Fault, match="bar"):
        greeted().subscription([b"\x01a/b"])
