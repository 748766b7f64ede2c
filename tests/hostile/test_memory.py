"""Workers that fill libzmq's buffers, where no limit of the core's reaches: they are found and ended, the others go on.

No ZeroMQ socket says such things, so the worker speaks ZMTP itself (programs/zmtp_puppet.py).
"""

from __future__ import annotations

import os
import signal

import pytest
from applications.application import Application, capability, worker
from applications.processes import PATIENCE, descendants, until
from applications.puppets import Puppet
from watching import resident, serve

COMMANDS = """
from stockade import command

@command("add", inline=True)
def add(a: int, b: int) -> int:
    return a + b

kept = []

@command("keep", inline=True)
def keep(size: int) -> None:
    kept.append(bytearray(b"x") * size)
"""
MIB = 1024 * 1024
#: What the core may grow by before it looks whose doing that is, in MiB.
GROWTH = 64
#: What a flood may make of it meanwhile, in MiB: it is looked at once a second, and the fastest was 700 a second.
MOST = 2000

#: On which connection, and what is sent again and again: nothing of it ever reaches the core's own code, or all too
#: much at once.
FLOODS = {
    "a call of endless frames": ("commands", "frame(b'', MORE)"),
    "an emit of endless frames": ("emits", "frame(b'', MORE)"),
    "a subscription of endless frames": ("events", "frame(b'', MORE)"),
    "the same subscription again and again": ("events", "frame(b'\\x01a/x|')"),
    "a subscription taken back again and again": ("events", "frame(b'\\x01a/x|') + frame(b'\\x00a/x|')"),
}


@pytest.fixture
def system(application) -> Application:
    """Two bystanders, and a rogue that is not started again."""
    application.configure(
        worker("bystander", capabilities=["all"]),
        worker("other", capabilities=["all"]),
        worker("rogue", "zmtp_puppet.py", capabilities=["all"], restart="never"),
        capability("all", commands=["**"], events={"listen": ["a/**", "core:worker/exited"]}),
        commands=COMMANDS,
        core={"memory": GROWTH * MIB},
    )
    application.start()
    application.ready("bystander", "other")
    return application


def greeted(system: Application) -> Puppet:
    """The rogue, which has done nothing yet."""
    rogue = system.puppet("rogue")
    assert rogue.do("greet()")[0][0] == "welcome"
    return rogue


@pytest.mark.parametrize(("where", "piece"), FLOODS.values(), ids=FLOODS.keys())
def test_who_floods_the_buffers_is_ended_and_nobody_else(system, where, piece) -> None:
    """The core survives, names the one who did it, and has its memory back; the others are served as before."""
    bystander = system.puppet("bystander")
    bystander.do("core.listen('core:worker/exited', lambda event: ended.append(event.payload))", ended=[])
    before = resident(system.core())
    greeted(system).begin(f"flood({where}, {piece})")
    breach = system.log.wait(event="breach", worker="rogue@1")
    assert breach["code"] == "too_much_memory"
    assert resident(system.core()) < MOST
    exited = system.log.wait(event="worker_exited", worker="rogue")
    assert (exited["code"], exited["reason"].split(":")[0]) == (-9, "breach too_much_memory")
    bystander.do("while not ended: core.poll(0.1)")
    assert bystander.do("ended[0]['breach']") == "too_much_memory"
    until(
        lambda: resident(system.core()) < before + GROWTH,
        lambda: f"{resident(system.core()):.0f} MiB are as few as {before:.0f}",
    )
    for label in ("bystander", "other"):
        serve(system, label=label)
    assert not system.log.find(event="worker_exited", worker="other")


def test_a_flood_from_a_session_of_its_own_is_found_too(application) -> None:
    """A sandbox puts what it starts into another session: who is stopped is who has bound the sockets."""
    application.write(
        "sandbox.py",
        "import subprocess, sys\n"
        "sys.exit(subprocess.call([sys.executable, 'zmtp_puppet.py'], start_new_session=True))\n",
    )
    application.configure(
        worker("bystander", capabilities=["all"]),
        worker("rogue", "sandbox.py", restart="never"),
        capability("all", commands=["*"]),
        commands=COMMANDS,
        core={"memory": GROWTH * MIB},
    )
    application.start()
    greeted(application).begin("flood(commands, frame(b'', MORE))")
    assert application.log.wait(event="breach", worker="rogue@1")["code"] == "too_much_memory"
    serve(application)


def test_what_a_command_keeps_is_nobodys_fault(system) -> None:
    """All workers are stopped and let go, nobody is accused, and the log says so."""
    bystander = system.puppet("bystander")
    bystander.do("core.invoke('keep', size=size)", size=2 * GROWTH * MIB)
    system.log.wait(event="memory_alarm")
    system.log.wait(event="memory_unexplained")
    for label in ("bystander", "other"):
        serve(system, label=label)
    assert not system.log.find(event="breach")
    until(lambda: "T" not in {each.state for each in descendants(system.supervisor)}, "nobody is stopped")


def test_who_has_left_and_floods_is_ended_all_the_same(system) -> None:
    """Between its bye and its end nothing that it says is heard; what it sends is buffered."""
    rogue = greeted(system)
    rogue.do("commands.sendall(frame(cbor2.dumps([['bye', {'emitted': 0}]]))); read(commands)")
    rogue.begin("flood(emits, frame(b'', MORE))")
    system.log.wait(event="breach", worker="rogue@1", code="too_much_memory")
    system.log.wait(event="worker_exited", worker="rogue")
    serve(system)


def test_a_system_stops_while_it_searches(system) -> None:
    """Whoever is stopped by then is ended like all others."""
    greeted(system).begin("flood(commands, frame(b'', MORE))")
    system.log.wait(event="memory_alarm")
    os.kill(system.supervisor, signal.SIGTERM)
    assert system.wait(PATIENCE) == 0
