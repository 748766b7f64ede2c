"""A small core for these tests: speaks control lines over the descriptors it is given, and nothing else.

It greets each worker as soon as that is spawned, answers pings, and writes down what it hears in the file that the
configuration names as `heard`. The other keys of the configuration make it misbehave.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import attrs

from stockade.control import (
    Configure,
    CoreFailed,
    CoreReady,
    Decoder,
    End,
    Greeted,
    Left,
    Ping,
    Pong,
    Shutdown,
    Spawned,
    StopWorker,
    WorkerReady,
    encode,
)


def main() -> None:
    told, tell, log = (int(number) for number in sys.argv[1:4])
    decoder = Decoder()
    configuration: dict = {}
    pids: dict[str, int] = {}
    os.write(log, f"core: hello from {os.getpid()}\n".encode())
    while data := os.read(told, 65536):
        for message in decoder.feed(data):
            if isinstance(message, Configure):
                configuration = message.configuration
                if "noise" in configuration:
                    print(configuration["noise"], file=sys.stderr, flush=True)
                if "refuses" in configuration:
                    os.write(tell, encode(CoreFailed(configuration["refuses"])))
                    sys.exit(1)
                if "garbles" in configuration:
                    os.write(tell, b"this is no control line\n")
                if "dies" in configuration:
                    os.kill(os.getpid(), signal.SIGSEGV)
                os.write(tell, encode(CoreReady()))
            if "heard" in configuration and not isinstance(message, Configure | Ping):
                with open(configuration["heard"], "a") as file:
                    print(json.dumps([type(message).__name__, attrs.asdict(message)]), file=file)
            if isinstance(message, Ping) and not os.path.exists(configuration.get("silent_if", "/nowhere")):
                os.write(tell, encode(Pong(message.number)))
            if isinstance(message, Spawned):
                pids[message.label] = message.pid
                if message.label not in configuration.get("unheard", ()):
                    os.write(tell, encode(Greeted(message.label, message.generation)))
                    os.write(tell, encode(WorkerReady(message.label, message.generation)))
                if message.label in configuration.get("leave", ()):
                    os.write(tell, encode(Left(message.label, message.generation)))
                if message.label in configuration.get("breaches", {}):
                    reason = configuration["breaches"][message.label]
                    os.write(tell, encode(End(message.label, message.generation, "bad_frame", reason)))
            if isinstance(message, StopWorker) and configuration.get("stops_by_signal"):
                os.kill(pids[message.label], signal.SIGUSR1)
            if isinstance(message, Shutdown):
                time.sleep(configuration.get("lingers", 0))
                os._exit(configuration.get("exits", 0))


main()
