"""Programs that play, and the conductor that has them play by turns."""

from __future__ import annotations

import os
import select

import pytest

from benchmarks import native, peers
from benchmarks.conductor import Conductor
from benchmarks.loads import load
from benchmarks.system import SystemFailed

needs_a_compiler = pytest.mark.skipif(native.missing() is not None, reason=str(native.missing()))


def test_a_block_has_its_time_and_its_parts() -> None:
    """The time of a block is that of all its parts at least, and the two processes have both worked for it."""
    with Conductor() as conductor:
        side = conductor.start("benchmarks.players.socketpair")
        block = side.play("call", 50)
    assert len(block.each) == 50
    assert block.seconds * 1e9 >= sum(block.each)
    assert block.client.cpu > 0
    assert block.server.cpu > 0


def test_a_program_that_ends_is_said_at_once() -> None:
    """Who waits for a program that has failed is told so, and does not wait for long."""
    with Conductor() as conductor:
        conductor.program("benchmarks.players.nothing")
        with pytest.raises(SystemFailed, match="has ended with 1"):
            conductor.sides()


def test_what_was_started_ends_with_the_conductor() -> None:
    """No program that was measured is left behind, nor what it has started."""
    with Conductor() as conductor:
        side = conductor.start("benchmarks.players.socketpair")
        pids = {player.pid for player in side.players} | side.servers
        ends = [os.pidfd_open(pid) for pid in pids]
    for end in ends:
        assert select.select([end], [], [], 20.0)[0], "it has not ended"
        os.close(end)
    assert len(pids) == 2


@needs_a_compiler
@pytest.mark.timeout(60)
def test_workers_in_c_speak_the_protocol() -> None:
    """Eleven workers, of which load processes play one or two each, are answered by a real core, and refused."""
    with Conductor() as conductor:
        _, sides = load(conductor, "several", 11)
        side = sides["several"]
        assert len(side.players) == 8
        assert sum(side.play("call", "bench.echo", 300, 16).each) == 0  # errors
        assert sum(side.play("call", "bench.denied", 300, 16).each) == 8 * 300


@needs_a_compiler
@pytest.mark.timeout(60)
def test_listeners_in_c_get_every_event() -> None:
    """A burst of events that the core emits reaches each of three listeners: the block ends only then."""
    with Conductor() as conductor:
        _, sides = load(conductor, "three", 3, processes=1)
        sides["three"].play("listen")
        assert sides["three"].play("events", 100, 2).seconds > 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", peers.PEERS)
def test_each_peer_does_what_it_says(name: str) -> None:
    """A peer that is installed carries out each of its operations; one that is not says what to install."""
    missing = peers.PEERS[name].missing
    if missing:
        assert "not installed" in missing or "no `node`" in missing
        return
    numbers = {"call": (20,), "pipeline": (512, 256), "send": (2, 4096), "receive": (2, 4096), "stream": (100,)}
    with Conductor() as conductor:
        conductor.program(*peers.PEERS[name].argv, str(conductor.folder))
        for side in conductor.sides().values():
            for operation in side.operations:
                block = side.play(operation, *numbers[operation])
                assert len(block.each) == (20 if operation == "call" else 0)
