"""The player's end of the conductor's orders: one line of words in, one block of work, one line of JSON out.

Standard library alone: a worker that is measured imports this beside the stub. Knows no benchmark.
"""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import perf_counter_ns
from typing import Any, NamedTuple

__all__ = ["Operations", "Order", "Orders", "one_by_one", "play"]

#: What a side can do, by name: a function of integers. It returns how long each of its parts took, in nanoseconds, or
#: any other count that its benchmark knows; or None. In `Orders` it may be a coroutine function.
Operations = Mapping[str, Callable[..., Any]]


class Order(NamedTuple):
    """What is to be done, by which side, and how much of it. `answer` it when it has been done."""

    side: str
    operation: str
    numbers: tuple[int, ...]
    answer: Callable[[int, Sequence[int] | None], None]


class Orders:
    """The connection to the conductor. Iterate over it, and `answer` each order; it ends when there are no more.

    `sides` are those that this program plays, each with the names of its operations; `servers` the processes that do
    the other half of the work; `pid` is the process that does it, if that is not this one.
    """

    def __init__(self, sides: Mapping[str, Iterable[str]], servers: Sequence[int] = (), pid: int | None = None) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(os.environ["BENCHMARK_CONDUCTOR"])
        self._lines = self._connection.makefile("rb")
        able = {side: list(operations) for side, operations in sides.items()}
        self._say(pid=pid or os.getpid(), sides=able, servers=list(servers))

    def __iter__(self) -> Iterator[Order]:
        for line in self._lines:
            side, operation, *numbers = line.decode().split()
            yield Order(side, operation, tuple(map(int, numbers)), self._answer)

    def wait(self, seconds: float) -> bool:
        """Wait for the next order, so long at most: whether it is there. What goes on without end ends then."""
        return bool(select.select([self._connection], [], [], seconds)[0])

    def _answer(self, began: int, each: Sequence[int] | None) -> None:
        """It began then, on `perf_counter_ns`, and ends now."""
        self._say(began=began, ended=perf_counter_ns(), each=each or ())

    def took(self, nanoseconds: int, each: Sequence[int]) -> None:
        """Answer the last order for somebody else, whose clock it was."""
        self._say(began=0, ended=nanoseconds, each=each)

    def _say(self, **values: Any) -> None:
        self._connection.sendall(json.dumps(values).encode() + b"\n")


def play(sides: Mapping[str, Operations], servers: Sequence[int] = ()) -> None:
    """Carry out orders until there are no more. `servers` are the processes that do the other half of the work."""
    for order in Orders(sides, servers):
        run = sides[order.side][order.operation]
        began = perf_counter_ns()
        each = run(*order.numbers)
        order.answer(began, each)


def one_by_one(call: Callable[[int], Any]) -> Callable[[int], list[int]]:
    """The operation `call`: so many calls, each when the last has been answered; nanoseconds of each."""

    def run(count: int) -> list[int]:
        clock, each = perf_counter_ns, []
        for number in range(1000, 1000 + count):
            began = clock()
            call(number)
            each.append(clock() - began)
        return each

    return run
