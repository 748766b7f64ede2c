"""Channels without a socket: ids, credit, ends from either side, what has crossed, and the core's faults."""

from __future__ import annotations

from typing import Any

import pytest

from stockade_frontend.asking import Manner
from stockade_frontend.channels import Receiver, Sender
from stockade_frontend.errors import Busy, Cancelled, CoreBroken, Dropped, EncodeError, Failed, TooLarge, Unavailable

FAILED = {"code": "failed", "message": "no"}


class Passed:
    """What a program passes to a call, as far as the session looks at it."""

    def __init__(self, end: Sender | Receiver) -> None:
        self.end_of_channel = end


def opened(core: Any, *ends: Sender | Receiver, **manner: Any) -> Any:
    """A call that passes these, in flight; what has been said of it is taken."""
    arguments = {f"channel{n}": Passed(end) for n, end in enumerate(ends)}
    pending = core.session.call("rows", arguments, Manner(**manner).asking(0.0))
    core.heard()
    return pending


# -- opening ----------------------------------------------------------------------------------------------------------


def test_channels_of_a_call_are_named_in_its_options(pure_core: Any) -> None:
    """With odd ids that rise, the receiver's with its credit; they are not among the arguments."""
    core = pure_core()
    core.session.call("copy", {"n": 1, "to": Passed(Receiver(5)), "rows": Passed(Sender())})
    core.session.call("copy", {"rows": Passed(Sender())})
    assert core.heard() == [
        ["call", 1, "copy", {"n": 1}, {"channels": {
            "to": {"id": 1, "to": "caller", "credit": 5}, "rows": {"id": 3, "to": "callee"}}}],
        ["call", 2, "copy", {}, {"channels": {"rows": {"id": 5, "to": "callee"}}}],
    ]  # fmt: skip


def test_channel_belongs_to_one_call(pure_core: Any) -> None:
    """A second one, or twice in one, is the worker's own bug."""
    core, sender, other = pure_core(), Sender(), Sender()
    opened(core, sender)
    with pytest.raises(RuntimeError, match="one call"):
        opened(core, sender)
    with pytest.raises(RuntimeError, match="one call"):
        opened(core, other, other)
    opened(core, other)


def test_channels_above_the_limit_are_busy(pure_core: Any) -> None:
    """At once: who holds them all may be who would wait. One that was refused may be passed again."""
    core, third = pure_core(channels=2), Receiver(1)
    opened(core, Sender(), Receiver(1))
    with pytest.raises(Busy, match="channels"):
        opened(core, third)
    core.says(["drop", 1])
    opened(core, third)
    assert core.session.statistics().channels == 2


@pytest.mark.parametrize("credit", [0, -1, 2**53])
def test_credit_must_be_possible(credit: int) -> None:
    """A receiver that takes nothing would never get anything."""
    with pytest.raises(ValueError, match="credit"):
        Receiver(credit)


# -- sending ----------------------------------------------------------------------------------------------------------


def test_sender_may_send_what_was_granted(pure_core: Any) -> None:
    """It begins without credit; each item costs one; waiting ends with the grant."""
    core, sender = pure_core(), Sender()
    opened(core, sender)
    channels = core.session.channels
    assert not sender.moves
    core.says(["credit", 1, 2.0])
    channels.send(sender, {"row": 1})
    channels.send(sender, None)
    assert core.heard() == [["item", 1, {"row": 1}], ["item", 1, None]]
    assert not sender.moves
    core.says(["credit", 1, 2**53 - 1])
    assert sender.moves


@pytest.mark.parametrize(("value", "error"), [({1}, EncodeError), (["\ud800"], EncodeError), ("t" * 2000, TooLarge)])
def test_item_that_cannot_be_sent_costs_nothing(pure_core: Any, value: Any, error: type[Exception]) -> None:
    """The next one may go in its place."""
    core, sender = pure_core(message=1000), Sender()
    opened(core, sender)
    core.says(["credit", 1, 1])
    with pytest.raises(error):
        core.session.channels.send(sender, value)
    assert (sender.credit, core.heard()) == (1, [])


