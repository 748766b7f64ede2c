"""An echo worker that can be made faulty: ``python mutant.py STEP...``.

For each step that is named it has one fault, by which it should fail that step and no other; `mutations` has them all.

It is the Python stub with another end to its sockets: what is received and sent goes by the faults first.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, NoReturn

import cbor2
import zmq

sys.path.insert(0, str(Path(__file__).parent))
from mutations import Mutation, mutations

from stockade_frontend import endpoint as endpoints
from stockade_frontend.blocking import Connection
from stockade_frontend.certify import EchoWorker
from stockade_frontend.endpoint import QUEUE, TURN, Endpoint
from stockade_frontend.errors import Ended
from stockade_frontend.events import Subscription
from stockade_frontend.grants import Grant
from stockade_frontend.link import DONTWAIT, Link, has_more, readable, receive_rest, send_all
from stockade_frontend.pending import Pending
from stockade_frontend.raw import Parcel

Frames = list[bytes]


class Faulty(Endpoint):
    """The worker's end of its link, with faults. `step` is the one that is played, as far as the core has said."""

    current: ClassVar[Faulty | None] = None

    def __init__(self, faults: list[Mutation]) -> None:
        Faulty.current = self
        self.faults = faults
        self.step = ""
        self.frames_heard = 0  # since the step began
        self.last_asked = 0
        self.unsent: deque[Frames] = deque()
        super().__init__(QUEUE)

    def active(self, hook: str) -> list[Any]:
        """What the faults of this step do here, and those that are no step's alone."""
        mine = (fault for fault in self.faults if fault.always or fault.step == self.step)
        return [does for fault in mine if (does := getattr(fault, hook)) is not None]

    # -- the commands socket ------------------------------------------------------------------------------------------

    def receive(self) -> list[Pending]:
        commands = self.link.commands
        frames = [commands.recv(DONTWAIT)]
        if has_more(commands):
            frames += [bytes(frame) for frame in receive_rest(commands)]
        self._note_step(frames[0])
        for hears in self.active("heard"):
            frames = hears(self, frames)
        self.frames_heard += 1
        return self.session.receive(frames[0], monotonic(), frames[1:]) if frames else []

    def _note_step(self, frame: bytes) -> None:
        for message in read(frame):
            if message[:1] == ["result"] and len(message) > 2 and isinstance(message[2], dict) and "do" in message[2]:
                self.step, self.frames_heard = message[2]["step"], 0

    def flush(self) -> bool:
        outbox = self.session.outbox
        while (batch := outbox.batch()) is not None or self.unsent:
            if batch is not None:
                self.unsent += self._said(batch)
                outbox.sent()
            while self.unsent:
                try:
                    self._send_frames(self.unsent[0])
                except zmq.Again:
                    return False
                self.unsent.popleft()
        return True

    def _said(self, batch: bytes | Parcel) -> list[Frames]:
        frames = [batch.head, *map(bytes, batch.frames)] if isinstance(batch, Parcel) else [batch]
        sent = [frames]
        for says in self.active("said"):
            sent = [one for each in sent for one in says(self, each)]
        return sent

    def _send_frames(self, frames: Frames) -> None:
        if len(frames) > 1:
            send_all(self.link.commands, frames[0], frames[1:])
        else:
            self.link.commands.send(frames[0], DONTWAIT)

    # -- the other sockets --------------------------------------------------------------------------------------------

    def receive_events(self) -> bool:
        for _ in range(TURN):
            if not readable(self.link.events):
                return False
            frame: bytes | None = self.link.events.recv(DONTWAIT)
            for hears in self.active("event"):
                frame = hears(self, frame)
            if frame is not None:
                self.session.receive_event(frame)
        return True

    def emit(self, prepared: tuple[bytes, bytes]) -> bool:
        for emits in self.active("emit"):
            prepared = emits(self, prepared)
        return prepared == LOST or super().emit(prepared)

    def receive_emits(self) -> None:
        super().receive_emits()
        for seconds in self.active("impatient") if self.takes_emits else []:
            signal.signal(signal.SIGALRM, lambda *_: self.greeted.done or os._exit(3))
            signal.setitimer(signal.ITIMER_REAL, seconds)

    @property
    def is_connected(self) -> bool:
        return self.greeted.done and (self.takes_emits or bool(self.active("hasty")))

    def unlisten(self, subscription: Subscription) -> None:
        if self.active("keeps_listening"):
            self.listeners.remove(subscription)
        else:
            super().unlisten(subscription)


#: What an emit becomes that is thrown away.
LOST = (b"", b"")


def read(frame: bytes) -> list[list[Any]]:
    """The messages of a frame, or none if it is no batch."""
    try:
        batch = cbor2.loads(frame)
    except Exception:
        return []
    return [message for message in batch if isinstance(message, list)] if isinstance(batch, list) else []


def arrange(faults: list[Mutation]) -> None:
    """Put the faults in place that come before there is a connection, or beside it."""
    take_place, look, allows, covers = endpoints.take_place, Link.look_at_lifeline, Grant.allows, Grant.covers

    def taken() -> Any:
        place = take_place()
        for fault in faults:
            place = fault.place(place) if fault.place is not None else place
        return place

    def looked(link: Link) -> None:
        worker = Faulty.current
        if worker is None or not worker.active("deaf"):
            look(link)

    def is_lax() -> bool:
        return Faulty.current is not None and bool(Faulty.current.active("lax"))

    endpoints.take_place = taken
    Link.look_at_lifeline = looked  # type: ignore[method-assign]
    Grant.allows = lambda grant, name: is_lax() or allows(grant, name)  # type: ignore[method-assign]
    Grant.covers = lambda grant, prefix: is_lax() or covers(grant, prefix)  # type: ignore[method-assign]


def leave(faults: list[Mutation], end: Ended) -> NoReturn:
    """Exit with the status that the stub would, or that a fault makes of it."""
    status, worker = end.status, Faulty.current
    step = "" if worker is None else worker.step
    for fault in faults:
        if fault.status is not None and (fault.always or fault.step == step):
            status = fault.status(worker, end, status)
    os._exit(status)


def main(steps: list[str]) -> None:
    faults = [mutations()[step] for step in steps]
    arrange(faults)
    try:
        with Connection(Faulty(faults)) as core:
            EchoWorker(core).work()
    except Ended as end:
        leave(faults, end)


if __name__ == "__main__":
    main(sys.argv[1:])
