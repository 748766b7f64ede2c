"""Every script of docs/vectors.json, played to a real system by a worker that speaks ZeroMQ by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from protocol_vectors.reader import sections, vectors

SCENE = vectors()["scene"]
PLAYER = Path(__file__).with_name("player.py")
COMMANDS = """
import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from stockade import Channel, CommandError, Event, ReceiveChannel, SendChannel, Workers, command, listener


@command("echo")
async def echo(value: Any = None) -> Any:
    return value


@command("hang")
async def hang() -> None:
    await asyncio.Event().wait()


@command("fail")
async def fail() -> None:
    raise RuntimeError("as the scene wants it")


@command("secret")
async def secret() -> None:
    pass


@command("size")
async def size(data: bytes) -> int:
    return len(data)


@command("blob")
async def blob(size: int) -> bytes:
    return bytes(size)


@command("count")
async def count(to: int) -> AsyncIterator[int]:
    for number in range(to):
        yield number


@command("broken")
async def broken() -> AsyncIterator[int]:
    yield 0
    raise CommandError("scene.broken", "as the scene wants it")


@command("total")
async def total(numbers: ReceiveChannel[int]) -> int:
    return sum([number async for number in numbers])


@command("weigh")
async def weigh(parts: ReceiveChannel[bytes]) -> int:
    return sum([len(part) async for part in parts])


kept: list[Any] = []


@command("later")
async def later(numbers: SendChannel[int]) -> None:
    async def send() -> None:
        for number in range(3):
            await numbers.send(number)
        await numbers.end()

    kept.append(asyncio.create_task(send()))


@command("hold")
async def hold(numbers: Channel[int]) -> None:
    kept.append(numbers)


@listener("core:worker/ready")
async def on_ready(event: Event, workers: Workers) -> None:
    with contextlib.suppress(CommandError):
        await workers.invoke(f"{event.payload['worker']}.ask", value=1)
    with contextlib.suppress(CommandError):
        await workers.options(timeout=0.2).invoke(f"{event.payload['worker']}.slow")
"""

Outcome = dict[str, Any]


def worker(label: str, script: str, outcome: str) -> str:
    """The table of one worker."""
    return f"""
[[worker]]
label = "{label}"
run = ["python", {json.dumps(str(PLAYER))}, "{script}", "{outcome}"]
capabilities = ["scene"]
restart = "never"
limits = {{ {", ".join(f"{name} = {limit}" for name, limit in SCENE["limits"].items() if name != "event")} }}
exports = ["{label}.*"]
"""


def configuration(workers: list[str]) -> str:
    """A stockade.toml of the scene."""
    grants = SCENE["grants"]
    return f"""
[app]
name = "scene"
commands = ["scene"]

[[capability]]
name = "scene"
commands = {{ allow = {grants["commands"]["allow"]}, deny = {grants["commands"]["deny"]} }}

[capability.events]
listen = {{ allow = {grants["listen"]["allow"]}, deny = {grants["listen"]["deny"]} }}
emit = {{ allow = {grants["emit"]["allow"]}, deny = {grants["emit"]["deny"]} }}
{"".join(workers)}"""


def play(folder: Path, scripts: dict[str, Outcome]) -> dict[str, Outcome]:
    """What came of the scripts, by the label of the worker that plays each."""
    for label, script in scripts.items():
        # Only `welcome` says whom it is for, and exports are somebody's.
        text = (
            json.dumps(script).replace('"worker": "editor"', f'"worker": "{label}"').replace('"editor.', f'"{label}.')
        )
        (folder / f"{label}.script").write_text(text)
    (folder / "scene.py").write_text(COMMANDS)
    workers = [worker(label, f"{label}.script", f"{label}.outcome") for label in scripts]
    (folder / "stockade.toml").write_text(configuration(workers))
    command = [sys.executable, "-m", "stockade", "run", "--log-format", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    log = done.stdout + done.stderr
    outcomes = {label: _outcome(folder, label) | {"breach": None, "log": log} for label in scripts}
    for entry in (json.loads(line) for line in log.splitlines() if line.startswith("{")):
        if entry.get("event") == "breach":
            outcomes[entry["worker"].partition("@")[0]]["breach"] = entry["code"]
    return outcomes


def _outcome(folder: Path, label: str) -> Outcome:
    path = folder / f"{label}.outcome"
    if not path.exists():
        return {"surprise": "the script was not played to its end", "ended": None, "over": None}
    found: Outcome = json.loads(path.read_text())
    return found


def judge(vector: Outcome, outcome: Outcome) -> None:
    """Fail unless it went as the script says."""
    assert outcome["surprise"] is None, outcome["log"]
    ends = vector["ends"] if isinstance(vector["ends"], list) else [vector["ends"]]
    assert outcome["breach"] in ends, outcome["log"]
    assert outcome["over"] is None
    if outcome["ended"] is not None:
        assert outcome["ended"]["code"] == outcome["breach"]


def hears_events(vector: Outcome) -> bool:
    """Whether the script awaits events: then nobody else may emit."""
    return any(step.get("core", {}).get("socket") == "events" for step in vector["steps"])


SCRIPTS = {vector["name"]: vector for vector in sections()["conversation"]}
ALONE = {name for name, vector in SCRIPTS.items() if hears_events(vector)}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What came of all scripts that await no event, played side by side in one system."""
    labels = {f"script-{number}": name for number, name in enumerate(SCRIPTS) if name not in ALONE}
    played = play(tmp_path_factory.mktemp("scene"), {label: SCRIPTS[name] for label, name in labels.items()})
    return {labels[label]: outcome for label, outcome in played.items()}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ALONE])
def test_script_goes_with_a_real_core_as_it_says(name: str, outcomes: dict[str, Outcome]) -> None:
    """What the script says is what the core does, whatever others do meanwhile."""
    judge(SCRIPTS[name], outcomes[name])


@pytest.mark.parametrize("name", sorted(ALONE))
def test_script_with_events_goes_as_it_says(name: str, tmp_path: Path) -> None:
    """In a system of its own, where nobody else emits."""
    judge(SCRIPTS[name], play(tmp_path, {"editor": SCRIPTS[name]})["editor"])
