"""A worker without our stub, pyzmq and cbor2 alone, that says on its sockets what a test tells it to."""

from __future__ import annotations

import os
import sys
import time
from multiprocessing.connection import wait

import cbor2
import zmq
from puppet_strings import answer, answer_raised, connect_to_test, prepare

LABEL, GENERATION = os.environ["STOCKADE_WORKER"], int(os.environ["STOCKADE_GENERATION"])
SECRET = sys.stdin.buffer.readline().strip()
PATIENCE = 20.0

context = zmq.Context()
commands, events, emits = context.socket(zmq.DEALER), context.socket(zmq.SUB), context.socket(zmq.XPUB)
inbox = []
last_id = 0
breach = None


def bind(name=f"{LABEL}@{GENERATION}", secret=SECRET, sockets=("commands", "events", "emits"), plain=True):
    """Bind these sockets, as this worker unless told otherwise."""
    for where in sockets:
        socket = globals()[where]
        socket.linger = 0
        if plain:
            socket.plain_username = name.encode()
            socket.plain_password = secret
        socket.bind(f"{os.environ['STOCKADE_SOCKETS']}/{where}")


def say(*messages):
    """Send a batch."""
    commands.send(cbor2.dumps(list(messages)))


def say_raw(frames, *messages):
    """Send a batch with raw frames behind it."""
    commands.send_multipart([cbor2.dumps(list(messages)), *frames])


def read():
    """The messages of a batch of the core; what is raw stands in them as bytes."""
    first, *frames = commands.recv_multipart()
    batch = cbor2.loads(first)
    for message in batch:
        if message[0] in ("result", "item") and len(message) > 3 and "raw" in message[3]:
            assert message[2] is None
            message[2] = frames[message[3]["raw"] - 1]
        elif message[0] == "call" and len(message) > 4:
            message[3].update({name: frames[at - 1] for name, at in message[4].get("raw", {}).items()})
    return batch


def begin(command, arguments, options):
    """Make a call; its id."""
    global last_id
    last_id += 1
    say(["call", last_id, command, arguments, options])
    return last_id


def call(command, arguments):
    """Call a command: its value, or its error (a map with `code`)."""
    global last_id
    last_id += 1
    say(["call", last_id, command, arguments])
    _, number, outcome = hear("result", "error")
    assert number == last_id, f"an answer to {number} where {last_id} was called"
    return outcome


def subscribe(topic):
    """Subscribe: the core's answer. What is denied is taken back, as a stub does."""
    events.subscribe(topic)
    answer = hear("listening", "denied")
    if answer[0] == "denied":
        events.unsubscribe(topic)
    return answer


def emit(name, payload, number=1, options=None):
    """Emit an event."""
    emits.send(name.encode() + b"|" + cbor2.dumps([number, payload, *([options] if options else [])]))


def hear(*verbs, patience=PATIENCE):
    """The next message with one of these verbs; what comes before it is thrown away."""
    global breach
    deadline = time.monotonic() + patience
    while True:
        while inbox:
            message = inbox.pop(0)
            if message[0] == "breach":
                breach = message
            if message[0] in verbs:
                return message
        # A SUB forwards its subscriptions only while its thread is inside ZeroMQ.
        events.get(zmq.EVENTS)
        emits.get(zmq.EVENTS)
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {verbs}")
        if commands.poll(5):
            inbox.extend(read())


def hear_event(patience=PATIENCE):
    """The next frame on the events socket."""
    deadline = time.monotonic() + patience
    while not events.poll(5):
        emits.get(zmq.EVENTS)
        if time.monotonic() > deadline:
            raise TimeoutError("no event")
    return events.recv()


def greet():
    """Bind, say hello, and be ready to emit; the welcome."""
    bind()
    say(["hello", {"protocol": 1, "stub": "raw"}])
    welcome = hear("welcome")
    emits.recv()
    return welcome[1]


def leave(emitted=0):
    """Take leave and end."""
    say(["bye", {"emitted": emitted}])
    hear("bye")
    os._exit(0)


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
