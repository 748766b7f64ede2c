"""Other processes of the same user at a worker's sockets: nobody is impersonated, and nothing is told to a stranger.

What they can do, and this says so, is to keep a worker from starting (docs/threats.md).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq
from applications.application import Application, capability, worker
from applications.processes import until
from applications.puppets import Gone

COMMANDS = """
import ctypes
from stockade import command

@command("add", inline=True)
def add(a: int, b: int) -> int:
    return a + b

@command("dumpable", inline=True)
def dumpable() -> int:
    return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
"""

#: Binds when it is told to. What it was given it writes where a stranger of the same user could find it as well.
LATE = """
import os, pathlib, sys, time
import puppet_strings
from stockade_frontend import connect

pathlib.Path(f"place-{os.environ['STOCKADE_GENERATION']}").write_text(os.environ["STOCKADE_SOCKETS"])
while not pathlib.Path("go").exists():
    time.sleep(0.005)
import puppet
"""


@pytest.fixture
def system(application) -> Application:
    """A victim with our stub that binds late, and a bystander."""
    application.write("late.py", LATE)
    application.configure(
        worker("victim", "late.py", capabilities=["all"]),
        worker("bystander", capabilities=["all"]),
        capability("all", commands=["*"]),
        commands=COMMANDS,
    )
    application.start()
    application.ready("bystander")
    return application


@pytest.fixture
def socket_of() -> Iterator[Callable[..., zmq.Socket[bytes]]]:
    """Makes sockets in this process, which is a stranger: neither worker nor core."""
    with zmq.Context() as context, ExitStack() as stack:

        def make(kind: int, user: bytes | None = None, secret: bytes = b"0" * 64) -> zmq.Socket[bytes]:
            socket = stack.enter_context(context.socket(kind))
            socket.linger = 0
            if user is not None:
                socket.plain_username, socket.plain_password = user, secret
            return socket

        yield make


def place(system: Application, generation: int = 1) -> str:
    """Where a generation of the victim is to bind, as any process of this user can list it."""
    path = system.folder / f"place-{generation}"
    until(path.exists, "the victim has started")
    return until(path.read_text, "and has written its place")


def works(system: Application, generation: int) -> bool:
    """Whether the victim's generation calls, and the bystander does."""
    answers = [
        system.puppet(label, number).do("core.invoke('add', a=1, b=2)")
        for label, number in (("victim", generation), ("bystander", 1))
    ]
    return answers == [3, 3]


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "no-authentication"])
def test_a_stranger_that_binds_first_is_refused_and_ends_the_victims_start(system, socket_of, plain) -> None:
    """It holds the right path, but not the secret: the core says nothing to it. The next generation starts."""
    sockets = place(system)
    strangers = []
    for name, kind in (("commands", zmq.DEALER), ("events", zmq.SUB), ("emits", zmq.XPUB)):
        stranger = socket_of(kind, b"victim@1" if plain else None)
        stranger.bind(f"{sockets}/{name}")
        strangers.append(stranger)
    breach = system.log.wait(event="breach", worker="victim@1")
    assert breach["code"] == "authentication"
    system.write("go", "")
    assert works(system, 2)
    assert not any(socket.poll(0) for socket in strangers)


def test_a_stranger_with_the_secret_is_refused_for_its_process(application, socket_of) -> None:
    """Name and secret are right, but the kernel attests another process."""
    application.configure(worker("victim", "raw_puppet.py"))
    application.start()
    victim = application.puppet("victim")
    sockets, secret = victim.do("os.environ['STOCKADE_SOCKETS']"), victim.do("SECRET")
    stranger = socket_of(zmq.DEALER, b"victim@1", secret)
    stranger.bind(f"{sockets}/commands")
    breach = application.log.wait(event="breach", worker="victim@1")
    assert breach["code"] == "authentication"
    assert f"bound by process {os.getpid()}" in breach["message"]
    assert not stranger.poll(0)
    assert application.puppet("victim", 2).do("greet()")["generation"] == 2