def test_sender_ends_once_with_or_without_an_error(pure_core: Any) -> None:
    """It needs no credit; afterwards nothing can be sent."""
    core, plain, failing = pure_core(), Sender(), Sender()
    opened(core, plain, failing)
    channels = core.session.channels
    for _ in range(2):
        channels.finish(plain)
        channels.finish(failing, Failed("half of it", {"at": {1}}))
    first, (verb, ident, error) = core.heard()
    assert (first, verb, ident) == (["end", 1], "end", 3)
    assert (error["code"], "half of it" in error["message"], "data" in error) == ("failed", True, False)
    with pytest.raises(RuntimeError, match="ended"):
        channels.send(plain, 1)


def test_dropped_sender_learns_it(pure_core: Any) -> None:
    """Whoever waits for credit goes on, and cannot send; an end is not said any more."""
    core, sender = pure_core(), Sender()
    opened(core, sender)
    core.says(["drop", 1])
    assert sender.moves
    with pytest.raises(Dropped):
        core.session.channels.send(sender, 1)
    core.session.channels.finish(sender)
    assert core.heard() == []


# -- receiving --------------------------------------------------------------------------------------------------------


def test_items_come_in_order_and_are_granted_anew(pure_core: Any) -> None:
    """Half of the window at a time, when they are taken and not when they come."""
    core, receiver = pure_core(), Receiver(4)
    opened(core, receiver)
    core.says(*(["item", 1, n] for n in range(4)))
    taken = []
    while receiver.items:
        taken.append((core.session.channels.take(receiver), core.heard()))
    assert taken == [(0, []), (1, [["credit", 1, 2]]), (2, []), (3, [["credit", 1, 2]])]


def test_end_comes_behind_the_items(pure_core: Any) -> None:
    """With the sender's error, if it had one; no credit is granted any more."""
    core, receiver = pure_core(), Receiver(2)
    opened(core, receiver)
    core.says(["item", 1, "last"], ["end", 1, FAILED])
    assert core.session.channels.take(receiver) == "last"
    assert core.heard() == []
    assert receiver.over
    assert isinstance(receiver.error, Failed)


def test_dropped_receiver_says_so_once(pure_core: Any) -> None:
    """What has crossed is counted and ignored."""
    core, receiver = pure_core(), Receiver(2)
    opened(core, receiver)
    for _ in range(2):
        core.session.channels.finish(receiver)
    assert core.heard() == [["drop", 1]]
    core.says(["item", 1, "crossed"], ["end", 1])
    assert core.session.channels.ignored == 2


# -- with the call ----------------------------------------------------------------------------------------------------


def test_result_leaves_channels_open(pure_core: Any) -> None:
    """They live on as long as both ends keep them."""
    core, receiver = pure_core(), Receiver(2)
    opened(core, receiver)
    core.says(["result", 1, None], ["item", 1, "later"])
    assert not receiver.over
    assert core.session.channels.take(receiver) == "later"


def test_error_ends_all_channels_of_its_call(pure_core: Any) -> None:
    """With that error, and nothing more is said of them."""
    core, sender, receiver = pure_core(), Sender(), Receiver(2)
    opened(core, sender, receiver)
    core.says(["item", 3, "before"], ["error", 1, FAILED], ["item", 3, "crossed"])
    assert list(receiver.items) == ["before"]
    for end in (sender, receiver):
        assert isinstance(end.error, Failed)
        core.session.channels.finish(end)
    assert core.heard() == []


def test_busy_call_is_made_again_with_its_channels(pure_core: Any) -> None:
    """Whoever waits at their ends does not notice; the ids are new."""
    core, sender, receiver = pure_core(), Sender(), Receiver(2)
    opened(core, sender, receiver)
    core.says(["error", 1, {"code": "busy", "message": ""}])
    assert (sender.over, receiver.over, core.session.statistics().channels) == (False, False, 0)
    core.session.wake(1.0)
    (message,) = core.heard()
    assert message[4]["channels"]["channel1"] == {"id": 7, "to": "caller", "credit": 2}
    core.says(["credit", 5, 1], ["item", 7, "now"])
    assert (sender.credit, list(receiver.items)) == (1, ["now"])


