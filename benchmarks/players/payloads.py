"""A worker that gives and takes payloads, some in flight at a time; and in the same process, by turns, its floor.

As `bytes`, as they come by themselves, and as views of the frames, which have no copy in Python.

``python -m benchmarks.players.payloads FOLDER``.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.peers.service import payload
from benchmarks.players import echo
from benchmarks.players.orders import play
from stockade_frontend import connect


def main(folder: str) -> None:
    with connect() as core, echo.floor(f"ipc://{folder}/pyzmq-bulk", "bulk") as (socket, server):
        call, call_view, look = core.call, core.options(view=True).call, core.poll
        bytes_ = payloads(
            look,
            lambda data: call("bench.take", data=data).result,
            lambda size: call("bench.give", size=size).result,
        )
        views = payloads(
            look,
            lambda data: call("bench.take-view", data=data).result,
            lambda size: call_view("bench.give", size=size).result,
        )
        sides = {"stockade": bytes_, "stockade-view": views, "pyzmq": echo.bulk(socket)}
        play(sides, [int(os.environ["STOCKADE_CORE_PID"]), server])


#: Begins a call, and returns what waits for its value.
Begin = Callable[[Any], Callable[[], Any]]


def payloads(look: Callable[[], int], take: Begin, give: Begin) -> dict[str, Callable[[int, int], None]]:
    """The operations `send` and `receive`: so many payloads of one size, there or back."""

    def send(count: int, size: int) -> None:
        data = payload(size)
        for answer in in_flight(lambda: take(data), look, count):
            answer()

    def receive(count: int, size: int) -> None:
        for answer in in_flight(lambda: give(size), look, count):
            if len(answer()) != size:
                raise ValueError("a payload of another size came")
            del answer  # and with it the payload: not one more at a time than the floor has

    return {"send": send, "receive": receive}


def in_flight(
    begin: Callable[[], Callable[[], Any]], look: Callable[[], int], count: int
) -> Iterator[Callable[[], Any]]:
    """What `begin` returns, so many times, in order: each when as many more as may be in flight have begun."""
    begun: deque[Callable[[], Any]] = deque()
    for _ in range(count):
        begun.append(begin())
        look()  # sends it: by itself the stub waits for more to send together
        if len(begun) == echo.FLIGHT:
            yield begun.popleft()
    yield from begun


main(*sys.argv[1:])
