"""ProcessPoolExecutor: https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor.

One process, since that is what it is compared with; submit for one, map for many. `chunked` is map with a chunksize,
which its documentation recommends for many items: 64 calls then travel as one, as they do in a batch of ours.
"""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor

from benchmarks.peers.service import Service, payloads
from benchmarks.players.orders import Operations, one_by_one, play

SERVICE = Service()


def main(_: str) -> None:
    with ProcessPoolExecutor(1) as pool:
        submit = pool.submit
        submit(SERVICE.echo, 1).result()
        (server,) = pool._processes  # no public name says which process it is

        def pipeline(count: int, flight: int, chunk: int = 1) -> None:
            """So many at a time: what is submitted is all in flight."""
            for start in range(0, count, flight):
                deque(pool.map(SERVICE.echo, range(start, start + flight), chunksize=chunk), 0)

        one: Operations = {
            "call": one_by_one(lambda number: submit(SERVICE.echo, number).result()),
            "pipeline": pipeline,
            **payloads(
                lambda data: submit(SERVICE.take, data).result(), lambda size: submit(SERVICE.give, size).result()
            ),
        }
        chunked: Operations = {"pipeline": lambda count, flight: pipeline(count, flight, 64)}
        play({"pool": one, "pool-chunked": chunked}, [server])


if __name__ == "__main__":
    main(*sys.argv[1:])
