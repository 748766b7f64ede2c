"""The core's handler of Python's logging: what is taken from a record, and what from where it was logged."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest

from stockade.observe.handler import CoreHandler
from stockade.observe.traces import within

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Logged:
    """A logger with a handler of its own, and what that has written."""

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()
        self.log = logging.Logger("app")  # noqa: LOG001 (of its own: nobody else logs here)
        self.log.addHandler(CoreHandler(self.writing, "json", color=False))

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in os.read(self._reading, 65536).splitlines()]

    def close(self) -> None:
        os.close(self._reading)
        os.close(self.writing)


@pytest.fixture
def logged() -> Iterator[Logged]:
    logged = Logged()
    yield logged
    logged.close()


def test_a_record_says_within_which_trace_it_was_logged(logged: Logged) -> None:
    """With both ids; outside of any trace with none."""
    with within(PARENT):
        logged.log.info("inside", extra={"fields": {"worker": "editor"}})
    logged.log.info("outside")
    inside, outside = logged.records()
    assert (inside["trace_id"], inside["span_id"]) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert inside["worker"] == "editor"
    assert "trace_id" not in outside
