"""Standard error, where all log lines go, as something that can be written without ever blocking.

`stockade run` writes nothing to standard output. Knows no record.

O_NONBLOCK belongs to the open file, which the shell and other programs share with us: set on theirs, it would break
*them*, and they could unset it for us. So a pipe or terminal is opened again by way of /proc, which makes an open file
of our own. Where that is refused (a socket, another user's terminal) each write is preceded by a poll and is no longer
than what a descriptor that polls as writable takes.
"""

from __future__ import annotations

import os
import select
import socket
import stat
from collections.abc import Callable

import attrs

__all__ = ["Terminal", "open_terminal"]


@attrs.frozen
class Terminal:
    """Where log lines go: `write` raises BlockingIOError instead of blocking.

    `descriptor` can be waited for with a selector; None where a write never blocks (a file). `close` it in the end.
    """

    write: Callable[[bytes], int]
    descriptor: int | None
    close: Callable[[], None] = lambda: None


def open_terminal(descriptor: int = 2) -> Terminal:
    """The terminal, pipe, socket or file behind `descriptor`, which stays as it is."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return Terminal(lambda data: os.write(descriptor, data), None)
    if stat.S_ISSOCK(mode):
        return _on_socket(descriptor)
    try:
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return _polled(descriptor)
    return Terminal(lambda data: os.write(own, data), own if _can_be_waited_for(own) else None, lambda: os.close(own))


def _can_be_waited_for(descriptor: int) -> bool:
    """Not /dev/null and its like: epoll refuses them, and a write to them never waits."""
    with select.epoll() as probe:
        try:
            probe.register(descriptor)
        except PermissionError:
            return False
    return True


def _on_socket(descriptor: int) -> Terminal:
    peer = socket.socket(fileno=os.dup(descriptor))
    return Terminal(lambda data: peer.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL), peer.fileno(), peer.close)


def _polled(descriptor: int) -> Terminal:
    """A pipe that polls as writable takes PIPE_BUF bytes at once (pipe(7)); a terminal is as good as that."""
    own = os.dup(descriptor)
    poller = select.poll()
    poller.register(own, select.POLLOUT)

    def write(data: bytes) -> int:
        if not poller.poll(0):
            raise BlockingIOError
        return os.write(own, data[: select.PIPE_BUF])

    return Terminal(write, own, lambda: os.close(own))
