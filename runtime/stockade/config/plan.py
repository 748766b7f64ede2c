"""From a configuration to what the supervisor needs: whole environments, resolved programs, times.

Knows no TOML: the core reads its configuration with `from_json`, and must not load the parser for that (facts of
start-up: it is not small). Nor does `stockade run`, which only writes it, load cattrs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

from stockade import control
from stockade.config.environment import core_environment, worker_environment
from stockade.config.grammar import Problem
from stockade.config.programs import program
from stockade.config.specs import Configuration, WorkerSpec
from stockade.errors import StartError

__all__ = ["from_json", "plan", "to_json"]


def plan(
    configuration: Configuration,
    *,
    environment: Mapping[str, str] | None = None,
    log_format: str = "human",
    log_level: str = "info",
    color: bool = False,
) -> control.Plan:
    """What the supervisor is to run. `environment` is the user's, that of this process if it is not given.

    Raises StartError if a program has gone since the configuration was checked.
    """
    user = os.environ if environment is None else environment
    core = configuration.core
    return control.Plan(
        folder=configuration.folder,
        workers=tuple(
            attrs.evolve(planned, label=label)
            for worker in configuration.workers
            for planned in [_worker(worker, configuration.folder, user)]
            for label in worker.labels
        ),
        core_environment=core_environment(user),
        core_restarts=core.restart_limit.times,
        core_within=core.restart_limit.within,
        core_grace=core.grace,
        silence=core.silence,
        log_format=log_format,
        log_level=log_level,
        color=color,
        debuggable=core.debuggable,
        configuration=to_json(configuration),
    )


def _worker(worker: WorkerSpec, folder: str, user: Mapping[str, str]) -> control.WorkerPlan:
    environment = worker_environment(user, worker.inherit, worker.environment)
    found = program(worker.run[0], folder, environment.get("PATH", os.defpath))
    if isinstance(found, Problem):
        raise StartError(f"worker {worker.label} ({worker.place}): {found.wrong}; {found.instead}")
    return control.WorkerPlan(
        label=worker.label,
        argv=(found, *worker.run[1:]),
        environment=environment,
        restart=str(worker.restart),
        restarts=worker.restart_limit.times,
        within=worker.restart_limit.within,
        backoff_first=worker.backoff.first,
        backoff_longest=worker.backoff.longest,
        stable=worker.stable,
        start_limit=worker.start_limit,
        stop_grace=worker.grace.stop,
        stdin_grace=worker.grace.stdin,
        term_grace=worker.grace.term,
    )


def to_json(configuration: Configuration) -> Any:
    """The configuration as values that JSON has, for the pipe to the core."""
    return attrs.asdict(configuration, value_serializer=_json_value)


def _json_value(instance: Any, field: Any, value: Any) -> Any:
    """What `value` is once JSON has been read again, so that a plan equals the one that was sent."""
    if isinstance(value, StrEnum):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def from_json(value: Any) -> Configuration:
    """The configuration that `to_json` made `value` of. Both ends are this package: what does not fit is a bug."""
    import cattrs  # a fifth of the imports of `stockade run`, which has no use for it

    return cattrs.Converter().structure(value, Configuration)
