"""The core's one loop: a gate and a link for each generation that the supervisor says has started.

Knows no frame and no rule: it opens, closes and reports.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from functools import singledispatchmethod
from typing import Any

import attrs
import zmq

from stockade import control, limits
from stockade.config.specs import Configuration, WorkerSpec
from stockade.core.alarm import Alarm
from stockade.core.gate import Gate, House
from stockade.core.link import Link
from stockade.core.memory import Memory
from stockade.core.outbox import Outbox
from stockade.core.refusals import Refusals
from stockade.core.zap import Authenticator, Expected, open_pidfd
from stockade.errors import Breach, BreachCode

__all__ = ["Core"]

_log = logging.getLogger("stockade.core")
#: A dying process closes its sockets before its pidfd tells: so long a lost connection may be the process's end.
_DYING = 1.0


@attrs.define(eq=False)
class _Worker:
    """One generation that runs."""

    gate: Gate
    link: Link
    pid: int
    pidfd: int
    started: float
    processes: set[int]  # itself, and whoever of its descendants has bound the sockets
    lost: asyncio.TimerHandle | None = None


@attrs.define(eq=False)
class Core:
    """Serves workers until `stopped`, which holds the seconds that the lifespans may take to end.

    `tell` writes to the supervisor. It and `house` are set once everything is there, before the first `receive`.
    """

    _loop: asyncio.AbstractEventLoop
    _context: zmq.Context[zmq.Socket[bytes]]
    _authenticator: Authenticator
    _specs: dict[str, WorkerSpec]
    _spin: float
    stopped: asyncio.Future[float]
    tell: Callable[[control.Message], None] = attrs.field(init=False)
    house: House = attrs.field(init=False)
    _memory: Memory = attrs.field(init=False)
    _workers: dict[tuple[str, int], _Worker] = attrs.field(factory=dict)
    _going: set[_Worker] = attrs.field(factory=set)  # ended, but what they left is still being read
    _grace: float | None = None  # asked to stop

    @classmethod
    def of(
        cls,
        loop: asyncio.AbstractEventLoop,
        context: zmq.Context[zmq.Socket[bytes]],
        authenticator: Authenticator,
        configuration: Configuration,
    ) -> Core:
        """A core for this configuration, with no worker yet."""
        specs, spin = configuration.by_label(), configuration.core.spin
        core = cls(loop, context, authenticator, specs, spin, loop.create_future())
        core._memory = Memory(loop, Alarm(configuration.core.memory), core._suspects, core._accused)
        return core

    # -- what the supervisor says -------------------------------------------------------------------------------------

    @singledispatchmethod
    def receive(self, message: Any) -> None:
        """Do what the supervisor says."""
        raise control.ControlError(f"a {type(message).__name__} is not for the core")

    @receive.register
    def _(self, ping: control.Ping) -> None:
        self.tell(control.Pong(ping.number))
        self._memory.look()

    @receive.register
    def _(self, shutdown: control.Shutdown) -> None:
        self._grace = shutdown.grace
        self._stop_when_all_are_gone()

    @receive.register
    def _(self, spawned: control.Spawned) -> None:
        pidfd = open_pidfd(spawned.pid)
        if pidfd is None:
            return  # it has ended already, and Exited is on its way, if the supervisor has not gone too
        spec = self._specs[spawned.label]
        name = f"{spawned.label}@{spawned.generation}"
        gate = Gate(self.house, spawned.label, spawned.generation, spec.limits, Refusals(name, time.monotonic))

        def refused(reason: str) -> None:
            gate.end(Breach(BreachCode.AUTHENTICATION, reason))

        processes = {spawned.pid}
        admit = Expected(name.encode(), spawned.secret.encode(), spawned.pid, pidfd, refused, processes.add)
        outbox = Outbox(spec.limits.outbox, spec.limits.message)
        link = Link(
            self._loop,
            self._context,
            self._authenticator,
            gate,
            name,
            spawned.directory,
            admit,
            spec.limits.message,
            outbox,
            self._spin,
        )
        worker = _Worker(gate, link, spawned.pid, pidfd, time.monotonic(), processes)
        self._workers[spawned.label, spawned.generation] = worker
        self.house.router.expect(spawned.label)
        gate.open(link)
        link.look()
        self._announce("started", spawned.label, spawned.generation)

    @receive.register
    def _(self, stop: control.StopWorker) -> None:
        worker = self._workers.get((stop.label, stop.generation))
        if worker is not None:
            worker.gate.say(["stop", {"grace": int(stop.grace * 1000)}])

    @receive.register
    def _(self, exited: control.Exited) -> None:
        worker = self._workers.pop((exited.label, exited.generation), None)
        if worker is not None:
            worker.gate.go()
        if exited.restart_in is None:
            self.house.router.over(exited.label)
        if worker is None:
            self._announce_exit(exited, None)
            return
        self._going.add(worker)
        self._drain(worker, exited, self._loop.time() + limits.LEAVE)

    @receive.register
    def _(self, failed: control.Failed) -> None:
        self.house.router.over(failed.label)
        _log.debug("%s@%d was given up: %s", failed.label, failed.generation, failed.reason)

    def _drain(self, worker: _Worker, exited: control.Exited, end: float) -> None:
        """Let its link bring what the worker left, fairly with all others, until there is no more or `end` has come."""
        drained = worker.gate.is_over or worker.link.is_drained
        if not drained and self._loop.time() < end:
            self._loop.call_later(limits.LOOK, self._drain, worker, exited, end)
            return
        if not drained:
            fields = {"worker": worker.gate.name}
            _log.warning("emits were left when the time was over", extra={"event": "emits_lost", "fields": fields})
        self._close(worker)
        self._announce_exit(exited, worker.gate.breach)
        self._going.discard(worker)
        self._stop_when_all_are_gone()

    def _stop_when_all_are_gone(self) -> None:
        if self._grace is not None and not self._going and not self.stopped.done():
            self.stopped.set_result(self._grace)

    def _close(self, worker: _Worker) -> None:
        """Close the gate and then its sockets, and log what they have counted."""
        worker.gate.close()
        worker.gate.refusals.flush()
        moved = worker.link.statistics()
        worker.link.close()
        if worker.lost is not None:
            worker.lost.cancel()
        self._loop.remove_reader(worker.pidfd)
        os.close(worker.pidfd)
        counts = {**attrs.asdict(worker.gate.statistics()), **attrs.asdict(moved)}
        said = {"event": "worker_closed", "fields": {"worker": worker.gate.name}, "counts": counts}
        _log.info("closed the link", extra=said)

    def _announce_exit(self, exited: control.Exited, breach: Breach | None) -> None:
        self._announce(
            "exited",
            exited.label,
            exited.generation,
            reason=str(breach) if breach else exited.reason,
            code=exited.code,
            breach=str(breach.code) if breach else None,
            restart_in=None if exited.restart_in is None else int(exited.restart_in * 1000),
        )

    def _announce(self, what: str, label: str, generation: int, **more: Any) -> None:
        payload = {"worker": label, "generation": generation, **more}
        self.house.bus.publish(f"core:worker/{what}", payload, None)

    # -- what the gates say -------------------------------------------------------------------------------------------

    def greeted(self, gate: Gate) -> None:
        """A worker was welcomed."""
        self.tell(control.Greeted(gate.label, gate.generation))

    def ready(self, gate: Gate) -> None:
        """A worker says that it is ready."""
        self.tell(control.WorkerReady(gate.label, gate.generation))
        self._announce("ready", gate.label, gate.generation)

    def left(self, gate: Gate) -> None:
        """A worker's bye was answered."""
        self.tell(control.Left(gate.label, gate.generation))

    def lost(self, gate: Gate, breach: Breach) -> None:
        """A connection has ended: the process is dying, or the worker has broken the protocol."""
        worker = self._workers.get((gate.label, gate.generation))
        if worker is None or worker.lost is not None:
            return
        worker.lost = self._loop.call_later(_DYING, gate.end, breach)

        def has_ended() -> None:
            self._loop.remove_reader(worker.pidfd)
            worker.lost.cancel()  # type: ignore[union-attr]  # set above

        self._loop.add_reader(worker.pidfd, has_ended)

    def ended(self, gate: Gate, breach: Breach) -> None:
        """A worker broke the protocol."""
        fields = {"worker": gate.name, "code": str(breach.code)}
        _log.error("breach: %s", breach.reason, extra={"event": "breach", "fields": fields})
        self.tell(control.End(gate.label, gate.generation, str(breach.code), breach.reason))

    # -- what the memory says -----------------------------------------------------------------------------------------

    def _suspects(self) -> dict[str, set[int]]:
        return {worker.gate.name: worker.processes for worker in self._workers.values()}

    def _accused(self, name: str, breach: Breach) -> None:
        gate = next(worker.gate for worker in self._workers.values() if worker.gate.name == name)
        if gate.is_over:  # it has left, or was ended for something else, and floods all the same
            self.ended(gate, breach)
        else:
            gate.end(breach)

    # -- the end ------------------------------------------------------------------------------------------------------

    def log_statistics(self) -> None:
        """Log what every part has counted."""
        house = self.house
        counts = {
            "dispatch": attrs.asdict(house.dispatcher.statistics()),
            "bus": attrs.asdict(house.bus.statistics()),
            "exports": {label: attrs.asdict(each) for label, each in house.router.statistics().items()},
            "authenticator": attrs.asdict(self._authenticator.statistics()),
        }
        _log.info("the core has stopped", extra={"event": "core_statistics", "counts": counts})
