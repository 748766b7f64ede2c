"""What the core declares is typed in the core, too: a type checker sees wrong emits and invokes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

USES = """\
from shop import Item, Person, changed, make
from stockade import Event, Events, Workers


async def right(events: Events, workers: Workers, event: Event[Person], item: Item) -> str:
    events.emit(changed, item)
    events.emit_to("editor", changed, item)
    events.emit("of/any", {"any": 1})
    made: Item = await workers.options(timeout=1.0).invoke(make, "cat", size=3)
    again: Item = await workers.invoke(make, name="cat")
    await workers.invoke("of.any", any=1)
    return event.payload["name"] + made.name + again.name
"""
WRONG = (
    'events.emit(changed, "no item")',
    'events.emit_to("editor", changed, 7)',
    "await workers.invoke(make, name=7)",
    'await workers.invoke(make, nmae="cat")',
    "made: int = await workers.invoke(make, name='cat')",
    'event.payload["nmae"]',
)


@pytest.mark.timeout(250)
def test_a_type_checker_sees_what_is_declared(tmp_path: Path) -> None:
    """Nothing is wrong with what is right, and each line is that is wrong."""
    pytest.importorskip("mypy", reason="mypy is not installed: typed emits and invokes are NOT checked")
    shutil.copy(HERE / "shop" / "shop.py", tmp_path)
    (tmp_path / "right.py").write_text(USES)
    head = "async def wrong(events: Events, workers: Workers, event: Event[Person]) -> None:\n"
    (tmp_path / "wrong.py").write_text(
        USES.partition("\n\n\n")[0] + "\n\n\n" + head + "".join(f"    {line}\n" for line in WRONG)
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", ".mypy", "shop.py"]
    right = subprocess.run(
        [*command, "right.py"], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert right.stdout.strip() == "Success: no issues found in 2 source files"
    wrong = subprocess.run(
        [*command, "wrong.py"], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    found = {
        line.split(":")[1] for line in wrong.stdout.splitlines() if line.startswith("wrong.py:") and ": error:" in line
    }
    assert found == {str(6 + at) for at in range(len(WRONG))}
