"""A batch whose messages take many turns of the core's loop: what is said to them still comes in few batches."""

from __future__ import annotations

import pytest
from applications.application import Application, capability, worker

#: Each of these calls takes longer than a turn.
COMMANDS = """
import time
from stockade import command

@command("hold", inline=True)
def hold() -> None:
    time.sleep(0.001)
"""
HEAR = """
greet()
say(*(["call", n, "hold", {}] for n in range(1, count + 1)))
batches = []
while sum(map(len, batches)) < count:
    batches.append(read())
say(["call", count + 1, "hold", {}])
[[message[1] for message in batch] for batch in [*batches, read()]]
"""


@pytest.fixture
def system(application: Application) -> Application:
    """One worker that says what it is told to."""
    application.configure(
        worker("editor", "raw_puppet.py", capabilities=["all"]),
        capability("all", commands=["hold"]),
        commands=COMMANDS,
    )
    application.start()
    return application


def test_answers_to_one_batch_come_together(system: Application) -> None:
    """Though others had their turns between; and what comes behind it does not wait for more."""
    assert system.puppet("editor").do(HEAR, count=40) == [list(range(1, 41)), [41]]


def test_answers_do_not_wait_for_more_than_are_worth_it(system: Application) -> None:
    """Of a large batch the first answers come while the others are being handled."""
    batches = system.puppet("editor").do(HEAR, count=1000)
    assert [ident for batch in batches for ident in batch] == list(range(1, 1002))
    assert 4 < len(batches) < 20