def test_cancelled_call_ends_its_channels_whatever_has_crossed(pure_core: Any) -> None:
    """The answer on its way may be a result, which would leave them open: so each is ended too."""
    core, sender, receiver = pure_core(), Sender(), Receiver(2)
    pending = opened(core, sender, receiver)
    core.session.cancel(pending, Cancelled("not wanted"))
    messages = core.heard()
    assert messages[0] == ["cancel", 1]
    assert [message[:2] for message in messages[1:]] == [["end", 1], ["drop", 3]]
    assert messages[1][2]["code"] == "cancelled"
    assert isinstance(receiver.error, Cancelled)
    core.says(["result", 1, None], ["item", 3, "crossed"])


def test_bye_ends_all_channels(pure_core: Any) -> None:
    """With `unavailable`, and nothing is said of each."""
    core, receiver = pure_core(), Receiver(2)
    opened(core, receiver)
    core.session.bye()
    assert isinstance(receiver.error, Unavailable)
    assert [message[0] for message in core.heard()] == ["bye"]
    core.says(["item", 1, "crossed"], ["end", 1])


# -- the core's faults ------------------------------------------------------------------------------------------------

FAULTS = {
    "an item on no channel": ["item", 5, 1],
    "an item on channel 0": ["item", 0, 1],
    "an item on an even channel": ["item", 2, 1],
    "an item from its receiver": ["item", 1, 1],
    "an end from its receiver": ["end", 1],
    "credit from its sender": ["credit", 3, 1],
    "a drop from its sender": ["drop", 3],
    "credit of none": ["credit", 1, 0],
    "credit beyond all numbers": ["credit", 1, 2**53],
    "an end whose error is none": ["end", 3, "failed"],
    "an item that insists": ["item", 3, 1, {"!later": 1}],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_core_may_not_say_breaks_it(pure_core: Any, fault: str) -> None:
    """Channel 1 sends to it, channel 3 receives from it."""
    core = pure_core()
    opened(core, Sender(), Receiver(2))
    with pytest.raises(CoreBroken):
        core.says(FAULTS[fault])


def test_item_over_its_credit_breaks_the_core(pure_core: Any) -> None:
    """It may never be ahead by more than the window."""
    core = pure_core()
    opened(core, Receiver(2))
    core.says(["item", 1, 1], ["item", 1, 2])
    with pytest.raises(CoreBroken, match="credit"):
        core.says(["item", 1, 3])


def test_sum_of_credits_has_an_end(pure_core: Any) -> None:
    """Beyond the protocol's numbers nobody can count."""
    core = pure_core()
    opened(core, Sender())
    core.says(["credit", 1, 2**53 - 1])
    with pytest.raises(CoreBroken, match="credit"):
        core.says(["credit", 1, 1])


def test_what_was_ended_before_its_call_went_is_said_behind_it(pure_core: Any) -> None:
    """The call waited for room: its command would wait for items, or for credit, for ever."""
    core = pure_core(calls=1)
    core.session.call("slow", {})
    rows, lines, failed = Sender(), Receiver(2), Sender()
    arguments = {"rows": Passed(rows), "lines": Passed(lines), "failed": Passed(failed)}
    core.session.call("copy", arguments, Manner().asking(0.0))
    core.session.channels.finish(rows)
    core.session.channels.finish(lines)
    core.session.channels.finish(failed, Failed("no"))
    core.heard()
    core.says(["result", 1, None])
    call, *ends = core.heard()
    assert call[:3] == ["call", 2, "copy"]
    assert ends == [["end", 1], ["drop", 3], ["end", 5, FAILED]]
    assert len(core.session.channels) == 0
