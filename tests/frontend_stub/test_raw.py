"""Bytes that travel as frames of their own."""

from __future__ import annotations

from typing import Any

import pytest

from stockade_frontend.asking import Manner
from stockade_frontend.channels import Receiver, Sender
from stockade_frontend.errors import CoreBroken, TooLarge
from stockade_frontend.raw import THRESHOLD, Parcel, raw_of

LARGE = bytes(range(256)) * (THRESHOLD // 256)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_large_bytes_go_raw_and_small_ones_do_not(pure_core: Any, kind: Any) -> None:
    """Each argument by itself, beside what else there is."""
    core = pure_core()
    core.session.call("save", {"a": kind(LARGE), "n": 1, "b": kind(LARGE[:-1]), "c": kind(LARGE)})
    message, *frames = core.heard()
    assert message[3:] == [{"n": 1, "b": LARGE[:-1]}, {"raw": {"a": 1, "c": 2}}]
    assert [bytes(frame) for frame in frames] == [LARGE, LARGE]


def test_bytes_inside_other_values_stay_there(pure_core: Any) -> None:
    """Only what stands alone has a place for an index."""
    core = pure_core()
    core.session.call("save", {"files": [LARGE]})
    assert core.heard() == [["call", 1, "save", {"files": [LARGE]}]]


def test_what_can_still_change_is_copied_and_nothing_else() -> None:
    """The program may use its buffer again before ZeroMQ has sent it."""
    assert raw_of(LARGE)[0] is LARGE
    view = raw_of(memoryview(LARGE))[0]
    assert isinstance(view, memoryview)
    assert view.obj is LARGE
    for changing in (bytearray(LARGE), memoryview(bytearray(LARGE)), memoryview(LARGE)[::2]):
        assert type(raw_of(changing)[0]) is bytes
    wide = memoryview(LARGE).cast("I")
    assert raw_of(wide) == (LARGE, True)


def test_raw_messages_keep_their_place_between_others(pure_core: Any) -> None:
    """A batch of its own each, in the order in which they were said."""
    core = pure_core()
    sizes = []
    for data in (b"1", b"2", LARGE, b"3", LARGE, LARGE, b"4", b"5"):
        core.session.call("save", {"data": data})
    while (batch := core.session.outbox.batch()) is not None:
        sizes.append(len(batch.frames) if isinstance(batch, Parcel) else f"{batch[0] - 0x80} plain")
        core.session.outbox.sent()
    assert sizes == ["2 plain", 1, "1 plain", 1, 1, "2 plain"]


def test_all_frames_count_for_the_limit(pure_core: Any) -> None:
    """And the words name the way for what is larger."""
    core, sender = pure_core(message=2 * len(LARGE)), Sender()
    with pytest.raises(TooLarge, match="channel"):
        core.session.call("save", {"a": LARGE, "b": LARGE})
    core.session.call("save", {"rows": type("Passed", (), {"end_of_channel": sender})()})
    core.says(["credit", 1, 1])
    with pytest.raises(TooLarge):
        core.session.channels.send(sender, LARGE * 2)
    core.session.channels.send(sender, LARGE)
    assert core.heard()[-2:] == [["item", 1, None, {"raw": 1}], LARGE]


@pytest.mark.parametrize("view", [False, True])
def test_raw_result_is_bytes_or_a_view(pure_core: Any, view: bool) -> None:
    """A view also of what was small enough to come within its message."""
    core = pure_core()
    pending = [core.session.call("read", {}, Manner(view=view).asking(0.0)) for _ in range(2)]
    core.says(["result", 1, None, {"raw": 1}], ["result", 2, b"small"], raw=[memoryview(LARGE)])
    values = [one.result() for one in pending]
    assert [type(value) for value in values] == [memoryview if view else bytes] * 2
    assert values == [LARGE, b"small"]


@pytest.mark.parametrize("view", [False, True])
def test_raw_item_is_bytes_or_a_view(pure_core: Any, view: bool) -> None:
    """As the receiver wants it."""
    core, receiver = pure_core(), Receiver(4, view)
    core.session.call("read", {"rows": type("Passed", (), {"end_of_channel": receiver})()})
    core.says(["item", 1, b"small"], ["item", 1, None, {"raw": 1}], raw=[memoryview(LARGE)])
    items = [core.session.channels.take(receiver) for _ in range(2)]
    assert [type(item) for item in items] == [memoryview if view else bytes] * 2
    assert items == [b"small", LARGE]


FAULTS: dict[str, tuple[list[Any], list[bytes]]] = {
    "a frame that nobody refers to": (["result", 1, None], [b"raw"]),
    "an index without a frame": (["result", 1, None, {"raw": 1}], []),
    "index 0": (["result", 1, None, {"raw": 0}], [b"raw"]),
    "an index beyond the frames": (["result", 1, None, {"raw": 2}], [b"raw"]),
    "an index that is a text": (["result", 1, None, {"raw": "1"}], [b"raw"]),
    "a raw value beside another": (["result", 1, 5, {"raw": 1}], [b"raw"]),
    "too many frames": (["result", 1, None, {"raw": 1}], [b"raw"] * 64),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_frames_that_do_not_fit_break_the_core(pure_core: Any, fault: str) -> None:
    """Each is to be referred to once."""
    core = pure_core()
    core.session.call("read", {})
    message, frames = FAULTS[fault]
    with pytest.raises(CoreBroken):
        core.says(message, raw=frames)


def test_frame_referred_to_twice_breaks_the_core(pure_core: Any) -> None:
    """By two messages of one batch."""
    core = pure_core()
    for _ in range(2):
        core.session.call("read", {})
    with pytest.raises(CoreBroken):
        core.says(["result", 1, None, {"raw": 1}], ["result", 2, None, {"raw": 1}], raw=[b"raw"])
