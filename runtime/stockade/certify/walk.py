"""The walk: which steps are played, in which lives, side by side, and what came of each. Knows no step."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import attrs

from stockade.certify.fault import Fault
from stockade.certify.life import Life
from stockade.certify.link import gate
from stockade.certify.stage import Passed, Stage
from stockade.certify.step import Step
from stockade.supervisor.places import bases

__all__ = ["Certificate", "Evidence", "Outcome", "Result", "certify"]

#: Seconds that a worker has for its first answer: a virtual machine may start on a machine that does much else.
FIRST_PATIENCE = 30.0
#: Seconds that it has for all others: at least and at most, and so many times what its start took.
LEAST_PATIENCE, MOST_PATIENCE, STARTS = 4.0, 30.0, 20


class Outcome(StrEnum):
    """What came of a step."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not_offered"
    NOT_REACHED = "not_reached"  # the first step failed, without which there is nothing to ask


@attrs.frozen
class Evidence:
    """Why a step failed: what was `wanted` and what `came`, what had passed until then, what the worker wrote."""

    wanted: str
    came: str
    passed: tuple[Passed, ...]
    stdout: str
    stderr: str


@attrs.frozen
class Result:
    """What came of one step; `evidence` if it failed. `seconds` is how long it took."""

    step: Step
    outcome: Outcome
    evidence: Evidence | None = None
    seconds: float = 0.0

    @property
    def counts(self) -> bool:
        """Whether the certificate fails for it."""
        return self.outcome is Outcome.NOT_REACHED or (self.outcome is Outcome.FAILED and not self.step.optional)


@attrs.frozen
class Certificate:
    """What came of all steps that were asked for, in their order, and what the worker offers."""

    offers: tuple[str, ...]
    results: tuple[Result, ...]

    @property
    def passed(self) -> bool:
        """Whether none has failed that counts."""
        return not any(result.counts for result in self.results)

    def count(self, outcome: Outcome) -> int:
        """How many steps came out so."""
        return sum(result.outcome is outcome for result in self.results)


Tell = Callable[[Result], None]


async def certify(
    argv: Sequence[str],
    first: Step,
    steps: Iterable[Step],
    *,
    patience: float | None = None,
    tell: Tell = lambda result: None,
) -> Certificate:
    """Lead the program `argv` through `first`, and if that passes, through `steps`.

    `patience`: seconds to wait for what should come; None: by how long the program takes to start. `tell` hears of each
    result as it comes. Raises StartError where the program cannot be started. Nothing stays behind.
    """
    loop = asyncio.get_running_loop()
    gate()[1].attach(loop)
    asked = list(steps)
    with tempfile.TemporaryDirectory(prefix="stockade-certify-", dir=bases(os.environ)[0]) as folder:
        stage = Stage(argv, Path(folder), patience or FIRST_PATIENCE)
        begun = loop.time()
        opening = await _alone(stage, first)
        if patience is None:
            stage.patience = min(MOST_PATIENCE, max(LEAST_PATIENCE, STARTS * (loop.time() - begun)))
        results = {first.name: opening}
        if opening.outcome is Outcome.PASSED:
            results |= await _play_all(stage, [step for step in asked if step is not first], tell)
        shown = asked if opening.outcome is Outcome.PASSED or first in asked else [first, *asked]
        found = [results.get(step.name) or Result(step, Outcome.NOT_REACHED) for step in shown]
        if first in shown:
            tell(opening)
        return Certificate(tuple(sorted(stage.offers)), tuple(found))


async def _play_all(stage: Stage, steps: list[Step], tell: Tell) -> dict[str, Result]:
    """Walks first, for they take longest; at most so many lives at once as keep the machine busy."""
    places = asyncio.Semaphore((os.cpu_count() or 1) + 1)
    results: dict[str, Result] = {}

    async def play(walk: list[Step]) -> None:
        async with places:
            async for result in _walk(stage, walk):
                results[result.step.name] = result
                tell(result)

    try:
        async with asyncio.TaskGroup() as group:
            for walk in _walks(steps):
                group.create_task(play(walk))
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None  # a program that was started once can be started no more, or a bug
    return results


def _walks(steps: list[Step]) -> list[list[Step]]:
    """Steps that share lives, and behind them those that have one of their own."""
    shared = sorted((step for step in steps if step.walk is not None), key=lambda step: step.walk or "")
    walks = [list(walk) for _, walk in groupby(shared, key=lambda step: step.walk)]
    return sorted(walks, key=len, reverse=True) + [[step] for step in steps if step.walk is None]


async def _walk(stage: Stage, steps: list[Step]) -> AsyncIterator[Result]:
    """Steps that share a life, as long as none fails; behind one that fails a new life begins."""
    life: Life | None = None
    try:
        for step in steps:
            if not stage.offers.issuperset(step.needs):
                yield Result(step, Outcome.NOT_OFFERED)
                continue
            if life is None:
                life = Life(stage, step.scene)
            result = await _play(life, step)
            if result.outcome is Outcome.FAILED or step.walk is None:
                life.close()
                life = None
            yield result
    finally:
        if life is not None:
            life.close()


async def _alone(stage: Stage, step: Step) -> Result:
    life = Life(stage, step.scene)
    try:
        return await _play(life, step)
    finally:
        life.close()


async def _play(life: Life, step: Step) -> Result:
    """One step, in a life that is at its beginning, or where the worker waits for a task."""
    life.turn_to(step.name)
    loop = asyncio.get_running_loop()
    start = loop.time()
    try:
        if step.walk is not None and not life.is_started:
            await life.begin()
            life.turn_to(step.name)
        await step.play(life)
        life.quiet("nothing more")
    except Fault as fault:
        stdout, stderr = life.words()
        evidence = Evidence(fault.wanted, fault.came, tuple(life.trace), stdout, stderr)
        return Result(step, Outcome.FAILED, evidence, loop.time() - start)
    return Result(step, Outcome.PASSED, None, loop.time() - start)
