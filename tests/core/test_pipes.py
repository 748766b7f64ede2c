"""The core's end of the control pipes, with real pipes: nothing that was said is lost, whoever reads it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import threading
from collections.abc import Iterator

import pytest

from stockade.control import Configure, ControlError, Exited, Message, Ping, Spawned, encode
from stockade.core.lifeline import vigil
from stockade.core.pipes import ControlPipes, Incoming

PATIENCE = 20
CONFIGURE = Configure({}, "/run", "json", "info", False, ())


def spawned(label: str, generation: int, pid: int) -> Spawned:
    return Spawned(label, generation, pid, "/nowhere", "secret")


class Supervisor:
    """The other end."""

    def __init__(self) -> None:
        self.told, self.tells = os.pipe()
        self.heard, self.says = os.pipe()
        self.incoming = Incoming(self.told)
        self._gone = False

    def say(self, *messages: Message) -> None:
        os.write(self.tells, b"".join(map(encode, messages)))

    def go(self) -> None:
        if not self._gone:
            os.close(self.tells)
        self._gone = True

    def close(self) -> None:
        self.go()
        for descriptor in (self.told, self.heard, self.says):
            os.close(descriptor)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    made = Supervisor()
    yield made
    made.close()


def test_message_that_cannot_be_handled_takes_no_other_along(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged with its worker; those that came with it in one read are handled."""
    handled: list[Message] = []

    def receive(message: Message) -> None:
        if isinstance(message, Spawned) and message.label == "unlucky":
            raise OSError(errno.EMFILE, "no descriptor is free")
        handled.append(message)

    async def main() -> None:
        ended = asyncio.Event()
        pipes = ControlPipes(asyncio.get_running_loop(), supervisor.incoming, supervisor.says, receive, ended.set)
        lucky = spawned("lucky", 1, 3)
        supervisor.say(Ping(2), spawned("unlucky", 2, 4), lucky, Ping(3))
        supervisor.go()
        pipes.open([Ping(0), spawned("unlucky", 1, 2), Ping(1)])
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
        assert handled == [Ping(0), Ping(1), Ping(2), lucky, Ping(3)]

    asyncio.run(main())
    assert [(each.levelno, vars(each)["fields"]) for each in caplog.records] == [
        (logging.CRITICAL, {"message": "Spawned", "worker": "unlucky"})
    ] * 2


def test_first_line_says_what_to_run(supervisor: Supervisor) -> None:
    """With what came behind it; anything else first is no supervisor."""
    supervisor.say(CONFIGURE, Ping(1))
    assert supervisor.incoming.first() == (CONFIGURE, [Ping(1)])
    supervisor.say(Ping(2))
    with pytest.raises(ControlError, match="the first line is a Ping"):
        supervisor.incoming.first()
    supervisor.go()
    with pytest.raises(EOFError):
        supervisor.incoming.first()


@pytest.mark.parametrize("last", [b"", b'["Spawned", {"lab'])
def test_who_takes_over_learns_of_all_that_live(supervisor: Supervisor, last: bytes) -> None:
    """What was read and never handled counts, what stands in the pipe too, and those that have ended do not."""
    supervisor.say(CONFIGURE, spawned("a", 1, 11), spawned("b", 1, 12))
    supervisor.incoming.first()
    supervisor.say(Exited("a", 1, 0, "exit status 0", None))
    supervisor.incoming.read()
    supervisor.say(spawned("a", 2, 21), spawned("c", 1, 13), Exited("b", 1, 0, "exit status 0", None))
    os.write(supervisor.tells, last)
    supervisor.go()
    assert sorted(supervisor.incoming.take_over()) == [13, 21]


def test_who_takes_over_is_not_kept_from_it_by_a_line_that_is_none(supervisor: Supervisor) -> None:
    """What was known before is what there is to go by."""
    supervisor.say(CONFIGURE, spawned("a", 1, 11))
    supervisor.incoming.first()
    os.write(supervisor.tells, b"no control line\n")
    supervisor.go()
    assert supervisor.incoming.take_over() == [11]


def test_vigil_ends_when_the_other_end_is_closed_and_not_before(supervisor: Supervisor) -> None:
    """It takes nothing out of the pipe, and sleeps for as long as the pipe is open, full or not."""
    ended = threading.Event()
    vigil(supervisor.told, ended.set)
    [watch] = [each for each in threading.enumerate() if each.name == "stockade-vigil"]
    os.set_blocking(supervisor.tells, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            supervisor.say(Ping(1))
    assert supervisor.incoming.read()[0] == Ping(1)
    switches = _switches(watch)
    assert not ended.wait(0.3)
    assert _switches(watch) == switches
    supervisor.go()
    assert ended.wait(PATIENCE)
    watch.join(PATIENCE)


def _switches(thread: threading.Thread) -> list[str]:
    """How often the kernel has run it, on its word or not."""
    with open(f"/proc/self/task/{thread.native_id}/status") as file:
        return [line for line in file if "ctxt_switches" in line]
