"""The supervisor's one loop: tells the tree what happens, and does what it says. Decides nothing itself.

One thread, one selector: pidfds, pipes, a wake-up pipe for signals, and the deadlines. Nothing in it blocks, but
starting a program (until its exec) and the last cleaning up, when nothing is left that could be kept waiting.
"""

from __future__ import annotations

import os
import select
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from stockade import limits
from stockade.control import Plan, encode
from stockade.removal import remove_tree
from stockade.supervisor.actions import Action, CloseStdin, Kill, Quit, Say, Start, Tell, Terminate
from stockade.supervisor.drains import Drains
from stockade.supervisor.happenings import Begun, Child, Ended, Garbled, Happening, NotStarted, Signalled, Started, Tick
from stockade.supervisor.journal import Journal
from stockade.supervisor.machine import is_ignored
from stockade.supervisor.pipes import Overflow, read_some
from stockade.supervisor.places import GenerationPlace, RunDirectory
from stockade.supervisor.removers import Removers
from stockade.supervisor.running import Running, start_core, start_worker
from stockade.supervisor.strays import adopted, kill_strays
from stockade.supervisor.tree import Tree

__all__ = ["Loop"]

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Loop:
    """One system that runs, from `run` to its return."""

    def __init__(
        self,
        plan: Plan,
        core_program: Sequence[str],
        place: RunDirectory,
        journal: Journal,
        removers: Removers,
        open_files: tuple[int, int],
    ) -> None:
        self._plan = plan
        self._workers = {worker.label: worker for worker in plan.workers}
        self._core_program = core_program
        self._place = place
        self._journal = journal
        self._removers = removers
        self._open_files = open_files
        self._tree = Tree(plan, place.path)
        self._selector = selectors.DefaultSelector()
        self._happenings: deque[Happening] = deque([Begun()])
        self._running: dict[Child, Running] = {}
        self._core: Running | None = None
        self._drains = Drains(self._selector, journal, self._happenings.append)
        self._code: int | None = None

    def run(self) -> int:
        """Run until the tree says to quit; the exit code. Whatever happens, nothing of the system is left."""
        self._listen_to_signals()
        try:
            while self._code is None:
                self._settle()
                if self._code is None:
                    self._wait()
            return self._code
        finally:
            self._clean_up()

    # -- what happens -------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Step through all that has happened, doing what follows from it, which may make more happen."""
        while self._happenings:
            for action in self._tree.step(self._happenings.popleft(), time.monotonic()):
                _ACTIONS[type(action)](self, action)
        self._flush()

    def _wait(self) -> None:
        """Wait for the next thing to happen, and let it."""
        deadline = min(self._tree.next_deadline(), self._drains.next_deadline())
        timeout = None if deadline == float("inf") else max(0.0, deadline - time.monotonic())
        # Pipes before deadlines: after a Ctrl-Z the answer to an old ping may be here already.
        for key, mask in self._selector.select(timeout):
            key.data(mask)
        now = time.monotonic()
        self._drains.pass_time(now)
        if self._tree.next_deadline() <= now:
            self._happenings.append(Tick())

    def _listen_to_signals(self) -> None:
        """Signals write their numbers to a pipe; handlers that do nothing are there so that they do."""
        self._signals, wake = os.pipe()
        for end in (self._signals, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in _STOP_SIGNALS:
            if not is_ignored(number):
                signal.signal(number, _nothing)
        signal.signal(signal.SIGCHLD, _nothing)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # logging from the background must not stop us (stty tostop)
        self._selector.register(self._signals, selectors.EVENT_READ, self._on_signals)

    def _on_signals(self, _: int) -> None:
        numbers = set(read_some(self._signals) or b"")
        if signal.SIGCHLD in numbers:
            self._reap_orphans()
        for number in _STOP_SIGNALS:
            if number in numbers:
                self._happenings.append(Signalled(number))

    # -- what to do ---------------------------------------------------------------------------------------------------

    def _start(self, action: Start) -> None:
        try:
            running = self._start_core(action.child) if action.child.is_core else self._start_worker(action.child)
        except OSError as error:
            self._happenings.append(NotStarted(action.child, error.strerror or str(error), _jitter()))
            return
        self._running[action.child] = running
        self._selector.register(running.process.pidfd, selectors.EVENT_READ, partial(self._on_end, running))
        self._drains.open(running)
        directory = running.place.sockets if running.place else ""
        self._happenings.append(Started(action.child, running.process.pid, directory, running.secret))

    def _start_worker(self, child: Child) -> Running:
        place = self._place.make_generation()
        core_pid = self._core.process.pid if self._core else 0
        try:
            return start_worker(child, self._plan, self._workers[child.label], place, core_pid, self._open_files)
        except OSError:
            self._remove(place)
            raise

    def _start_core(self, child: Child) -> Running:
        self._core = start_core(child, self._plan, self._core_program, self._open_files)
        return self._core

    def _close_stdin(self, action: CloseStdin) -> None:
        if action.child in self._running:
            self._running[action.child].close_stdin()

    def _terminate(self, action: Terminate) -> None:
        if action.child in self._running:
            self._running[action.child].process.terminate()

    def _kill(self, action: Kill) -> None:
        if action.child in self._running:
            self._running[action.child].process.kill()

    def _tell(self, action: Tell) -> None:
        if self._core is None or self._core.wires is None:
            return  # it has ended, and the tree is about to be told
        try:
            self._core.wires.writer.put(encode(action.message))
        except Overflow as error:
            self._happenings.append(Garbled(self._core.child, f"does not read its control pipe: {error}"))

    def _say(self, action: Say) -> None:
        self._journal.say(action)

    def _quit(self, action: Quit) -> None:
        self._code = action.code

    # -- what is written ----------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Offer everyone what waits for them, and have the selector say when they can take the rest."""
        self._journal.flush()
        if self._journal.descriptor is not None:
            self._watch(self._journal.descriptor, self._journal.is_waiting)
        if self._core is None or self._core.wires is None:
            return
        writer = self._core.wires.writer
        try:
            writer.flush()
        except BrokenPipeError:  # it ends, or will be found silent
            self._watch(writer.descriptor, False)
        else:
            self._watch(writer.descriptor, writer.is_waiting)

    def _watch(self, descriptor: int, wanted: bool) -> None:
        registered = descriptor in self._selector.get_map()
        if wanted and not registered:
            self._selector.register(descriptor, selectors.EVENT_WRITE, _nothing)  # the next `_flush` writes
        elif registered and not wanted:
            self._selector.unregister(descriptor)

    # -- ends ---------------------------------------------------------------------------------------------------------

    def _on_end(self, running: Running, _: int = 0) -> None:
        """A process has ended: its group first, while nobody else can have its number; then its last words."""
        if running.child not in self._running or not running.process.has_ended():
            return
        running.process.kill()
        if self._core is not None and self._core is not running:
            self._drains.hear(self._core)
        if running.wires is not None:
            self._watch(running.wires.writer.descriptor, False)
        self._selector.unregister(running.process.pidfd)
        self._drains.close(running)
        code = running.process.reap()
        del self._running[running.child]
        if self._core is running:
            self._core = None
        if running.place is not None:
            self._remove(running.place)
        self._happenings.append(Ended(running.child, code, running.last_lines, _jitter()))
        self._kill_strays()

    def _remove(self, place: GenerationPlace) -> None:
        """Have a dead generation's directories removed; where that cannot be now, the end of the run does it."""
        try:
            self._removers.remove(self._place.put_aside(place))
        except OSError as error:
            self._journal.say(Say("warning", "not_removed", "could not be removed now", {"reason": str(error)}))

    def _reap_orphans(self) -> None:
        """Reap whatever has ended: what workers left behind and what removed their directories."""
        while (pid := _ended_child()) is not None:
            known = next((running for running in self._running.values() if running.process.pid == pid), None)
            if known is not None:
                self._on_end(known)
                continue
            found = os.waitid(os.P_PID, pid, os.WEXITED)
            if pid in self._removers.pids:
                left = self._removers.reaped(pid, found.si_status if found else 1)
                if left is not None and self._code is None:
                    self._journal.say(Say("warning", "not_removed", "could not be removed", {"paths": left}))
        self._kill_strays()

    def _kill_strays(self) -> None:
        """Kill what has left its worker's group and outlived the worker."""
        self._kill_adopted(lambda owner: owner is not None and Child(*owner) not in self._running)

    def _kill_adopted(self, is_to_die: Callable[[tuple[str, int] | None], bool]) -> None:
        known = {running.process.pid for running in self._running.values()} | self._removers.pids
        killed = kill_strays(known, is_to_die)
        if killed:
            fields = {"pids": killed}
            self._journal.say(Say("warning", "strays_killed", "killed what had outlived its worker", fields))

    # -- the end of it all --------------------------------------------------------------------------------------------

    def _clean_up(self) -> None:
        """Leave no process and no directory. Bounded, but for the removing itself."""
        for running in self._running.values():
            running.process.kill()
        self._removers.kill()
        deadline = time.monotonic() + limits.KILL_PATIENCE
        while time.monotonic() < deadline:
            self._reap_orphans()
            self._kill_adopted(lambda _: True)
            if not adopted(()):
                break
            select.select([self._signals], [], [], 0.05)
            read_some(self._signals)
        try:
            remove_tree(self._place.path)
        except OSError as error:
            self._journal.say(Say("warning", "not_removed", "could not be removed", {"reason": str(error)}))
        self._flush_last()

    def _flush_last(self) -> None:
        """What is left of the log, to a reader that may be slow or not read at all."""
        deadline = time.monotonic() + limits.LOG_LAST
        self._journal.flush()
        while self._journal.is_waiting and (left := deadline - time.monotonic()) > 0:
            select.select([], [d for d in (self._journal.descriptor,) if d is not None], [], left)
            self._journal.flush()


def _nothing(*_: object) -> None:
    """A signal's handler, and what a writable descriptor calls: the loop goes round, and that is all."""


def _ended_child() -> int | None:
    """Some child that has ended and is not reaped."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return found.si_pid if found is not None else None


_ACTIONS: dict[type[Action], Callable[[Loop, Any], None]] = {
    Start: Loop._start,
    CloseStdin: Loop._close_stdin,
    Terminate: Loop._terminate,
    Kill: Loop._kill,
    Tell: Loop._tell,
    Say: Loop._say,
    Quit: Loop._quit,
}


def _jitter() -> float:
    """A number in 0 to 1 from the system, for waits that must not fall together. `random` would take 5 ms to load."""
    return int.from_bytes(os.urandom(7)) / 2**56
