"""A worker without ZeroMQ: it speaks ZMTP 3.0 itself, and so can say what no ZeroMQ socket would.

https://rfc.zeromq.org/spec/23/ (frames), https://rfc.zeromq.org/spec/24/ (PLAIN)
"""

from __future__ import annotations

import os
import socket
import sys
from multiprocessing.connection import wait

import cbor2
from puppet_strings import answer, answer_raised, connect_to_test, prepare

USER = f"{os.environ['STOCKADE_WORKER']}@{os.environ['STOCKADE_GENERATION']}".encode()
PLACE = os.environ["STOCKADE_SOCKETS"].removeprefix("ipc://")
SECRET = sys.stdin.buffer.readline().strip()
MORE, COMMAND, LONG = 1, 4, 2  # flags of a frame
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"PLAIN".ljust(20, b"\0") + bytes(32)
commands = events = emits = None  # the three connections, once `greet` has them
KINDS = {"commands": b"DEALER", "events": b"SUB", "emits": b"XPUB"}


def frame(body, flags=0):
    """The bytes of a frame."""
    if len(body) > 255:
        return bytes([flags | LONG]) + len(body).to_bytes(8, "big") + body
    return bytes([flags, len(body)]) + body


def receive(peer, size):
    """So many bytes."""
    data = b""
    while len(data) < size:
        data += peer.recv(size - len(data)) or os._exit(7)
    return data


def read(peer):
    """The body of the next frame."""
    flags = receive(peer, 1)[0]
    return receive(peer, int.from_bytes(receive(peer, 8 if flags & LONG else 1), "big"))


def listen(name):
    """A socket that the core finds only once it listens."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{PLACE}/new")
    listener.listen()
    os.rename(f"{PLACE}/new", f"{PLACE}/{name}")
    return listener


def shake_hands(listener, kind):
    """The core's connection, when both have said who they are."""
    peer, _ = listener.accept()
    peer.sendall(GREETING)
    receive(peer, len(GREETING))
    peer.sendall(frame(b"\x05HELLO" + bytes([len(USER)]) + USER + bytes([len(SECRET)]) + SECRET, COMMAND))
    assert read(peer) == b"\x07WELCOME"
    peer.sendall(frame(b"\x08INITIATE\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind, COMMAND))
    assert read(peer).startswith(b"\x05READY")
    return peer


def greet():
    """Connect, and say hello; the messages of the core's answer."""
    listeners = {name: listen(name) for name in KINDS}
    global commands, events, emits
    commands, events, emits = (shake_hands(listeners[name], kind) for name, kind in KINDS.items())
    commands.sendall(frame(cbor2.dumps([["hello", {"protocol": 1, "stub": "zmtp"}]])))
    return cbor2.loads(read(commands))


def flood(peer, piece):
    """Send this without end, as fast as the core takes it."""
    block = piece * (65536 // len(piece))
    while True:
        peer.sendall(block)


test = connect_to_test()
names = globals()
while True:
    if sys.stdin in wait([test, sys.stdin]):
        os._exit(0)  # the lifeline has ended
    code, more = test.recv()
    names.update(more)
    try:
        prepare(code, names)()
    except BaseException as error:
        answer_raised(test, error)
    else:
        answer(test, names["_value"])
