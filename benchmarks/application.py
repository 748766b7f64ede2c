"""The applications that are measured: one set of commands, and as many workers of whatever kind a benchmark asks for.

Knows no benchmark, and no more of Stockade than what stands in a `stockade.toml`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import attrs

__all__ = ["Application", "Worker"]

_HEAD = """[app]
name = {name}
commands = ["benchmarks.offers"]

[core]
loop = "auto"
spin = {spin}
deadline = {deadline}

[[capability]]
name = "bench"
commands = {{ allow = ["bench.*"], deny = ["bench.denied"] }}
events = {{ listen = ["bench/*"], emit = ["bench/*"] }}
"""
_WORKER = """
[[worker]]
label = {label}
run = {run}
capabilities = ["bench"]
restart = "never"
inherit = ["BENCHMARK_CONDUCTOR", "BENCHMARK_LIBZMQ", "BENCH_FLOOR", "PYTHONPATH"]
limits = {{ {limits} }}
"""


@attrs.frozen
class Worker:
    """One worker's table."""

    label: str
    run: tuple[str, ...]
    limits: Mapping[str, int] = attrs.field(factory=dict)

    def toml(self) -> str:
        """The table as text. JSON's texts and lists are TOML's too."""
        limits = ", ".join(f"{key} = {value}" for key, value in self.limits.items())
        return _WORKER.format(label=json.dumps(self.label), run=json.dumps(self.run), limits=limits)


@attrs.frozen
class Application:
    """A `stockade.toml`."""

    name: str
    workers: tuple[Worker, ...]
    spin: float = 0.0  # seconds
    deadline: float | None = 60.0  # seconds that a call has; None: as long as it takes

    @classmethod
    def of(cls, name: str, workers: Iterable[Worker]) -> Application:
        """The application with these workers."""
        return cls(name, tuple(workers))

    def toml(self) -> str:
        """The whole file."""
        deadline = self.deadline or json.dumps("none")
        head = _HEAD.format(name=json.dumps(self.name), spin=self.spin, deadline=deadline)
        return head + "".join(worker.toml() for worker in self.workers)
