"""Each refusal is counted; a flood of them does not flood the log."""

from __future__ import annotations

import logging

import pytest

from stockade import limits
from stockade.core.refusals import Refusals


def test_refusals_are_counted_by_act_and_code(caplog: pytest.LogCaptureFixture) -> None:
    """And logged with the reason, which the worker is not told."""
    refusals = Refusals("editor@3", lambda: 0.0)
    refusals.count("call", "notes.purge", "not_allowed", "denied by a rule")
    refusals.count("call", "notes.purge", "not_allowed", "denied by a rule")
    assert refusals.by_reason() == {"call not_allowed": 2}
    assert "denied by a rule" in caplog.text
    assert caplog.records[0].fields == {  # type: ignore[attr-defined]
        "worker": "editor@3",
        "act": "call",
        "name": "notes.purge",
        "code": "not_allowed",
    }


def test_a_flood_is_counted_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Of each second the first are logged, of the rest the count."""
    caplog.set_level(logging.WARNING)
    now = 0.0
    refusals = Refusals("editor@3", lambda: now)
    for _ in range(limits.LOGGED_REFUSALS + 5):
        refusals.count("emit", "x", "not_allowed", "no")
    assert len(caplog.records) == limits.LOGGED_REFUSALS
    now = 1.5
    refusals.count("emit", "x", "not_allowed", "no")
    assert caplog.records[-2].getMessage() == "5 more were refused"
    assert refusals.by_reason() == {"emit not_allowed": limits.LOGGED_REFUSALS + 6}
