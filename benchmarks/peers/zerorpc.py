"""zerorpc over ipc: https://www.zerorpc.io (it has no more documentation than its examples).

Without heartbeat, which would only cost. `async=True` has many in flight, `@zerorpc.stream` streams.
"""

from __future__ import annotations

import logging
import sys

import zerorpc

from benchmarks.peers.service import Service, payloads, served, stream
from benchmarks.players.orders import one_by_one, play


class Served(Service):
    """The service; what is a generator must be marked as a stream."""

    items = zerorpc.stream(Service.items)


def main(folder: str) -> None:
    with served(__spec__.name, folder) as (path, server):
        # While another has its turn nobody is here to answer a heartbeat.
        client = zerorpc.Client(f"ipc://{path}", heartbeat=None, timeout=300)

        def pipeline(count: int, flight: int) -> None:
            for start in range(0, count, flight):
                for result in [client("echo", n, **{"async": True}) for n in range(start, start + flight)]:
                    result.get()

        play(
            {
                "zerorpc": {
                    "call": one_by_one(client.echo),
                    "pipeline": pipeline,
                    "stream": stream(client.items),
                    **payloads(client.take, client.give),
                }
            },
            [server],
        )


if __name__ == "__main__":
    logging.getLogger("zerorpc").setLevel(
        logging.CRITICAL
    )  # at each stream's end it says that it cannot route an event
    if sys.argv[1] == "serve":
        server = zerorpc.Server(Served(), heartbeat=None)
        server.bind(f"ipc://{sys.argv[2]}")
        server.run()
    else:
        main(*sys.argv[1:])
