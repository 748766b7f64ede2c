"""The core process, from its first control line to its end: puts the parts together in the order that is safe.

Knows no message of a worker's. Started by the supervisor alone, as ``python -m stockade.core IN OUT LOG``: descriptors
of the control pipes and of the pipe for log lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection
from math import isinf
from typing import Any, NoReturn

import attrs
import zmq

from stockade import __version__, control, limits
from stockade.config.plan import from_json
from stockade.config.specs import Configuration, LoopKind
from stockade.core.commands.app_settings import SettingsError, configured
from stockade.core.commands.dispatch import Dispatcher
from stockade.core.commands.lifespans import Lifespans
from stockade.core.commands.registry import Registry, collect
from stockade.core.commands.workers import Workers
from stockade.core.events.bus import Bus
from stockade.core.events.event import Events
from stockade.core.exports.router import Router
from stockade.core.gate import House
from stockade.core.lifeline import leave_nothing, vigil, withdraw_from_siblings
from stockade.core.loop import Core
from stockade.core.pipes import ControlPipes, Incoming
from stockade.core.policy.authority import Authority
from stockade.core.policy.exports import clashes
from stockade.core.room import make_room
from stockade.core.selfcheck import check_that_strangers_are_refused
from stockade.core.zap import Authenticator
from stockade.errors import ConfigurationError, StartError
from stockade.observe.handler import CoreHandler
from stockade.observe.traces import find_spans

__all__ = ["main"]

_log = logging.getLogger("stockade.core")


def main(arguments: list[str]) -> NoReturn:
    """Run the core on the three descriptors that `arguments` name; never returns."""
    told, outgoing, log = map(int, arguments)
    for descriptor in (told, outgoing, log):
        os.set_inheritable(descriptor, False)
    incoming = Incoming(told)
    first, waiting = incoming.first()
    handler = CoreHandler(log, first.log_format, first.color)
    logging.basicConfig(level=first.log_level.upper(), handlers=[handler])
    configuration = from_json(first.configuration)
    if not configuration.core.debuggable:
        withdraw_from_siblings()
    sys.path.insert(0, configuration.folder)
    process = _Process(configuration, first.workers, first.run_directory, incoming, outgoing, waiting, handler)
    del first  # the configuration as JSON, 3 KiB of each worker, would stay as long as the process
    try:
        with asyncio.Runner(loop_factory=loop_factory(configuration.core.loop)) as runner:
            process.leave(runner.run(process.run()))
    except (StartError, ConfigurationError, SettingsError) as error:
        os.write(outgoing, control.encode(control.CoreFailed(str(error))))
        process.leave(2)
    except BaseException:  # noqa: BLE001 (whatever it was, the log has it and the supervisor starts anew)
        _log.critical("the core failed", exc_info=True, extra={"event": "core_failed"})
        process.leave(1)


def loop_factory(kind: LoopKind) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the event loop that the configuration asks for; None is asyncio's own. Raises StartError."""
    if kind is LoopKind.ASYNCIO:
        return None
    try:
        import uvloop
    except ImportError:
        if kind is LoopKind.AUTO:
            return None
        raise StartError('core.loop is "uvloop", which is not installed: pip install "stockade[fast]"') from None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _bound(seconds: float) -> float | None:
    """Infinity is written `"none"`, and within the core None."""
    return None if isinf(seconds) else seconds


@attrs.frozen(eq=False)
class _Process:
    """The core's process: what the supervisor gave it."""

    configuration: Configuration
    workers: Collection[str]  # the labels of those that run, or will
    run_directory: str
    incoming: Incoming
    outgoing: int
    waiting: list[control.Message]  # what came with the first line
    handler: CoreHandler
    serving: threading.Event = attrs.field(factory=threading.Event, init=False)  # the loop reads the control pipe

    async def run(self) -> int:
        """Start everything, serve until the supervisor says so, end the lifespans; the exit status.

        Raises StartError or ConfigurationError for what no new start would mend.
        """
        vigil(self.incoming.descriptor, self.orphaned_unheeded)
        core, lifespans = await self._start()
        loop = asyncio.get_running_loop()
        pipes = ControlPipes(loop, self.incoming, self.outgoing, core.receive, self.orphaned)
        core.tell = pipes.send
        core.tell(control.CoreReady())
        self.serving.set()
        pipes.open(self.waiting)
        grace = await core.stopped
        core.house.dispatcher.close()
        await lifespans.leave(grace)
        core.log_statistics()
        return 0

    async def _start(self) -> tuple[Core, Lifespans]:
        """Everything but the control pipes."""
        loop = asyncio.get_running_loop()
        registry = collect(self.configuration.app.commands)
        faults = registry.faults or clashes(self.configuration.workers, registry.commands)
        if faults:
            raise ConfigurationError(faults)
        check_that_strangers_are_refused(self.run_directory)
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        context.set(zmq.MAX_SOCKETS, make_room(sum(worker.replicas for worker in self.configuration.workers)))
        authenticator = Authenticator.bind(context)
        authenticator.attach(loop)
        core = Core.of(loop, context, authenticator, self.configuration)
        return core, await self._furnish(core, registry)

    async def _furnish(self, core: Core, registry: Registry) -> Lifespans:
        """Give the core its house: authority, dispatcher, bus, and what the application's lifespans yield."""
        loop, spec = asyncio.get_running_loop(), self.configuration.core
        bus = Bus(loop, {worker.label: worker.labels for worker in self.configuration.workers})
        router = Router.of(loop, self.configuration.workers, self.workers, _bound(spec.deadline))
        given: dict[type, Any] = {Events: Events(bus), Workers: Workers(router, loop)}
        settings = configured(registry.settings_class, self.configuration.app.settings)
        if registry.settings_class is not None:
            given[registry.settings_class] = settings
        lifespans = Lifespans(loop, _log)
        try:
            given = await lifespans.enter(registry.lifespans, given)
            bus.spans = spans = find_spans(__version__)
            given[Workers] = Workers(router, loop, spans=spans)
            dispatcher = Dispatcher(
                registry, loop, spec.threads, spec.threads_per_worker, given, _log, _bound(spec.deadline), spans
            )
        except StartError:
            await lifespans.leave(limits.CORE_GRACE)
            raise
        if registry.listeners:
            bus.listen = dispatcher.deliver
        authority = Authority.resolve(self.configuration, registry.commands)
        core.house = House(loop, authority, registry.commands, dispatcher, router, bus, core, _bound(spec.deadline))
        return lifespans

    def orphaned(self) -> NoReturn:
        """The supervisor has gone: leave nothing behind."""
        leave_nothing(self.incoming.take_over(), self.run_directory)
        self.leave(0)

    def orphaned_unheeded(self) -> NoReturn:
        """The same in the vigil's thread, for a loop that does not see it: it has not begun, or a command holds it."""
        if self.serving.is_set():
            time.sleep(limits.ORPHANED)
        leave_nothing(self.incoming.take_over(), self.run_directory)
        os._exit(0)  # not `leave`: the main thread may hold any lock

    def leave(self, code: int) -> NoReturn:
        """End the process now. ZeroMQ's contexts are not terminated: with a ZAP handler in one that can abort."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        self.handler.flush()
        os._exit(code)
