"""What does a stub cost beside bare libzmq in its own language, and how many calls per second does each make?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout, suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from benchmarks import native
from benchmarks.application import Application, Worker
from benchmarks.blocks import Contestant, percentile, rates, ratio, take_turns, times
from benchmarks.conductor import Conductor, Side
from benchmarks.figures import Figure, Result
from benchmarks.system import ROOT, System

__all__ = ["measure"]

#: Calls in a block: one after the other, and with so many in flight.
BLOCK, MANY, FLIGHT = 200, 5120, 256
#: Calls before anything counts: what compiles as it runs has compiled by then.
WARM_UP = 50_000
#: The stub whose pipelined calls are the measure for those that are compiled.
MEASURE, COMPILED = "python-asyncio", ("c", "cpp", "go", "rust")
_START = """[app]
name = "start"

[[worker]]
label = "started"
run = {run}
restart = "always"
restart_limit = {{ times = 1000 }}
backoff = {{ first = 0.3, longest = 0.3 }}
"""


@attrs.frozen
class _Player:
    """One face of one stub, by the name that its sides have: `python-asyncio`, `go`."""

    name: str
    folder: Path
    program: tuple[str, ...]

    @property
    def argv(self) -> tuple[str, ...]:
        """Its program in the stub's folder."""
        return ("env", "-C", str(self.folder), *self.program)


def measure(quick: bool) -> Result:
    """By turns: each stub against a core that only answers, the floor beside it, and against the real core."""
    if native.missing():
        return Result((), skipped=tuple(native.skipped("the core that only answers")))
    with redirect_stdout(sys.stderr):
        players, skipped = _players()
    with Conductor() as conductor:
        lone = _answered_by_a_bare_core(conductor, players)
        real = _answered_by_the_core(conductor, players)
        one = {
            f"{name} {how}": Contestant.of(side, BLOCK, how, BLOCK, name=f"{name} {how}")
            for name, side in lone.items()
            for how in ("stub", "floor")
        }
        for each in lone.values():
            each.play("pipelined", WARM_UP // (10 if quick else 1), FLIGHT)
        take_turns(one.values(), 6 if quick else 60)
        many = {name: Contestant.of(side, MANY, "pipelined", MANY, FLIGHT) for name, side in real.items()}
        bare = {
            name: Contestant.of(side, MANY, "pipelined", MANY, FLIGHT, name=f"{name}, bare core")
            for name, side in lone.items()
        }
        take_turns([*many.values(), *bare.values()], 6 if quick else 40)
    p50 = percentile(0.5)
    return Result(
        (
            *(
                ratio(
                    f"{name}: a call / a round trip, p50", one[f"{name} stub"], one[f"{name} floor"], p50, at_most=1.3
                )
                for name in lone
            ),
            *_against_the_measure(many),
            *_start_of_c(players, 5 if quick else 40),
        ),
        (
            times(one.values()),
            rates(f"{FLIGHT} calls in flight", "calls/s", [*many.values(), *bare.values()]),
        ),
        {"block": BLOCK, "many": MANY, "in flight": FLIGHT, "pinned": conductor.cpus is not None},
        skipped,
    )


def _against_the_measure(many: dict[str, Contestant]) -> list[Figure]:
    """Calls per second by those of Python's asyncio stub, at the real core."""
    base = many.get(MEASURE)
    if base is None:
        return []
    return [
        ratio(f"{name}: calls/s / {MEASURE}", base, each, at_least=1.0 if name in COMPILED else None)
        for name, each in many.items()
        if each is not base
    ]


def _stubs() -> ModuleType:
    """What reads the stub.toml files: a program beside the stubs, in no package."""
    spec = spec_from_file_location("stubs", ROOT / "frontend_stub" / "stubs.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("frontend_stub/stubs.py")
    module = sys.modules["stubs"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _players() -> tuple[list[_Player], tuple[str, ...]]:
    """The bench program of each stub that is built, or can be; and why others are skipped.

    $BENCHMARK_STUBS names the folders of those that are wanted, if not all are.
    """
    stubs, found, skipped = _stubs(), [], []
    report: Any = stubs.Report()
    for stub in stubs.stubs(os.environ.get("BENCHMARK_STUBS", "").split()):
        if missing := stub.missing():
            skipped.append(f"{stub.language}: there is no {', no '.join(missing)}")
        elif not stubs.build(stub, report):
            skipped.append(f"{stub.language}: it does not build (see above)")
        else:
            found += [_Player(each.key, stub.folder, tuple(stub.argv(each.bench))) for each in stub.variants]
    return found, tuple(skipped)


def _answered_by_a_bare_core(conductor: Conductor, players: list[_Player]) -> dict[str, Side]:
    core = native.build("core")
    for player in players:
        conductor.program("benchmarks.players.native_core", player.name, core, *player.argv)
    return _in_order(conductor.sides(len(players)), players)


def _answered_by_the_core(conductor: Conductor, players: list[_Player]) -> dict[str, Side]:
    workers = [Worker(player.name, player.argv) for player in players]
    conductor.environment["BENCH_FLOOR"] = f"ipc://{conductor.folder}/nobody"  # that floor is measured elsewhere
    conductor.system(Application("languages", tuple(workers), deadline=None))
    return _in_order(conductor.sides(len(players)), players)


def _in_order(sides: dict[str, Side], players: list[_Player]) -> dict[str, Side]:
    return {player.name: sides[player.name] for player in players}


def _start_of_c(players: list[_Player], count: int) -> list[Figure]:
    """A C worker from spawn to ready, beside a program that binds its three sockets and ends."""
    found = [player for player in players if player.name == "c"]
    if not found:
        return []
    with Conductor() as conductor:
        file = conductor.folder / "stockade.toml"
        file.write_text(_START.format(run=list(found[0].program)))  # without `env`, one more program to execute
        floor, libzmq, ratios, workers, bare = native.build("bind"), _libzmq_of_c(), [], [], []
        with System(file, {"BENCH_FLOOR": f"ipc://{conductor.folder}/nobody"}) as system:
            for _ in range(count):
                pid = int(system.wait_for("worker_started")["pid"])
                workers.append(float(system.wait_for("worker_ready")["seconds"]))
                with suppress(ProcessLookupError):  # it may not ask this core for its next task, and has gone
                    os.kill(pid, signal.SIGKILL)
                bare.append(_bare(floor, conductor.folder, libzmq))
                ratios.append(workers[-1] / bare[-1])
    return [
        Figure.of("c: spawn to ready / a bare program", ratios, at_most=3.0),
        Figure.of("c: spawn to ready", [each * 1000 for each in workers], "ms"),
        Figure.of("a program that binds three sockets", [each * 1000 for each in bare], "ms"),
    ]


def _bare(program: str, folder: Path, libzmq: str) -> float:
    began = time.monotonic()
    subprocess.run([program, str(folder)], check=True, env={**os.environ, "BENCHMARK_LIBZMQ": libzmq})
    return time.monotonic() - began


def _libzmq_of_c() -> str:
    """The libzmq that the C stub is built with: a system's may load more libraries than the one of pyzmq's wheel."""
    words = ["pkg-config", "--variable=libdir", "libzmq"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip() + "/libzmq.so"
