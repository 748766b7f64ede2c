"""The lowest floor: a pair of bare unix sockets, the same number of bytes there and back, by two Python processes.

``python -m benchmarks.players.socketpair``.
"""

from __future__ import annotations

import os
import socket

from benchmarks.players.echo import FRAME
from benchmarks.players.orders import one_by_one, play

#: Bytes that are read at once.
ROOM = 65536


def main() -> None:
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        while data := theirs.recv(ROOM):
            theirs.sendall(data)
        os._exit(0)
    theirs.close()

    def trip(_: int) -> None:
        ours.sendall(FRAME)
        ours.recv(ROOM)

    def pipeline(count: int, flight: int) -> None:
        """As a stream of bytes, which keeps no messages apart: whoever reads takes whatever is there."""
        size = len(FRAME)
        ours.sendall(FRAME * flight)
        to_send, to_come = (count - flight) * size, count * size
        while to_come:
            came = len(ours.recv(ROOM))
            to_come -= came
            if to_send:
                again = min(came, to_send)
                ours.sendall(bytes(again))
                to_send -= again

    play({"socketpair": {"call": one_by_one(trip), "pipeline": pipeline}}, [child])


if __name__ == "__main__":
    main()
