"""What a worker may say: its frames are read as the core reads them, and what would end it there is a Fault here.

Pure. The rules are the core's own (`core.wire.conversation`), and a few that are a stub's duty and no breach: to keep
to the limits that would be answered `busy`, to number its emits. docs/protocol.md, sections 4 to 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import attrs

from stockade import limits
from stockade.certify.fault import Fault
from stockade.certify.notation import diagnostic, topical, written
from stockade.certify.scene import Scene
from stockade.core.wire.channels import Channels
from stockade.core.wire.codec import decode
from stockade.core.wire.conversation import Conversation
from stockade.core.wire.happenings import Happening, Reply
from stockade.core.wire.topics import Emit, parse_emit, parse_subscription
from stockade.errors import Breach, Code

__all__ = ["Heard", "Judge", "Subscription"]


class Heard(NamedTuple):
    """A message of the worker's, as it came, and what it makes happen: None for what is counted and ignored."""

    message: list[Any]
    happening: Happening | None


class Subscription(NamedTuple):
    """What the worker asks on its events socket: to listen, or no longer to; `topic` with its bar or slash."""

    listen: bool
    topic: str


@attrs.define
class Judge:
    """One life of a worker. What the core says is noted on `conversation`, as in a core."""

    scene: Scene
    conversation: Conversation = attrs.field(init=False)
    emitted: int = 0

    def __attrs_post_init__(self) -> None:
        channels = Channels(self.scene.limits["channels"])
        self.conversation = Conversation(self.scene.limits["calls"], channels=channels)

    def batch(self, frames: Sequence[bytes]) -> list[Heard]:
        """The messages of a batch of the commands socket."""
        self._measure(frames)
        try:
            batch = self.conversation.open(frames[0], frames[1:])
            most = self.scene.limits["batch"]
            if len(batch) > most:
                raise Fault(f"at most {most} messages in a batch, limits.batch", f"{len(batch)} of them")
            return [Heard(message, self._permitted(message)) for message in batch]
        except Breach as breach:
            raise Fault(
                _RULES.get(breach.code, "what the protocol has"), f"{breach}: {diagnostic(frames[0])}"
            ) from breach

    def _measure(self, frames: Sequence[bytes]) -> None:
        size, most = sum(map(len, frames)), self.scene.limits["message"]
        if size > most:
            raise Fault(f"at most {most} bytes in a message, limits.message", f"{size} bytes")
        if len(frames) - 1 > self.scene.limits["frames"]:
            raise Fault(
                f"at most {self.scene.limits['frames']} raw frames, limits.frames", f"{len(frames) - 1} of them"
            )

    def _permitted(self, message: Any) -> Happening | None:
        happening = self.conversation.take(message)
        if isinstance(happening, Reply) and happening.message[0] == "error":
            error = happening.message[2]
            if error["code"] != Code.CANCELLED:  # a parent may just have ended
                raise Fault(f"a call that need not be refused: {error['message']}", written(message))
        return happening

    def subscription(self, frames: Sequence[bytes]) -> Subscription:
        """A frame of the events socket."""
        try:
            listen, _, _ = parse_subscription(frames[0] if len(frames) == 1 else b"")
        except Breach as breach:
            raise Fault("a subscription to a name and a bar, or to a prefix and a slash", str(breach)) from breach
        return Subscription(listen, frames[0][1:].decode("ascii"))

    def emit(self, frames: Sequence[bytes]) -> Emit:
        """A frame of the emits socket; these are numbered from 1."""
        if len(frames) != 1:
            raise Fault("an emit in one frame", f"{len(frames)} frames")
        if len(frames[0]) > self.scene.limits["event"]:
            raise Fault(f"at most {self.scene.limits['event']} bytes, limits.event", f"{len(frames[0])} bytes")
        try:
            emit = parse_emit(frames[0])
        except Breach as breach:
            raise Fault("an event's name, a bar, and [seq, payload, {options}?]", str(breach)) from breach
        self.emitted += 1
        seq = decode(frames[0].partition(b"|")[2])[0]
        if seq != self.emitted:
            raise Fault(f"emit number {self.emitted}", topical(frames[0]))
        return emit


#: What a breach is of, in words: `BreachCode` by `BreachCode`, where one can say more than that.
_RULES: dict[str, str] = {
    "bad_frame": f"one CBOR array of 1 to {limits.BATCH} messages, of the strict profile, with its raw frames",
    "bad_message": "messages of the shapes that the protocol gives them",
    "unknown_verb": "verbs of the protocol",
    "out_of_turn": "what a worker may say now: hello first and alone, ready once, nothing after bye",
    "id_not_rising": "ids that rise; of channels, odd ones",
    "unknown_answer": "one answer to each call that the core has made",
    "unknown_call": "calls that there are",
    "unknown_channel": "channels that there are, used from their right end",
    "no_credit": "no more items than there is credit for",
}
