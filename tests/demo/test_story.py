"""How a demonstration is judged from its log."""

from __future__ import annotations

from typing import Any

import pytest

from stockade.demo.story import EXPECTED_BREACHES, EXPECTED_PATHS, EXPECTED_REFUSALS, Story


def indexed(**fields: Any) -> dict[str, Any]:
    """What the library logs when an indexer is done with a file."""
    return {"event": "demo_progress", "skipped": 0, **fields}


def good_records() -> list[dict[str, Any]]:
    """The records of a demonstration that came out as it should."""
    refused = [*EXPECTED_REFUSALS, *[("call", "files.read", "not_allowed")] * EXPECTED_PATHS]
    restarts = ["rogue"] * len(EXPECTED_BREACHES) + ["crasher"] * 2
    return [
        indexed(done=1, total=2, words=4, indexer="indexer.1", microseconds=1000),
        indexed(done=2, total=2, words=5, indexer="indexer.2", microseconds=2000),
        {"event": "demo_report", "path": "report.md"},
        *[
            {"event": "refused", "worker": "rogue@1", "act": act, "name": name, "code": code, "message": "refused: no"}
            for act, name, code in refused
        ],
        *[
            {"event": "breach", "worker": "rogue@1", "code": code, "message": "breach: so"}
            for code in EXPECTED_BREACHES
        ],
        *[{"event": "worker_restarting", "worker": worker} for worker in restarts],
        {"event": "worker_closed", "calls": 7},
        {"event": "something_else"},
        {"message": "a worker's own line"},
    ]


def story_of(records: list[dict[str, Any]]) -> Story:
    """The story that these records tell."""
    story = Story()
    for record in records:
        story.read(record)
    return story


def test_all_comes_out() -> None:
    """Each check is right, and the figures are those of the records."""
    story = story_of(good_records())
    assert [check for check in story.checks() if not check.is_right] == []
    assert (story.calls, story.words, story.shares) == (7, 5, {"indexer.1": 1, "indexer.2": 1})
    assert (story.quantile(0.4), story.quantile(0.99)) == (1.0, 2.0)


MATTERING = 2 + len(EXPECTED_REFUSALS) + EXPECTED_PATHS + len(EXPECTED_BREACHES) * 2 + 2


@pytest.mark.parametrize("missing", range(1, MATTERING + 1))
def test_whatever_is_missing_is_found(missing: int) -> None:
    """Each record that matters, which is all but the first and the last, left out, fails exactly one check."""
    records = good_records()
    del records[missing]
    assert len([check for check in story_of(records).checks() if not check.is_right]) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"event": "worker_given_up", "worker": "indexer.1"},
        {"event": "command_failed", "message": "command files.read failed"},
        indexed(done=1, total=2, words=4, indexer="indexer.1", microseconds=1000),
        {"event": "worker_restarting", "worker": "crasher"},
    ],
)
def test_whatever_should_not_happen_is_found(more: dict[str, Any]) -> None:
    """A worker given up, a command that failed, files left over, a restart too many."""
    assert [check for check in story_of([*good_records(), more]).checks() if not check.is_right]


def test_what_is_waited_for_is_said_to_the_end() -> None:
    """When all files are read the rogue and the crasher may still be at it."""
    story, said = Story(), []
    for record in sorted(good_records(), key=lambda record: record.get("event") == "worker_restarting"):
        story.read(record)
        said.append(story.going_on())
    assert list(dict.fromkeys(said)) == [
        "reading",
        "writing the report",
        *(f"waiting for the rogue ({done} of 5 restarts) and the crasher (0 of 2 restarts)" for done in range(5)),
        "waiting for the crasher (0 of 2 restarts)",
        "waiting for the crasher (1 of 2 restarts)",
        "waiting for the last worker to end",
    ]
    assert Story().going_on() == "reading"


def test_before_the_first_call_there_is_no_quantile() -> None:
    """And nothing fails for it."""
    assert Story().quantile(0.99) == 0.0
