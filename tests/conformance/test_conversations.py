"""The scripts that need no socket, played to the core's pure conversation."""

from __future__ import annotations

from typing import Any

from protocol_vectors.notation import matches, written_by
from protocol_vectors.reader import of
from pure_core import PureCore

from stockade.core.wire.codec import encode


def say(core: PureCore, step: dict[str, Any]) -> None:
    """One step of the worker's."""
    if "frames" in step:
        core.hear(*(bytes.fromhex(frame) for frame in step["frames"]))
    elif "granted" in step:
        channel, count = step["granted"]
        assert core.granted[channel] >= count
    else:
        raw = [bytes.fromhex(frame) for frame in step.get("raw", [])]
        core.hear(encode(written_by(step["batch"])), *raw)


@of("conversation", live=False)
def test_script_goes_as_it_says(vector: dict[str, Any]) -> None:
    """The core says what the script says, in its order, and ends as it says."""
    core = PureCore()
    for step in vector["steps"]:
        assert core.breach is None or "core" in step, "the core ended before the script did"
        if "worker" in step:
            say(core, step["worker"])
        else:
            core.wait()
            for wanted in written_by(step["core"]["messages"]):
                assert core.said, f"the core does not say {wanted}"
                assert matches(wanted, core.said.pop(0))
    assert core.breach == vector["ends"]
    assert not core.said