def test_a_descendant_of_the_worker_is_the_worker(application) -> None:
    """Wrappers and sandboxes fork: whoever descends from the spawned process and has the secret is let in."""
    application.write(
        "wrapper.py", "import subprocess, sys\nsys.exit(subprocess.call([sys.executable, 'puppet.py']))\n"
    )
    application.configure(worker("wrapped", "wrapper.py"))
    application.start()
    application.ready("wrapped")
    wrapped = application.puppet("wrapped")
    assert wrapped.pid != application.pid("wrapped")
    assert wrapped.do("core.ping() > 0")
    assert application.stop() == 0
    assert application.log.wait(event="worker_exited", worker="wrapped")["left"]


def test_a_stranger_that_takes_the_path_later_gets_nothing(system, socket_of) -> None:
    """The core connects once: a path that is stolen afterwards leads nobody anywhere."""
    sockets = place(system)
    system.write("go", "")
    system.ready("victim")
    stranger = socket_of(zmq.DEALER, b"victim@1")
    stranger.bind(f"{sockets}/commands")
    assert works(system, 1)
    assert not stranger.poll(50)


def test_a_stranger_that_connects_is_turned_away_by_the_stub(system, socket_of) -> None:
    """Our stub lets in the core's process alone, so that nobody else gets its secret or plays the core."""
    sockets = place(system)
    system.write("go", "")
    system.ready("victim")
    stranger, monitor = socket_of(zmq.ROUTER), socket_of(zmq.PAIR)
    stranger.plain_server = True
    stranger.reconnect_ivl = -1
    stranger.monitor("inproc://monitor", zmq.Event.HANDSHAKE_SUCCEEDED | zmq.Event.DISCONNECTED)
    monitor.connect("inproc://monitor")
    stranger.connect(f"{sockets}/commands")
    assert monitor.poll(20_000)
    assert int.from_bytes(monitor.recv_multipart()[0][:2], "little") == zmq.Event.DISCONNECTED
    assert works(system, 1)


def test_a_socket_that_is_a_link_to_another_workers_is_not_followed(application) -> None:
    """The core looks for sockets in the directory of this generation, not for links out of it."""
    application.configure(
        worker("bystander"), worker("rogue", "raw_puppet.py", start_limit=0.5, restart_limit={"times": 0})
    )
    application.start()
    application.ready("bystander")
    [bound] = application.runtime.glob("*/*/commands")
    application.puppet("rogue").do(
        "os.symlink(bound, os.environ['STOCKADE_SOCKETS'][6:] + '/commands')", bound=str(bound)
    )
    given_up = application.log.wait(event="worker_given_up", worker="rogue")
    assert "never said hello" in given_up["reason"]
    assert application.puppet("bystander").do("core.ping() > 0")


def test_secrets_stand_nowhere_but_in_the_pipe(system) -> None:
    """Neither in the arguments nor in the environment of a worker, nor in the log; each generation has its own."""
    system.write("go", "")
    system.ready("victim")
    for label in ("victim", "bystander"):
        environment = system.puppet(label).do("import os, sys; [*os.environ.values(), *sys.argv]")
        assert not any(len(word) == 64 and set(word) <= set("0123456789abcdef") for word in environment)
    modes = {
        path.stat().st_mode & 0o777 for path in (system.runtime / system.directories()[0]).rglob("*") if path.is_dir()
    }
    assert modes == {0o700}


def test_core_and_workers_keep_their_memory_to_themselves(system) -> None:
    """They are not dumpable (prctl(2)): a sibling of the same user can open neither their memory nor their files."""
    system.write("go", "")
    system.ready("victim")
    assert system.puppet("victim").do("import ctypes; ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)") == 0
    assert system.puppet("bystander").do("core.invoke('dumpable')") == 0
    if os.geteuid() != 0:  # from outside it is seen in whose these files are
        assert Path(f"/proc/{system.supervisor}/environ").stat().st_uid == 0


def test_a_generation_that_is_gone_cannot_speak_any_more(application) -> None:
    """Its child has inherited the sockets' files, and the directory has gone with the generation."""
    application.configure(worker("victim", "raw_puppet.py"))
    application.start()
    victim = application.puppet("victim")
    victim.do("greet()")
    before = victim.do("os.environ['STOCKADE_SOCKETS']")
    os.kill(victim.pid, signal.SIGKILL)
    with pytest.raises(Gone):
        victim.answer()
    successor = application.puppet("victim", 2)
    assert successor.do("os.environ['STOCKADE_SOCKETS']") != before
    until(lambda: not Path(before.removeprefix("ipc://")).exists(), "the old directory has gone")
    assert successor.do("greet()")["generation"] == 2
