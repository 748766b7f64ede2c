"""The scripts that need no socket, played to the core's pure conversation."""

from __future__ import annotations

from typing import Any

import attrs
from protocol_vectors.notation import matches, written_by
from protocol_vectors.reader import of, vectors

from stockade.core.wire.codec import encode
from stockade.core.wire.conversation import Conversation
from stockade.core.wire.happenings import Call, Hello, Leaving, Reply
from stockade.core.wire.shapes import error_message
from stockade.errors import Breach

SCENE = vectors()["scene"]


@attrs.define
class PureCore:
    """A core without sockets: the conversation, and the commands of the scene."""

    conversation: Conversation = attrs.field(factory=lambda: Conversation(SCENE["limits"]["calls"]))
    said: list[list[Any]] = attrs.field(factory=list)
    hanging: list[int] = attrs.field(factory=list)
    leaving: bool = False
    breach: str | None = None

    def hear(self, frame: bytes) -> None:
        """Take one batch; what the core says of it is in `said`, the end of it all in `breach`."""
        try:
            for message in self.conversation.open(frame):
                self._do(self.conversation.take(message))
        except Breach as breach:
            self.breach = str(breach.code)
            if self.breach == "version":
                self.said.append(["refused", {"code": "unavailable", "data": {"protocols": [1]}}])

    def _do(self, happening: Any) -> None:
        match happening:
            case Hello():
                self.said.append(["welcome", {"protocol": 1, "worker": SCENE["worker"], "generation": 1}])
            case Reply(message):
                self.said.append(message)
            case Call(number, "hang"):
                self.hanging.append(number)
            case Call(number, command, arguments):
                self._answer(number, _run(number, command, arguments))
            case Leaving():
                self.leaving = True

    def wait(self) -> None:
        """Let so much time pass that a bye is answered."""
        if not self.leaving or self.breach is not None:
            return
        self.leaving = False
        for number in self.hanging:
            self._answer(number, error_message(number, "cancelled", ""))
        self.said.append(["bye", {"emitted": 0}])

    def _answer(self, number: int, message: list[Any]) -> None:
        assert self.conversation.answer(number)
        self.said.append(message)


def _run(number: int, command: str, arguments: dict[str, Any]) -> list[Any]:
    """What the scene's core answers a call with."""
    if "." in command or command in SCENE["grants"]["commands"]["deny"]:
        return error_message(number, "not_allowed", "")
    if command != "echo":
        return error_message(number, {"ghost": "not_found", "fail": "failed"}[command], "")
    if arguments.keys() - {"value"}:
        return error_message(number, "invalid_args", "")
    return ["result", number, arguments.get("value")]


@of("conversation", live=False)
def test_script_goes_as_it_says(vector: dict[str, Any]) -> None:
    """The core says what the script says, in its order, and ends as it says."""
    core = PureCore()
    for step in vector["steps"]:
        assert core.breach is None or "core" in step, "the core ended before the script did"
        if "worker" in step:
            core.hear(encode(written_by(step["worker"]["batch"])))
        else:
            core.wait()
            for wanted in written_by(step["core"]["messages"]):
                assert core.said, f"the core does not say {wanted}"
                assert matches(wanted, core.said.pop(0))
    assert core.breach == vector["ends"]
    assert not core.said
