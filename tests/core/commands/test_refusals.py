"""What is logged of failures: the first of each second and owner, and how many more there were."""

from __future__ import annotations

import logging

import pytest

from stockade.core.commands.refusals import Failures
from stockade.errors import Code, CommandError
from stockade.limits import LOGGED_REFUSALS


def test_each_owner_has_its_own_bound_in_each_second(caplog: pytest.LogCaptureFixture) -> None:
    """A worker whose calls all fail hides nobody else's failure; `later` is asked for once until the flush."""
    now, asked = 0.0, []
    failures = Failures(logging.getLogger("test"), lambda: now, lambda: asked.append(now))
    for _ in range(LOGGED_REFUSALS + 5):
        failures.logged(ValueError(), "command f", "a")
    failures.logged(ValueError(), "command f", "b")
    assert len(caplog.records) == LOGGED_REFUSALS + 1
    assert asked == [0.0]
    failures.flush()
    assert vars(caplog.records[-1])["fields"] == {"worker": "a", "count": 5}
    failures.flush()
    assert len(caplog.records) == LOGGED_REFUSALS + 2
    now = 1.0
    failures.logged(ValueError(), "command f", "a")
    assert len(caplog.records) == LOGGED_REFUSALS + 3
    assert asked == [0.0]


def test_caller_hears_whether_the_log_has_its_reference(caplog: pytest.LogCaptureFixture) -> None:
    """A reference comes with every failure; one that cannot be found is said to be none."""
    failures = Failures(logging.getLogger("test"), lambda: 0.0, lambda: None)
    errors = [failures.refusal(ValueError(), "command f", "a") for _ in range(LOGGED_REFUSALS + 1)]
    *found, last = errors
    assert all(error.data["reference"] in caplog.text for error in found)
    assert all(f"has the reason as {error.data['reference']}" in error.message for error in found)
    assert last.data["reference"] not in caplog.text
    assert f"has no {last.data['reference']}" in last.message
    assert {error.code for error in errors} == {Code.FAILED}


def test_what_is_meant_to_be_seen_is_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A CommandError is an answer, not a failure."""
    failures = Failures(logging.getLogger("test"), lambda: 0.0, lambda: None)
    for _ in range(LOGGED_REFUSALS + 1):
        assert failures.refusal(CommandError("notes.locked"), "command f", "a").code == "notes.locked"
    assert not caplog.records


def test_a_fault_of_the_core_is_internal(caplog: pytest.LogCaptureFixture) -> None:
    """With a reference as for a command's failure, and an event of its own in the log."""
    failures = Failures(logging.getLogger("test"), lambda: 0.0, lambda: None)
    error = failures.internal(ValueError("inside"), "call 3 of editor@1", "editor")
    assert error.code == Code.INTERNAL
    assert "inside" not in error.message
    assert vars(caplog.records[0])["event"] == "core_fault"
    assert error.data["reference"] in caplog.records[0].getMessage()
