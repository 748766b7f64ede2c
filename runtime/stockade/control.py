"""What supervisor and core tell each other: values, and JSON lines.

Knows no pipe: `encode` and `Decoder` turn values into lines and back. Both sides are trusted, so a line that does not
fit is a bug of this package and raises. The messages are state per generation, never a stream: what waits to be
written is bounded by the number of workers. Log lines never travel here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import attrs

from stockade import limits

__all__ = [
    "Configure",
    "ControlError",
    "CoreFailed",
    "CoreReady",
    "Decoder",
    "End",
    "Exited",
    "Failed",
    "Greeted",
    "Left",
    "Message",
    "Ping",
    "Plan",
    "Pong",
    "Shutdown",
    "Spawned",
    "StopWorker",
    "WorkerPlan",
    "WorkerReady",
    "decode",
    "encode",
]


class ControlError(Exception):
    """A control line that is none: a bug of this package, or a core that is no core."""


# -- the plan: what `stockade run` hands to the supervisor ------------------------------------------------------------


@attrs.frozen
class WorkerPlan:
    """How to start, stop and restart one worker. Times in seconds."""

    label: str
    argv: tuple[str, ...]  # resolved: argv[0] is an absolute path, or a name for PATH
    environment: dict[str, str]  # whole, but for the STOCKADE_ variables and TMPDIR of a generation
    restart: str
    restarts: int
    within: float
    backoff_first: float
    backoff_longest: float
    stable: float
    start_limit: float
    stop_grace: float
    stdin_grace: float
    term_grace: float


@attrs.frozen
class Plan:
    """All the supervisor needs to know; what only the core needs is `configuration`, handed on unread."""

    folder: str
    workers: tuple[WorkerPlan, ...]
    core_environment: dict[str, str]
    core_restarts: int
    core_within: float
    core_grace: float
    silence: float
    log_format: str  # "human" | "json"
    log_level: str
    color: bool
    debuggable: bool
    configuration: Any  # JSON values: `Configuration`, unstructured

    def to_json(self) -> bytes:
        """The plan as the bytes that `from_json` reads."""
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Plan:
        """The plan that `to_json` wrote; raises ControlError for anything else."""
        try:
            fields = json.loads(data)
            fields["workers"] = tuple(
                WorkerPlan(**{**worker, "argv": tuple(worker["argv"])}) for worker in fields["workers"]
            )
            return cls(**fields)
        except (ValueError, TypeError, KeyError) as error:
            raise ControlError(f"this is no plan: {error}") from error


def _labels(labels: Iterable[str]) -> tuple[str, ...]:
    """What JSON has read again as a list."""
    return tuple(labels)


# -- supervisor to core -----------------------------------------------------------------------------------------------


@attrs.frozen
class Configure:
    """The first line to every core: what it is to run. `workers` are the labels of those that run, or will."""

    configuration: Any
    run_directory: str  # removed, with everything in it, by the core if the supervisor dies
    log_format: str
    log_level: str
    color: bool
    workers: tuple[str, ...] = attrs.field(converter=_labels)


@attrs.frozen
class Spawned:
    """A worker's process has started; its sockets will appear in `directory`."""

    label: str
    generation: int
    pid: int
    directory: str
    secret: str = attrs.field(repr=False)


@attrs.frozen
class StopWorker:
    """Send this generation its `stop`; `grace` is in seconds."""

    label: str
    generation: int
    grace: float


@attrs.frozen
class Exited:
    """A worker's process has ended: drain its link, answer its calls, say so. `code` is negative for a signal."""

    label: str
    generation: int
    code: int
    reason: str  # "exit status 1", "signal SIGSEGV", "never said hello in 30 s", ...
    restart_in: float | None  # seconds; None when it is not started again


@attrs.frozen
class Failed:
    """A worker has been given up."""

    label: str
    generation: int
    reason: str


@attrs.frozen
class Ping:
    """Answer with a Pong of the same number."""

    number: int


@attrs.frozen
class Shutdown:
    """All workers have gone: end the lifespans, then exit 0."""

    grace: float


# -- core to supervisor -----------------------------------------------------------------------------------------------


@attrs.frozen
class CoreReady:
    """Commands are registered, lifespans entered, and a wrong secret was seen to be refused."""


@attrs.frozen
class CoreFailed:
    """The core cannot start, and starting it again would not help: `reason` is for the operator."""

    reason: str


@attrs.frozen
class Greeted:
    """A worker has said hello and was welcomed."""

    label: str
    generation: int


@attrs.frozen
class WorkerReady:
    """A worker has said that it is ready."""

    label: str
    generation: int


@attrs.frozen
class Left:
    """A worker has said bye and was answered: its exit is meant, whatever the core still learns."""

    label: str
    generation: int


@attrs.frozen
class End:
    """End this worker, it broke the protocol (`code` is a BreachCode): after `limits.BREACH_GRACE`, kill."""

    label: str
    generation: int
    code: str
    reason: str


@attrs.frozen
class Pong:
    """The answer to a Ping."""

    number: int


Message = (
    Configure
    | Spawned
    | StopWorker
    | Exited
    | Failed
    | Ping
    | Shutdown
    | CoreReady
    | CoreFailed
    | Greeted
    | WorkerReady
    | Left
    | End
    | Pong
)

_BY_NAME: dict[str, type[Any]] = {kind.__name__: kind for kind in Message.__args__}


def encode(message: Message) -> bytes:
    """One line of JSON, with its newline: ``["Ping", {"number": 1}]``."""
    fields = attrs.asdict(message, recurse=False)
    return json.dumps([type(message).__name__, fields], separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of one line; raises ControlError for what is none."""
    try:
        name, fields = json.loads(line)
        message: Message = _BY_NAME[name](**fields)
        return message
    except (ValueError, TypeError, KeyError) as error:
        raise ControlError(f"no control line: {line[:100]!r}") from error


@attrs.define
class Decoder:
    """Cuts what a pipe gave into lines and decodes them; what is not a whole line yet waits for the rest."""

    _rest: bytearray = attrs.field(factory=bytearray)

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes; raises ControlError for a line that is none or is too long."""
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        if len(rest) > limits.CONTROL_LINE:
            raise ControlError(f"a control line of over {limits.CONTROL_LINE} bytes")
        self._rest = rest
        return [decode(bytes(line)) for line in lines]
