"""The walk against workers with one fault for each of its steps, and against one with none."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from itertools import combinations, islice
from pathlib import Path

import pytest
from mutations import mutations

from stockade.certify.steps import FIRST, STEPS
from stockade.certify.walk import Certificate, Outcome, certify

MUTANT = Path(__file__).with_name("mutant.py")
#: Seconds that a mutant which says nothing is waited for. The others need a hundredth of that.
PATIENCE = 5.0

#: So many walks, and each fault is at work in half of them, no two in the same ones.
WALKS = 10


def walked(faults: Iterable[str]) -> Certificate:
    """What comes of all steps when these faults are at work."""
    argv = [sys.executable, str(MUTANT), *faults]
    return asyncio.run(certify(argv, FIRST, STEPS, patience=PATIENCE))


def of(certificate: Certificate, outcome: Outcome) -> set[str]:
    return {result.step.name for result in certificate.results if result.outcome is outcome}


def groups() -> list[list[str]]:
    """The faults, all but the first step's, that are at work in each walk.

    Each is at work in its own choice of five of the ten walks. So if in every walk just those steps fail whose faults
    are at work, then each fault fails its own step and no other: did it fail another's, that one would fail in a walk
    in which its own fault is not at work, for no choice of five contains another.
    """
    names = [step.name for step in STEPS if step is not FIRST]
    choices = islice(combinations(range(WALKS), WALKS // 2), len(names))
    chosen = dict(zip(names, choices, strict=True))
    return [[name for name in names if walk in chosen[name]] for walk in range(WALKS)]


def test_every_step_has_a_mutant() -> None:
    """And there is no mutant without a step."""
    assert mutations().keys() == {step.name for step in STEPS}


def test_each_mutant_has_its_own_choice_of_walks() -> None:
    """There are enough of them for the steps that there are."""
    found = groups()
    chosen = {step.name: tuple(step.name in group for group in found) for step in STEPS if step is not FIRST}
    assert len(set(chosen.values())) == len(STEPS) - 1
    assert {sum(walks) for walks in chosen.values()} == {WALKS // 2}


@pytest.mark.timeout(300)
def test_a_worker_without_a_fault_passes_every_step() -> None:
    """The one that all mutants are made of."""
    assert of(walked([]), Outcome.PASSED) == {step.name for step in STEPS}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("walk", range(WALKS))
def test_each_fault_fails_its_step_and_no_other(walk: int) -> None:
    """`groups` says why this shows it of each."""
    faults = groups()[walk]
    certificate = walked(faults)
    assert of(certificate, Outcome.FAILED) == set(faults)
    assert of(certificate, Outcome.PASSED) == {step.name for step in STEPS} - set(faults)


def test_where_the_first_step_fails_no_other_is_reached() -> None:
    """There is nothing to be asked of a worker that does not ask for a task."""
    certificate = walked([FIRST.name])
    assert of(certificate, Outcome.FAILED) == {FIRST.name}
    assert of(certificate, Outcome.NOT_REACHED) == {step.name for step in STEPS} - {FIRST.name}
    assert not certificate.passed
