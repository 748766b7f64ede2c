"""What a stockade.toml says, as values: each class is a table of the file, each field a key with its default.

Knows no TOML and no file; `config.load` makes these values and `config.reference` prints their documentation from the
`about` of each field. Times are seconds, sizes bytes.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any

import attrs

from stockade import limits, names
from stockade.config.grammar import Kind

__all__ = [
    "CORES",
    "App",
    "Backoff",
    "Capability",
    "Configuration",
    "CoreSpec",
    "EventRules",
    "Grace",
    "LoopKind",
    "Place",
    "Restart",
    "RestartLimit",
    "Rule",
    "Rules",
    "WorkerLimits",
    "WorkerSpec",
]


def key(about: str, *, metadata: dict[str, Any] | None = None, grammar: Kind | None = None, **how: Any) -> Any:
    """A field that is a key of the file, with the sentence that docs/configuration.md shows for it.

    `grammar` is what its texts must look like. `metadata` may have a number's ``range``, the ``table`` that the key is
    called in the file where that is not the field's name, the ``example`` of a key that has no default,
    ``some``: a list that may not be empty, and ``words``: texts that may stand for a number, and for which.
    """
    return attrs.field(metadata={"about": about, "grammar": grammar, **(metadata or {})}, **how)


def written_at() -> Any:
    """The field for the place of a table, which is no key."""
    return attrs.field()


def between(least: float, most: float) -> dict[str, tuple[float, float]]:
    """The metadata of a number's range, both ends included."""
    return {"range": (least, most)}


#: What `replicas` is where it says `"cores"`, until `config.load` has counted them.
CORES = 0
#: The word for a number that has no bound.
UNBOUNDED = {"none": math.inf}


class Restart(StrEnum):
    """When a worker that has ended is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"
    NEVER = "never"


class LoopKind(StrEnum):
    """The event loop of the core."""

    AUTO = "auto"
    ASYNCIO = "asyncio"
    UVLOOP = "uvloop"


@attrs.frozen
class Place:
    """Where something is written: a file, as the user named it, and a line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@attrs.frozen
class Rule:
    """One pattern of a capability, and where it is written."""

    pattern: str
    place: Place


@attrs.frozen
class Rules:
    """What is allowed, and what of it is denied: deny beats allow, nothing listed is nothing allowed."""

    allow: tuple[Rule, ...] = key("Patterns of what is allowed.", default=())
    deny: tuple[Rule, ...] = key("Patterns that beat every `allow`.", default=())


@attrs.frozen
class EventRules:
    """Events a capability lets a worker hear and say."""

    listen: Rules = key(
        "Events the worker may listen to: a list, or `{allow, deny}`.", grammar=Kind.LISTEN, factory=Rules
    )
    emit: Rules = key("Events the worker may emit: a list, or `{allow, deny}`.", grammar=Kind.EMIT, factory=Rules)


@attrs.frozen
class Capability:
    """A named set of permissions, which workers list under `capabilities`."""

    name: str = key(
        "What workers call it by: `[a-z][a-z0-9-]{0,63}`, once in the file.",
        grammar=Kind.CAPABILITY,
        metadata={"example": "notes"},
    )
    place: Place = written_at()
    commands: Rules = key(
        "Commands the worker may call: a list, or `{allow, deny}`.", grammar=Kind.COMMANDS, factory=Rules
    )
    events: EventRules = key("Events the worker may hear and say.", factory=EventRules)
    scopes: dict[str, Rules] = key(
        "For a command, the paths it may touch, relative to `folder`: a list, or `{allow, deny}`.",
        grammar=Kind.PATHS,
        factory=dict,
    )
    folder: str = key(
        "The folder that the paths of `scopes` are relative to, itself relative to the folder of this file.",
        grammar=Kind.FOLDER,
        default=".",
    )


@attrs.frozen
class RestartLimit:
    """How many restarts in how long are too many."""

    times: int = key("Restarts.", default=limits.RESTARTS, metadata=between(0, 1000))
    within: float = key("Seconds.", default=limits.RESTARTS_WITHIN, metadata=between(0.1, 86400))


