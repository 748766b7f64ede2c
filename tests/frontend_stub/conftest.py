"""A core that does what a test tells it: real sockets, real worker processes, no decisions of its own."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cbor2
import pytest
import zmq

from stockade_frontend.pending import Pending
from stockade_frontend.raw import Parcel
from stockade_frontend.session import Session

#: Nothing here takes a second on a quiet machine; a busy one has this long.
PATIENCE = 20.0
EVERYTHING = {"allow": ["**"], "deny": []}
LIMITS = {
    "message": 1024 * 1024,
    "event": 64 * 1024,
    "batch": 1024,
    "calls": 1024,
    "topics": 1024,
    "depth": 32,
    "channels": 64,
    "frames": 63,
}


class ScriptedCore:
    """One worker's core. `start` runs a program as its worker; the test then reads and writes the protocol itself."""

    def __init__(self, folder: Path, label: str = "editor", generation: int = 3) -> None:
        self.folder = folder
        self.label, self.generation = label, generation
        self.secret = secrets.token_hex(32)
        self.place = tempfile.mkdtemp(prefix="stockade-test-")
        self.output, self.errors = folder / "stdout", folder / "stderr"
        self.worker: subprocess.Popen[bytes] | None = None
        self._context = zmq.Context()
        self._gate_closed = threading.Event()
        self._gate = threading.Thread(target=self._authenticate)
        self._gate_open = threading.Event()
        self._gate.start()
        assert self._gate_open.wait(PATIENCE)
        self._messages: deque[list[Any]] = deque()
        #: The raw frames behind its last batch.
        self.raw: list[bytes] = []
        #: How many messages each batch of the worker had.
        self.batches: list[int] = []
        self.seq = 0

    def _authenticate(self) -> None:
        gate = self._context.socket(zmq.REP)
        gate.bind("inproc://zeromq.zap.01")
        self._gate_open.set()
        expected = [f"{self.label}@{self.generation}".encode(), self.secret.encode()]
        while not self._gate_closed.is_set():
            if gate.poll(50):
                version, request, *_, mechanism, user, password = gate.recv_multipart()
                good = mechanism == b"PLAIN" and [user, password] == expected
                gate.send_multipart([version, request, b"200" if good else b"400", b"", user, b""])
        gate.close(0)

    # -- the worker's process -----------------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            "STOCKADE_PROTOCOL": "1",
            "STOCKADE_WORKER": self.label,
            "STOCKADE_GENERATION": str(self.generation),
            "STOCKADE_CORE_PID": str(os.getpid()),
            "STOCKADE_SOCKETS": f"ipc://{self.place}",
        }

    def spawn(self, program: str, secret: str | None = None, **environment: str) -> None:
        """Start the program, and give it its secret."""
        path = self.folder / "worker.py"
        path.write_text(textwrap.dedent(program))
        with self.output.open("wb") as output, self.errors.open("wb") as errors:
            self.worker = subprocess.Popen(
                [sys.executable, str(path)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                env=self.environment() | environment,
            )
        assert self.worker.stdin is not None
        self.worker.stdin.write((self.secret + "\n" if secret is None else secret).encode())
        self.worker.stdin.flush()

    def start(self, program: str, **welcome: Any) -> None:
        """Start the program, connect, and welcome it: its `connect()` returns."""
        self.spawn(program)
        self.connect()
        hello = self.expect("hello")[1]
        assert hello["protocol"] == 1
        self.welcome(**welcome)

    def end_lifeline(self) -> None:
        assert self.worker is not None
        assert self.worker.stdin is not None
        self.worker.stdin.close()

    def exit_status(self) -> int:
        """Wait until the worker has ended."""
        assert self.worker is not None
        return self.worker.wait(PATIENCE)

    def said(self) -> str:
        """What it has written to standard error."""
        return self.errors.read_text()

    def printed(self) -> str:
        """What it has written to standard output."""
        return self.output.read_text()

    def until_printed(self, text: str) -> None:
        wait_until(lambda: text in self.printed() or (self.worker is not None and self.worker.poll() is not None))
        assert text in self.printed(), self.said()

    # -- the link -----------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Connect to the three sockets, each once, when the worker has bound it."""
        self.commands = self._link(zmq.ROUTER, "commands")
        self.events = self._link(zmq.XPUB, "events")
        self.emits = self._link(zmq.SUB, "emits")

    def _link(self, kind: int, name: str) -> zmq.Socket[bytes]:
        made: zmq.Socket[bytes] = self._context.socket(kind)
        made.linger, made.plain_server, made.zap_domain, made.reconnect_ivl = 0, True, name.encode(), 10
        if kind == zmq.ROUTER:
            made.router_mandatory = 1
            made.setsockopt(zmq.CONNECT_ROUTING_ID, b"worker")
        if kind == zmq.XPUB:
            made.setsockopt(zmq.XPUB_MANUAL, 1)
            made.setsockopt(zmq.XPUB_NODROP, 1)
        if kind == zmq.SUB:
            made.rcvhwm = 10  # small, as the core's is: what is not read soon waits in the worker
            made.subscribe(b"")
        path = Path(self.place, name)
        wait_until(lambda: path.exists() and stat.S_ISSOCK(path.lstat().st_mode))
        made.connect(f"ipc://{path}")
        return made

    def close_link(self) -> None:
        for one in (self.commands, self.events, self.emits):
            one.close(0)

    # -- the protocol -------------------------------------------------------------------------------------------------

    def message(self) -> list[Any]:
        """The worker's next message on the commands socket."""
        if not self._messages:
            assert self.commands.poll(int(PATIENCE * 1000)), f"the worker is silent: {self.said()}"
            _, frame, *self.raw = self.commands.recv_multipart()
            batch = cbor2.loads(frame)
            self.batches.append(len(batch))
            self._messages.extend(batch)
        return self._messages.popleft()

    def expect(self, verb: str) -> list[Any]:
        """The worker's next message, which has this verb."""
        message = self.message()
        assert message[0] == verb, message
        return message

    def silent(self, seconds: float = 0.1) -> bool:
        """Whether the worker says nothing for a while."""
        return not self._messages and not self.commands.poll(int(seconds * 1000))

    def send(self, *messages: Any, raw: Sequence[bytes] = ()) -> None:
        """Send these messages as one batch, and raw frames behind it."""
        self.send_frame(cbor2.dumps(list(messages)), *raw)

    def send_frame(self, *frames: bytes) -> None:
        self.commands.send_multipart([b"worker", *frames])

    def welcome(self, limits: dict[str, int] | None = None, grants: dict[str, Any] | None = None) -> None:
        given = {"commands": EVERYTHING, "listen": EVERYTHING, "emit": EVERYTHING} | (grants or {})
        who = {"protocol": 1, "worker": self.label, "generation": self.generation, "core": "scripted"}
        self.send(["welcome", who | {"limits": LIMITS | (limits or {}), "grants": given}])

    def subscription(self) -> bytes:
        """The worker's next subscription (0x01 and a topic), or the end of one (0x00 and a topic)."""
        assert self.events.poll(int(PATIENCE * 1000)), f"no subscription: {self.said()}"
        return self.events.recv()

    def next_is_a_subscription(self) -> bool:
        """Wait until the worker has said something: whether it is a subscription, and else a message."""
        wait_until(lambda: self._messages or self.commands.poll(0) or self.events.poll(1))
        return not self._messages and not self.commands.poll(0)

    def grant(self) -> str:
        """Read a subscription, grant it, and answer `listening`: the topic."""
        frame = self.subscription()
        assert frame[:1] == b"\x01", frame
        self.events.setsockopt(zmq.SUBSCRIBE, frame[1:])
        topic = frame[1:].decode()
        self.send(["listening", topic])
        return topic

    def event(self, name: str, payload: Any = None, source: str = "core", seq: int | None = None) -> None:
        """Send an event to the worker, the next one unless told its number."""
        self.seq = self.seq + 1 if seq is None else seq
        self.events.send(name.encode() + b"|" + cbor2.dumps([self.seq, source, payload]))

    def emitted(self) -> tuple[str, list[Any]]:
        """The worker's next emit: the event's name and the array behind its bar."""
        assert self.emits.poll(int(PATIENCE * 1000)), f"no emit: {self.said()}"
        topic, bar, body = self.emits.recv().partition(b"|")
        assert bar
        return topic.decode(), cbor2.loads(body)

    def farewell(self, emitted: int = 0) -> int:
        """Read the worker's bye, answer it, and wait for its end: the exit status."""
        _, counts = self.expect("bye")
        assert counts == {"emitted": emitted}
        self.send(["bye", counts])
        return self.exit_status()

    def serve(self, commands: dict[str, Callable[..., Any]]) -> list[Any]:
        """Answer calls with these until another message comes, and return that."""
        while True:
            message = self.message()
            if message[0] != "call":
                return message
            _, ident, command, arguments = message
            self.send(["result", ident, commands[command](**arguments)])

    def close(self) -> None:
        if self.worker is not None:
            if self.worker.poll() is None:
                self.worker.kill()
                self.worker.wait()
            assert self.worker.stdin is not None
            self.worker.stdin.close()
        if hasattr(self, "emits"):
            self.close_link()
        self._gate_closed.set()
        self._gate.join()
        self._context.destroy(linger=0)
        for name in os.listdir(self.place):
            Path(self.place, name).unlink()
        Path(self.place).rmdir()


class PureCore:
    """The other end of one session, which is open: what it says is a call here, what the worker says is a list."""

    def __init__(self, limits: dict[str, Any]) -> None:
        self.session = Session("editor", 3, "test/1", 10)
        self.session.hello()
        grants = {"commands": EVERYTHING, "listen": EVERYTHING, "emit": EVERYTHING}
        who = {"protocol": 1, "worker": "editor", "generation": 3, "core": "pure"}
        self.says(["welcome", who | {"limits": LIMITS | limits, "grants": grants}])
        self.heard()

    def says(self, *messages: Any, now: float = 0.0, raw: Sequence[bytes] = ()) -> list[Pending]:
        """The core says this, in one batch: what it has answered."""
        return self.session.receive(cbor2.dumps(list(messages)), now, raw)

    def heard(self) -> list[Any]:
        """All that the worker has said since, with the raw frames of a batch behind it."""
        messages: list[Any] = []
        outbox = self.session.outbox
        while (batch := outbox.batch()) is not None:
            outbox.sent()
            head, *frames = (batch.head, *batch.frames) if isinstance(batch, Parcel) else (batch,)
            messages += cbor2.loads(head)
            messages += frames
        return messages


@pytest.fixture
def pure_core() -> Callable[..., PureCore]:
    """Opens a session with limits of its own, without a socket."""

    def make(**limits: Any) -> PureCore:
        return PureCore(limits)

    return make


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait for a condition of another process."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.002)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[ScriptedCore]:
    """A scripted core, with nothing started yet."""
    made = ScriptedCore(tmp_path)
    yield made
    made.close()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], None]:
    """Waits for a condition of another process."""
    return wait_until
