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
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_runs_as_a_worker(core: Any, example: str) -> None:
    """It calls, listens and emits, gets an event, is asked to stop, and ends with status 0."""
    core.start(example)
    while True:
        if core.next_is_a_subscription():
            topic = core.grant()
            if topic == "notes/changed|":
                core.event("notes/changed", {"name": "notes/todo"})
            continue
        verb, *elements = core.message()
        if verb == "call":
            core.send(["result", elements[0], elements[2]])
        elif verb == "ready":
            core.send(["stop", {"grace": 1000}])
        elif verb == "bye":
            core.send(["bye", elements[0]])
            break
    assert core.exit_status() == 0, core.said()
    assert core.said() == ""
    assert "Traceback" not in core.printed()
