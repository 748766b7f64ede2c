"""The floor of events: bare XPUB sockets, one for each listener or one for all, that send the same frame.

``python -m benchmarks.players.xpubs HOST COUNT SOCKETS``: the listeners are bound at HOST.0, HOST.1 ... (native/load.c,
`listen`), and what comes from HOST.ask says how many events to send. It obeys them, not the conductor.
"""

from __future__ import annotations

import os
import struct
import sys

import zmq

#: As long as an event of the core with a small payload.
FRAME = b"bench/tick|\x83\x19\x03\xe8dcore\x01"
#: The high-water mark that the core has for events.
QUEUE = 1024


def main(host: str, count: str, sockets: str) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    own = [context.socket(zmq.XPUB) for _ in range(int(sockets))]
    for socket in own:
        socket.sndhwm = QUEUE
        socket.setsockopt(zmq.XPUB_NODROP, 1)
        socket.setsockopt(zmq.XPUB_VERBOSE, 1)  # one subscription from each listener, also of a shared socket
    for number in range(int(count)):
        own[number % len(own)].connect(f"ipc://{host}.{number}")
    for number in range(int(count)):
        own[number % len(own)].recv()
    ask = context.socket(zmq.DEALER)
    ask.connect(f"ipc://{host}.ask")
    ask.send(struct.pack("i", os.getpid()))
    sends, flag = [socket.send for socket in own], int(zmq.DONTWAIT)
    while True:
        (events,) = struct.unpack("l", ask.recv())
        for socket in own:
            socket.get(zmq.EVENTS)  # so that libzmq takes notice of what the listeners have read: there is room again
        for _ in range(events):
            for send in sends:
                send(FRAME, flag)


if __name__ == "__main__":
    main(*sys.argv[1:])
