"""One socket read in bounded turns, with real sockets and a real loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import attrs
import pytest
import zmq

from stockade.core.turns import Turns
from stockade.limits import TURN_MESSAGES

Socket = zmq.Socket[bytes]


@attrs.define
class Scene:
    """A socket that is read, its peer, and what has happened: each message, and "after" in between."""

    socket: Socket
    peer: Socket
    happened: list[str] = attrs.field(factory=list)
    sends: int = 0  # how often `after` is to answer the peer

    def turns(self, spin: float = 0.0) -> Turns:
        return Turns(asyncio.get_running_loop(), self.socket, self.take, self.after, spin)

    def take(self) -> None:
        self.happened.append(self.socket.recv(zmq.DONTWAIT).decode())

    def after(self) -> bool:
        self.happened.append("after")
        if not self.sends:
            return False
        self.sends -= 1
        self.socket.send(b"answer", zmq.DONTWAIT)
        return True

    def give(self, *messages: str) -> None:
        for message in messages:
            self.peer.send(message.encode())


@pytest.fixture
def scene() -> Iterator[Scene]:
    context: zmq.Context[Socket] = zmq.Context()
    socket, peer = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    socket.linger = peer.linger = 0
    peer.bind("inproc://turns")
    socket.connect("inproc://turns")
    yield Scene(socket, peer)
    socket.close()
    peer.close()
    context.term()


def run(what: Coroutine[Any, Any, None]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(10):
            await what

    asyncio.run(in_time())


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until it holds; the time-out of `run` is the deadline."""
    while not condition():  # noqa: ASYNC110 (what it waits for is a loop that knows no event)
        await asyncio.sleep(0.001)


async def rounds(count: int = 20) -> None:
    """Let the loop go round: whatever it was to do at once is done."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_was_there_before_is_read(scene: Scene) -> None:
    """The descriptor has no edge for messages that came before it was watched."""

    async def play() -> None:
        scene.give("one")
        turns = scene.turns()
        await until(lambda: "one" in scene.happened)
        turns.close()

    run(play())


def test_the_first_message_is_answered_before_the_next_is_read(scene: Scene) -> None:
    """Whoever sends one message and waits has its answer at once; those behind it share the turn's end."""

    async def play() -> None:
        scene.give("one", "two", "three")
        turns = scene.turns()
        await until(lambda: "three" in scene.happened)
        assert scene.happened[:5] == ["one", "after", "two", "three", "after"]
        turns.close()

    run(play())


def test_a_turn_ends_after_its_bound_and_goes_on_in_the_next_round(scene: Scene) -> None:
    """What else the loop has to do comes between two turns."""

    async def play() -> None:
        scene.give(*(["message"] * (3 * TURN_MESSAGES)))
        turns = scene.turns()
        seen: list[int] = []
        while scene.happened.count("message") < 3 * TURN_MESSAGES:
            await asyncio.sleep(0)
            seen.append(scene.happened.count("message"))
        assert max(later - sooner for sooner, later in zip([0, *seen], seen, strict=False)) <= TURN_MESSAGES
        turns.close()

    run(play())


def test_after_is_called_where_there_was_nothing_to_read(scene: Scene) -> None:
    """A wake-up may mean that there is room to send."""

    async def play() -> None:
        turns = scene.turns()
        await rounds()
        assert scene.happened == ["after"]
        turns.close()

    run(play())


def test_the_socket_is_asked_again_when_after_has_sent(scene: Scene) -> None:
    """Sending may take the wake-up of a message that came meanwhile."""

    async def play() -> None:
        turns = scene.turns()
        await rounds()
        scene.happened.clear()
        scene.sends = 2
        turns.look()
        await rounds()
        assert scene.happened == ["after"] * 3
        turns.close()

    run(play())


def test_a_pause_leaves_messages_where_they_are(scene: Scene) -> None:
    """They are read when it ends, without another message to wake anybody."""

    async def play() -> None:
        turns = scene.turns()
        turns.pause()
        scene.give("one")
        await until(lambda: scene.happened.count("after") >= 1)
        await rounds()
        assert "one" not in scene.happened
        turns.resume()
        await until(lambda: "one" in scene.happened)
        turns.close()

    run(play())


def test_nothing_is_called_once_it_is_closed(scene: Scene) -> None:
    """Not even behind the message in which it was closed."""

    async def play() -> None:
        turns = scene.turns()
        take = scene.take

        def take_and_close() -> None:
            take()
            turns.close()

        turns._take = take_and_close
        await rounds()
        scene.happened.clear()
        scene.give("one", "two")
        await until(lambda: bool(scene.happened))
        await rounds()
        assert scene.happened == ["one"]

    run(play())


def test_it_looks_for_the_next_message_without_a_wake_up_while_it_spins(scene: Scene) -> None:
    """Also where the descriptor would not tell; and every other callback of the loop has its turn meanwhile."""

    async def play() -> None:
        turns = scene.turns(spin=60.0)
        scene.give("one")
        await until(lambda: "one" in scene.happened)
        asyncio.get_running_loop().remove_reader(scene.socket.fileno())
        scene.give("two")
        await until(lambda: "two" in scene.happened)
        turns.close()

    run(play())
    assert [each for each in scene.happened if each != "after"] == ["one", "two"]


def test_it_sleeps_once_it_has_spun_for_long_enough(scene: Scene) -> None:
    """A loop with nothing else to do is asked for no further round."""

    async def play() -> None:
        turns = scene.turns(spin=1e-9)
        scene.give("one")
        await until(lambda: "one" in scene.happened)
        await rounds()
        asyncio.get_running_loop().remove_reader(scene.socket.fileno())
        scene.give("two")
        await rounds()
        turns.close()

    run(play())
    assert [each for each in scene.happened if each != "after"] == ["one"]
