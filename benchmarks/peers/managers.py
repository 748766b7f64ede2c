"""multiprocessing.managers: https://docs.python.org/3/library/multiprocessing.html#managers.

A manager at a unix socket (the default on Linux), and a proxy with the service's methods. Each call waits.
"""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing.managers import BaseManager

from benchmarks.peers.service import Service, payloads
from benchmarks.players.orders import one_by_one, play


class Manager(BaseManager):
    """Serves one kind of object."""


Manager.register("Service", Service, exposed=("echo", "take", "give"))


def main(folder: str) -> None:
    with Manager(address=f"{folder}/managers") as manager:
        service = manager.Service()  # type: ignore[attr-defined]  # registered by name
        (server,) = multiprocessing.active_children()
        play(
            {"managers": {"call": one_by_one(service.echo), **payloads(service.take, service.give)}}, [server.pid or 0]
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
