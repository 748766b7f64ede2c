"""RPyC over a unix socket: https://rpyc.readthedocs.io/en/latest/tutorial/tut5.html (asynchronous operation).

The references to the functions are kept, so that a call is one request; `async_` has many in flight.
"""

from __future__ import annotations

import sys
from typing import Any

import rpyc
from rpyc.utils.factory import unix_connect
from rpyc.utils.server import ThreadedServer

from benchmarks.peers.service import Service, payloads, served, stream
from benchmarks.players.orders import one_by_one, play

SERVICE = Service()


class Served(rpyc.Service):  # type: ignore[misc]  # it has no types
    """The service, under the names that RPyC shows."""

    exposed_echo = staticmethod(SERVICE.echo)
    exposed_take = staticmethod(SERVICE.take)
    exposed_give = staticmethod(SERVICE.give)
    exposed_items = staticmethod(SERVICE.items)


def main(folder: str) -> None:
    with served(__spec__.name, folder) as (path, server):
        root: Any = unix_connect(path).root
        echo, take, give = root.echo, root.take, root.give
        begin = rpyc.async_(echo)

        def pipeline(count: int, flight: int) -> None:
            for start in range(0, count, flight):
                for result in [begin(number) for number in range(start, start + flight)]:
                    result.wait()

        one_call, items = one_by_one(echo), stream(root.items)
        play({"rpyc": {"call": one_call, "pipeline": pipeline, "stream": items, **payloads(take, give)}}, [server])


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        ThreadedServer(Served(), socket_path=sys.argv[2], protocol_config={"sync_request_timeout": None}).start()
    else:
        main(*sys.argv[1:])
