"""Starting, signalling and reaping one process. Knows no worker's life, no policy and no selector.

The order is what counts. Started: a session of its own, the parent's death, the sandbox, descriptors, signals, exec.
Ended: `ended` looks without reaping, `kill_group` while the number still is that group's, then `reap`.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import attrs

__all__ = ["Launch", "Process", "fork_quietly", "kill_group", "spawn"]

#: Longest message about a failed exec.
_MESSAGE = 4096


@attrs.frozen
class Launch:
    """What to start: `descriptors` become 0, 1 and 2, `kept` keep their numbers, everything else is closed."""

    argv: Sequence[str]
    folder: str
    environment: Mapping[str, str]
    descriptors: tuple[int, int, int]
    kept: tuple[int, ...] = ()
    open_files: tuple[int, int] | None = None  # RLIMIT_NOFILE, if not ours
    prepare: Callable[[int], None] = lambda parent: None  # runs in the child, told the parent's pid


@attrs.define
class Process:
    """A child of ours that runs or waits to be reaped. `close` releases its pidfd, `reap` its number."""

    pid: int
    pidfd: int

    def has_ended(self) -> bool:
        """Whether it has ended, without reaping it: until `reap` its number belongs to nobody else."""
        return os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def terminate(self) -> None:
        """Send SIGTERM to its group; SIGCONT after it, so that a stopped one can act on it."""
        kill_group(self.pid, signal.SIGTERM)
        kill_group(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL to its group."""
        kill_group(self.pid, signal.SIGKILL)

    def reap(self) -> int:
        """Take its end, which must have come: the exit status, or the negative number of a signal."""
        found = os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        os.close(self.pidfd)
        if found is None:
            raise ChildProcessError(f"{self.pid} has not ended")
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def kill_group(pid: int, number: signal.Signals) -> None:
    """Signal the group of a child that is not reaped yet. A group that is gone, or no longer ours, is no error."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return  # nobody left; or only programs that have become another user's (impossible with no_new_privs)


def fork_quietly() -> int:
    """os.fork, but in the child no signal reaches the handlers it has from us: they write to our wake-up pipe.

    In the child all signals are default and unblocked when this returns.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            _default_signals()
            before = set()
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _default_signals() -> None:
    """Python ignores SIGPIPE and children inherit that: `worker | head` would never end."""
    for number in signal.valid_signals():
        if number not in (signal.SIGKILL, signal.SIGSTOP) and signal.getsignal(number) is not signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)


def spawn(launch: Launch) -> Process:
    """Start a process in a session of its own; raises OSError, with what failed as its text.

    Returns when its program runs: exec has closed the pipe on which the child would have said why it could not.
    """
    parent = os.getpid()
    told, tell = os.pipe()
    try:
        pid = fork_quietly()
    except OSError:
        os.close(told)
        os.close(tell)
        raise
    if pid == 0:
        _become(launch, parent, tell)
    os.close(tell)
    with open(told, "rb") as pipe:
        fault = pipe.read(_MESSAGE)
    process = Process(pid, os.pidfd_open(pid))
    if fault:
        process.reap()
        raise OSError(fault.decode("utf-8", "replace"))
    return process


def _become(launch: Launch, parent: int, tell: int) -> NoReturn:
    """In the child: become the program, or say why not and end."""
    try:
        os.setsid()
        launch.prepare(parent)
        _arrange_descriptors(launch, tell)
        if launch.open_files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, launch.open_files)
        os.chdir(launch.folder)
        os.execvpe(launch.argv[0], list(launch.argv), dict(launch.environment))
    except BaseException as error:  # noqa: BLE001 - the parent is told, whatever it was, and this process ends
        reason = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
        os.write(tell, f"{launch.argv[0]}: {reason}".encode()[:_MESSAGE])
    finally:
        os._exit(127)


def _arrange_descriptors(launch: Launch, tell: int) -> None:
    for number, descriptor in enumerate(launch.descriptors):
        os.dup2(descriptor, number)  # all of ours are above 2, so none is overwritten
    for descriptor in launch.kept:
        os.set_inheritable(descriptor, True)
    # Ours close by themselves in exec; those we were given by a shell or a service manager need not.
    stay = {0, 1, 2, tell, *launch.kept}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in stay:
            with contextlib.suppress(OSError):  # the one that listed them is closed already
                os.close(int(name))
