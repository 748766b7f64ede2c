"""Writing where somebody else reads, without ever blocking and without changing what is theirs."""

from __future__ import annotations

import os
import pty
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from stockade.supervisor import terminal as under_test
from stockade.supervisor.terminal import Terminal, open_terminal


def fill(terminal: Terminal) -> int:
    """Write until it would block; how many bytes that took."""
    written = 0
    while True:
        try:
            written += terminal.write(b"x" * 1000)
        except BlockingIOError:
            return written


def a_pipe() -> tuple[int, int]:
    return os.pipe()


def a_socket() -> tuple[int, int]:
    near, far = socket.socketpair()
    return near.detach(), far.detach()


@pytest.mark.parametrize("make", [a_pipe, a_socket, pty.openpty])
@pytest.mark.timeout(20)
def test_full_one_is_refused_not_waited_for(make: Callable[[], tuple[int, int]]) -> None:
    """A pipe, a socket and a terminal that nobody reads; their own flags stay as they were."""
    reader, writer = make()
    terminal = open_terminal(writer)
    assert fill(terminal) > 1000
    assert os.get_blocking(writer)
    assert terminal.descriptor not in (None, writer)
    terminal.close()
    os.close(reader)
    os.close(writer)


@pytest.mark.timeout(20)
def test_one_that_cannot_be_opened_again_is_polled_before_each_write() -> None:
    """Another user's terminal: no open file of our own, and yet no write that blocks."""
    reader, writer = os.pipe()
    terminal = under_test._polled(writer)
    assert fill(terminal) >= 4096
    terminal.close()
    assert os.get_blocking(writer)
    os.close(reader)
    os.close(writer)


def test_file_and_null_device_need_no_waiting(tmp_path: Path) -> None:
    """A selector could not wait for them, and need not."""
    with open(tmp_path / "log", "wb") as file, open("/dev/null", "wb") as null:
        assert open_terminal(file.fileno()).descriptor is None
        device = open_terminal(null.fileno())
        assert device.descriptor is None
        device.close()
        open_terminal(file.fileno()).write(b"line\n")
    assert (tmp_path / "log").read_bytes() == b"line\n"


def test_reader_that_is_gone_is_an_error_not_a_signal() -> None:
    """SIGPIPE is ignored in the supervisor: the write says so instead."""
    reader, writer = a_socket()
    os.close(reader)
    terminal = open_terminal(writer)
    with pytest.raises(BrokenPipeError):
        terminal.write(b"x")
    terminal.close()
    os.close(writer)