@attrs.frozen
class Backoff:
    """The wait before a restart, doubled by each failure, with jitter."""

    first: float = key("Seconds before the first restart.", default=limits.BACKOFF_FIRST, metadata=between(0, 3600))
    longest: float = key("Seconds it grows to.", default=limits.BACKOFF_LONGEST, metadata=between(0, 3600))


@attrs.frozen
class Grace:
    """How long each step of a graceful stop may take; the same when a worker has said `bye` and does not exit."""

    stop: float = key(
        "Seconds from the `stop` message to stdin's end.", default=limits.STOP_GRACE, metadata=between(0, 600)
    )
    stdin: float = key("Seconds from stdin's end to SIGTERM.", default=limits.STDIN_GRACE, metadata=between(0, 600))
    term: float = key("Seconds from SIGTERM to SIGKILL.", default=limits.TERM_GRACE, metadata=between(0, 600))


@attrs.frozen
class WorkerLimits:
    """What a worker may use up."""

    message: int = key("Bytes of the largest message.", default=limits.MESSAGE, metadata=between(1024, 2**31 - 1))
    calls: int = key("Calls in flight; the next is `busy`.", default=limits.CALLS, metadata=between(1, 1_000_000))
    topics: int = key("Subscriptions.", default=limits.TOPICS, metadata=between(0, 1_000_000))
    outbox: int = key(
        "Bytes that wait for it in the core; above, the core stops reading it.",
        default=limits.OUTBOX,
        metadata=between(1024, 2**31 - 1),
    )
    rate: float = key(
        'Calls per second, on average; what comes faster is `busy`. `"none"` is no bound.',
        default=math.inf,
        metadata={**between(0.1, 1_000_000), "words": UNBOUNDED},
    )
    channels: int = key(
        "Channels open at once; a call that would open more is `busy`.",
        default=limits.CHANNELS,
        metadata=between(0, 1_000_000),
    )
    waiting: int = key(
        "Calls of others that wait for what it exports, its replicas together; the next is `busy`.",
        default=limits.WAITING,
        metadata=between(0, 1_000_000),
    )


