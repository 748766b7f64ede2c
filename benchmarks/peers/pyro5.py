"""Pyro5 over a unix socket: https://pyro5.readthedocs.io/en/latest/tipstricks.html.

Its serializer `marshal` is the fastest that it has. It has no asynchronous calls; many at once are a batch
(https://pyro5.readthedocs.io/en/latest/clientcode.html#batched-calls), sent and answered as one message, and these it
cannot write with `marshal` (release 5.17 fails): msgpack is the next fastest.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import Pyro5.api

from benchmarks.peers.service import Service, payloads, served, stream
from benchmarks.players.orders import one_by_one, play

Pyro5.api.config.SERIALIZER = "marshal"


def main(folder: str) -> None:
    with served(__spec__.name, folder) as (path, server), Pyro5.api.Proxy(f"PYRO:service@./u:{path}") as service:
        batching = Pyro5.api.Proxy(f"PYRO:service@./u:{path}")
        batching._pyroSerializer = "msgpack"

        def pipeline(count: int, flight: int) -> None:
            for start in range(0, count, flight):
                batch: Any = Pyro5.api.BatchProxy(batching)
                for number in range(start, start + flight):
                    batch.echo(number)
                deque(batch(), 0)

        play(
            {
                "pyro5": {
                    "call": one_by_one(service.echo),
                    "pipeline": pipeline,
                    "stream": stream(service.items),
                    **payloads(service.take, service.give),
                }
            },
            [server],
        )


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        with Pyro5.api.Daemon(unixsocket=sys.argv[2]) as daemon:
            daemon.register(Pyro5.api.expose(Service)(), "service")
            daemon.requestLoop()
    else:
        main(*sys.argv[1:])
