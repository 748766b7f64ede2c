"""The examples of the stub's README, each run as a worker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "frontend_stub" / "python" / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


def test_there_are_examples() -> None:
    """One per way of working."""
    assert len(EXAMPLES) == 6


def answers(core: Any, ident: int, arguments: Any, options: dict[str, Any]) -> None:
    """The result is what came; what the worker receives on has two items, what it sends on is taken."""
    for name, channel in options.get("channels", {}).items():
        if channel["to"] == "callee":
            core.send(["credit", channel["id"], 100])
        else:
            core.send(
                *(["item", channel["id"], b"x" if name != "yield" else n] for n in range(2)), ["end", channel["id"]]
            )
    core.send(["result", ident, None if options.get("channels") else arguments])


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_runs_as_a_worker(core: Any, example: str) -> None:
    """It calls, listens and emits, gets an event or a call, is asked to stop, and ends with status 0."""
    core.start(example)
    answered = []
    while True:
        if core.next_is_a_subscription():
            topic = core.grant()
            if topic == "notes/changed|":
                core.event("notes/changed", {"name": "notes/todo"})
            continue
        verb, *elements = core.message()
        if verb == "call":
            answers(core, elements[0], elements[2], elements[3] if len(elements) > 3 else {})
        elif verb == "ready" and elements:
            core.send(
                ["call", 1, "thumbs.make", {"name": "a", "size": 1}],
                ["call", 2, "thumbs.make", {"name": "a", "size": 0}],
            )
        elif verb == "ready":
            core.send(["stop", {"grace": 1000}])
        elif verb in ("result", "error"):
            answered.append(verb)
            if len(answered) == 2:
                core.send(["stop", {"grace": 1000}])
        elif verb == "bye":
            core.send(["bye", elements[0]])
            break
    assert core.exit_status() == 0, core.said()
    assert core.said() == ""
    assert "Traceback" not in core.printed()
    assert answered == (["result", "error"] if "export" in example else [])
