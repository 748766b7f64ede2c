"""The rogue: a worker without our library, that does what it may not. docs/protocol.md is all it needs to know.

In its first life it asks for what its capability does not give; each is refused, and nothing else happens. At the end
of that life, and of each of the next four, it breaks the protocol: the core ends it, and the supervisor starts it anew.
In its sixth life it takes its leave.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import cbor2
import zmq

GENERATION = int(os.environ["STOCKADE_GENERATION"])
SECRET = sys.stdin.buffer.readline().strip()
ASKS_FOR_TOO_MUCH, LIES_ABOUT_ITS_NAME = 1, 5
#: What it sends in its other lives.
BREACHES = {
    2: b"\xff\xfe this is no CBOR",
    3: cbor2.dumps([["item", 2, "for a stream that was never opened with it"]]),
    4: cbor2.dumps([["ready", {"exports": {"text.count": {}}}]]),  # to be given what others are asked
}

name = "reporter" if GENERATION == LIES_ABOUT_ITS_NAME else os.environ["STOCKADE_WORKER"]
context = zmq.Context()


def bind(kind: int, where: str) -> Any:
    """One of the three sockets."""
    socket = context.socket(kind)
    socket.linger = 0
    socket.plain_username = f"{name}@{GENERATION}".encode()
    socket.plain_password = SECRET
    socket.bind(f"{os.environ['STOCKADE_SOCKETS']}/{where}")
    return socket


commands, events, emits = bind(zmq.DEALER, "commands"), bind(zmq.SUB, "events"), bind(zmq.XPUB, "emits")


def say(*messages: Any) -> None:
    """Send a batch."""
    commands.send(cbor2.dumps(list(messages)))


def hear(count: int) -> list[Any]:
    """The next so many messages, whatever batches they come in."""
    heard: list[Any] = []
    poller = zmq.Poller()
    for socket in (commands, events):  # a SUB passes its subscriptions on only while it is polled
        poller.register(socket, zmq.POLLIN)
    while len(heard) < count:
        for socket, _ in poller.poll():
            frame = socket.recv()
            if socket is commands:
                heard += cbor2.loads(frame)
            else:
                print("heard what it may not:", frame)
    return heard


def wait_for_the_end() -> None:
    """Hear the breach and go; if there is none to hear, be killed."""
    if commands.poll(1000):
        sys.exit(str(cbor2.loads(commands.recv())))
    time.sleep(10)


say(["hello", {"protocol": 1, "stub": "none"}])
if GENERATION == LIES_ABOUT_ITS_NAME:
    wait_for_the_end()
print(hear(1)[0][:1])
emits.recv()  # the core's subscription: nothing that is emitted from now on is lost

if GENERATION == ASKS_FOR_TOO_MUCH:
    events.subscribe(b"report/written|")  # what the core tells the indexers
    say(
        ["ready"],
        ["call", 1, "files.read", {"name": "public.txt"}],
        ["call", 2, "report.write", {"text": "I was here"}],
        ["call", 3, "text.count", {"name": "public.txt"}],
        ["call", 4, "files.read", {"name": "../stockade.toml"}],
        ["call", 5, "files.read", {"name": "/etc/passwd"}],
        ["call", 6, "files.read", {"name": "link.txt"}],
        ["call", 7, "files.read", {"name": "private.txt"}],
        ["call", 8, "no.such.command", {}],
    )
    emits.send(b"core:worker/exited|" + cbor2.dumps([1, {"worker": "reporter"}]))
    emits.send(b"progress/indexed|" + cbor2.dumps([2, {"words": 1000, "microseconds": 1}, {"to": "reporter"}]))
    for message in hear(9):
        print(message)
    events.subscribe(b"")  # neither a name and a bar nor a name and a slash
    events.poll(1000)
    wait_for_the_end()
if GENERATION in BREACHES:
    commands.send(BREACHES[GENERATION])
    wait_for_the_end()
say(["bye", {"emitted": 0}])
print(hear(1))
