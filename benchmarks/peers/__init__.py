"""What one would use instead: one program each, in the fastest form that its own documentation shows.

Each is a client that obeys the conductor, with a server in a child process, over unix sockets. Where a peer has no way
to have many calls in flight, it has no `pipeline`, and where it cannot stream, no `stream`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import attrs

__all__ = ["PEERS", "Peer", "split"]


@attrs.frozen
class Peer:
    """One peer: the program that plays it, and what has to be there for that (a module, or an executable)."""

    title: str
    argv: tuple[str, ...]
    needs: str | None
    #: Where its fastest form is documented.
    docs: str
    #: What that form is.
    form: str

    @property
    def missing(self) -> str | None:
        """Why it cannot be measured here, or None."""
        if self.needs is None or find_spec(self.needs) or shutil.which(self.needs):
            return None
        if self.needs == "node":
            return f"{self.title}: there is no `node` on the path"
        return f"{self.title}: {self.needs} is not installed (pip install 'stockade[bench]')"


def _module(name: str) -> tuple[str, ...]:
    return (f"benchmarks.peers.{name}",)


PEERS = {
    "managers": Peer(
        "multiprocessing.managers",
        _module("managers"),
        None,
        "https://docs.python.org/3/library/multiprocessing.html#managers",
        "a BaseManager at a unix socket, one proxy; it has no calls that do not wait",
    ),
    "pool": Peer(
        "ProcessPoolExecutor",
        _module("pool"),
        None,
        "https://docs.python.org/3/library/concurrent.futures.html#processpoolexecutor",
        "one process; submit one by one, map for many (and, as a contestant of its own, map with chunksize 64)",
    ),
    "rpyc": Peer(
        "RPyC",
        _module("rpyc"),
        "rpyc",
        "https://rpyc.readthedocs.io/en/latest/tutorial/tut5.html",
        "the reference to the function kept; async_ for many",
    ),
    "pyro5": Peer(
        "Pyro5",
        _module("pyro5"),
        "Pyro5",
        "https://pyro5.readthedocs.io/en/latest/tipstricks.html",
        "serializer marshal, its fastest; for many, batches of 256 calls, which only work with msgpack",
    ),
    "zerorpc": Peer(
        "zerorpc",
        _module("zerorpc"),
        "zerorpc",
        "https://www.zerorpc.io",
        "over ipc, without heartbeat; async calls for many",
    ),
    "grpc": Peer(
        "grpcio",
        _module("grpc"),
        "grpc",
        "https://grpc.io/docs/guides/performance/#python",
        "generic handlers of bytes, so no protobuf to encode; the synchronous stack one by one, asyncio for many",
    ),
    "node": Peer(
        "Node child process",
        ("node", str(Path(__file__).with_name("node.js"))),
        "node",
        "https://nodejs.org/api/child_process.html#advanced-serialization",
        "child_process.fork; JSON for small messages, `advanced` serialization for payloads",
    ),
}


def split(names: Iterable[str] = PEERS) -> tuple[list[str], list[str]]:
    """Those of `names` that can be measured here; and for each of the others, why not."""
    wanted = list(names)
    return (
        [name for name in wanted if PEERS[name].missing is None],
        [missing for name in wanted if (missing := PEERS[name].missing) is not None],
    )
