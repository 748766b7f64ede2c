"""What happened in a demonstration, read from its log records, and whether it came out as it should. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["EXPECTED_BREACHES", "EXPECTED_REFUSALS", "Check", "Story"]

#: What the rogue is refused, by act, name and code: each exactly once.
EXPECTED_REFUSALS: Mapping[tuple[str, str, str], str] = {
    ("call", "report.write", "not_allowed"): "a command that its capability does not list",
    ("call", "text.count", "not_allowed"): "a command of another worker's that no rule gives it",
    ("call", "no.such.command", "not_allowed"): "a command that does not exist",
    ("listen", "report/written", "not_allowed"): "events that are meant for other workers",
    ("emit", "core:worker/exited", "not_allowed"): "an event in the core's name",
    ("emit", "progress/indexed", "not_allowed"): "an event in another worker's name",
}
#: Paths that its scope keeps from it: `../`, an absolute one, a link that leads out, one that a rule denies.
EXPECTED_PATHS = 4
#: How its lives end.
EXPECTED_BREACHES: Mapping[str, str] = {
    "bad_subscription": "a subscription that is none",
    "bad_frame": "bytes that are no CBOR",
    "unknown_channel": "a stream that it has no part in",
    "exports": "offering another worker's command",
    "authentication": "another worker's name",
}
_PATHS = ("call", "files.read", "not_allowed")
#: The rogue is ended for each of its breaches, and the crasher crashes twice.
_RESTARTS = {"rogue": len(EXPECTED_BREACHES), "crasher": 2}


@attrs.frozen
class Check:
    """One thing that had to come out: what, and how it did."""

    what: str
    wanted: str
    came: str

    @property
    def is_right(self) -> bool:
        """Whether it came out as wanted."""
        return self.wanted == self.came


@attrs.define
class Story:
    """All that the records have told so far."""

    done: int = 0
    total: int = 0
    skipped: int = 0
    words: int = 0
    shares: Counter[str] = attrs.field(factory=Counter)  # indexer -> files
    calls: int = 0
    microseconds: list[int] = attrs.field(factory=list)
    refusals: Counter[tuple[str, str, str]] = attrs.field(factory=Counter)
    reasons: list[tuple[str, str]] = attrs.field(factory=list)  # worker, why: refusals and breaches, in order
    breaches: Counter[str] = attrs.field(factory=Counter)
    restarts: Counter[str] = attrs.field(factory=Counter)
    signals: Counter[int] = attrs.field(factory=Counter)
    given_up: list[str] = attrs.field(factory=list)
    report: str | None = None
    faults: list[str] = attrs.field(factory=list)

    def read(self, record: Mapping[str, Any]) -> None:
        """Take in one log record."""
        reader = _READERS.get(record.get("event", ""))
        if reader is not None:
            reader(self, record)

    def quantile(self, share: float) -> float:
        """The time that this share of the calls that read a file took at most, in milliseconds; 0 before the first."""
        ordered = sorted(self.microseconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000 if ordered else 0.0

    def going_on(self) -> str:
        """What is being waited for."""
        if not self.total or self.done < self.total:
            return "reading"
        if self.report is None:
            return "writing the report"
        late = [
            f"the {worker} ({self.restarts[worker]} of {wanted} restarts)"
            for worker, wanted in _RESTARTS.items()
            if self.restarts[worker] < wanted
        ]
        return f"waiting for {' and '.join(late) or 'the last worker to end'}"

    def checks(self) -> list[Check]:
        """Everything that had to come out."""
        found = [
            Check("files indexed", f"{self.total}, at least 1", f"{self.done}, at least {min(1, self.total)}"),
            Check("the report", "written", "written" if self.report else "missing"),
            Check("refused: paths out of its scope", str(EXPECTED_PATHS), str(self.refusals[_PATHS])),
        ]
        found += [
            Check(f"refused: {what}", "1", str(self.refusals[refusal])) for refusal, what in EXPECTED_REFUSALS.items()
        ]
        found += [Check(f"ended for {what}", "1", str(self.breaches[code])) for code, what in EXPECTED_BREACHES.items()]
        found += [
            *(
                Check(f"restarts of the {name}", str(times), str(self.restarts[name]))
                for name, times in _RESTARTS.items()
            ),
            Check("workers given up", "none", ", ".join(self.given_up) or "none"),
            Check("commands that failed", "none", "; ".join(self.faults) or "none"),
        ]
        return found

    # -- one reader for each event ------------------------------------------------------------------------------------

    def _progress(self, record: Mapping[str, Any]) -> None:
        self.done, self.total = record["done"], record["total"]
        self.skipped, self.words = record["skipped"], record["words"]
        self.shares[record["indexer"]] += 1
        self.microseconds.append(record["microseconds"])

    def _refused(self, record: Mapping[str, Any]) -> None:
        self.refusals[record["act"], record["name"], record["code"]] += 1
        self.reasons.append((record["worker"], record["message"].removeprefix("refused: ")))

    def _breach(self, record: Mapping[str, Any]) -> None:
        self.breaches[record["code"]] += 1
        self.reasons.append((record["worker"], f"{record['code']}: {record['message'].removeprefix('breach: ')}"))

    def _closed(self, record: Mapping[str, Any]) -> None:
        self.calls += record["calls"]

    def _restarting(self, record: Mapping[str, Any]) -> None:
        self.restarts[record["worker"]] += 1

    def _given_up(self, record: Mapping[str, Any]) -> None:
        self.given_up.append(record["worker"])

    def _report(self, record: Mapping[str, Any]) -> None:
        self.report = record["path"]

    def _failed(self, record: Mapping[str, Any]) -> None:
        self.faults.append(record["message"])


_READERS = {
    "demo_progress": Story._progress,
    "demo_report": Story._report,
    "refused": Story._refused,
    "breach": Story._breach,
    "worker_closed": Story._closed,
    "worker_restarting": Story._restarting,
    "worker_given_up": Story._given_up,
    "command_failed": Story._failed,
}