@attrs.frozen
class WorkerSpec:
    """One frontend worker."""

    label: str = key(
        "Its name: `[a-z][a-z0-9-]{0,31}`, once in the file, but neither `core` nor `supervisor`.",
        grammar=Kind.LABEL,
        metadata={"example": "editor"},
    )
    run: tuple[str, ...] = key(
        "The program and its arguments. `python` and `python3` are the interpreter that runs Stockade; a program with "
        "a slash is relative to the folder of this file, any other is looked up on the worker's PATH.",
        grammar=Kind.ARGUMENT,
        metadata={"example": ("python", "-m", "notes.editor"), "some": True},
    )
    place: Place = written_at()
    capabilities: tuple[str, ...] = key(
        "What it may do: names of `[[capability]]` tables. Without one it may do nothing.",
        default=(),
    )
    exports: tuple[str, ...] = key(
        "Patterns of the commands that it may export, for others to call. Without one it may export nothing.",
        grammar=Kind.COMMANDS,
        default=(),
    )
    replicas: int = key(
        "How many of it run side by side, labelled `thumbs.1`, `thumbs.2` and so on if there are several, and sharing "
        'the calls to what they export. `"cores"` is one for each processor core that `stockade run` may use.',
        default=1,
        metadata={**between(1, limits.REPLICAS), "words": {"cores": CORES}},
    )
    restart: Restart = key("When it is started again after it has ended.", default=Restart.ON_FAILURE)
    restart_limit: RestartLimit = key("How many restarts in how long give it up.", factory=RestartLimit)
    backoff: Backoff = key("The wait before a restart.", factory=Backoff)
    stable: float = key(
        "Seconds of running after which its failures are forgotten.",
        default=limits.STABLE,
        metadata=between(0.1, 86400),
    )
    start_limit: float = key("Seconds from its start to its hello.", default=limits.START, metadata=between(0.1, 3600))
    grace: Grace = key("How long each step of its stop may take.", factory=Grace)
    environment: dict[str, str] = key(
        "Variables set for it; they beat what it inherits.", grammar=Kind.VARIABLE, factory=dict
    )
    inherit: tuple[str, ...] = key(
        "Names of variables it takes over from `stockade run`, where they are set there.",
        grammar=Kind.VARIABLE,
        default=(),
    )
    limits: WorkerLimits = key("What it, or each of its replicas, may use up.", factory=WorkerLimits)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the workers that this is the specification of: its own, or those of its replicas."""
        if self.replicas == 1:
            return (self.label,)
        return tuple(names.replica(self.label, number) for number in range(1, self.replicas + 1))


@attrs.frozen
class App:
    """The application."""

    name: str = key("Its name, for logs.", grammar=Kind.TITLE, metadata={"example": "notes"})
    commands: tuple[str, ...] = key(
        "Modules whose commands, listeners and lifespans are registered; the folder of this file comes first on their "
        "path.",
        grammar=Kind.MODULE,
        default=(),
    )
    settings: dict[str, Any] = key(
        "The application's own settings, injected as its settings class; dates and times arrive as ISO 8601 text.",
        factory=dict,
    )


@attrs.frozen
class CoreSpec:
    """The trusted core."""

    loop: LoopKind = key("Its event loop; `auto` is uvloop where the extra `fast` is installed.", default=LoopKind.AUTO)
    threads: int = key(
        "Threads for `def` commands that the workers share, beside one that each of them always has.",
        default=limits.THREADS,
        metadata=between(1, 1024),
    )
    threads_per_worker: int = key(
        "Threads that one worker's calls may hold at a time, its own among them. When calls that were cancelled and "
        "have not ended hold them all, its next are `busy`.",
        default=limits.THREADS_PER_WORKER,
        metadata=between(1, 1024),
    )
    deadline: float = key(
        'Seconds that a call may take whose caller does not say. `"none"` is no bound.',
        default=limits.DEADLINE,
        metadata={**between(0.001, 1_000_000), "words": UNBOUNDED},
    )
    spin: float = key(
        "Seconds after a call for which the core looks for the next one before it sleeps. 0.0002 makes calls that "
        "follow each other faster, and costs the core a processor meanwhile.",
        default=0.0,
        metadata=between(0, 0.01),
    )
    silence: float = key(
        "Seconds without an answer to the supervisor after which the core has failed.",
        default=limits.SILENCE,
        metadata=between(1, 3600),
    )
    memory: int = key(
        "Bytes that it may grow by before it looks which worker makes it grow: all are stopped for a moment and let go "
        "in turn, and that one is ended (`too_much_memory`). Raise it where commands keep what workers send.",
        default=limits.GROWTH,
        metadata=between(16 * 1024 * 1024, 2**50),
    )
    restart_limit: RestartLimit = key("How many restarts in how long give it up.", factory=RestartLimit)
    grace: float = key("Seconds its lifespans have to end.", default=limits.CORE_GRACE, metadata=between(0, 600))
    debuggable: bool = key(
        "Let debuggers of the same user attach to core and supervisor (no PR_SET_DUMPABLE 0).", default=False
    )


@attrs.frozen
class Configuration:
    """A whole stockade.toml that `config.load` has found without a fault."""

    file: str = attrs.field()
    folder: str = attrs.field()  # absolute: the working directory of core and workers
    app: App = key("The application.")
    core: CoreSpec = key("The trusted core.", factory=CoreSpec)
    workers: tuple[WorkerSpec, ...] = key("The frontend workers.", default=(), metadata={"table": "worker"})
    capabilities: tuple[Capability, ...] = key("The capabilities.", default=(), metadata={"table": "capability"})

    def by_label(self) -> dict[str, WorkerSpec]:
        """Every label that a worker of it has, its own or a replica's, with that worker's specification."""
        own = {spec.label: spec for spec in self.workers}
        return own | {label: spec for spec in self.workers for label in spec.labels}
