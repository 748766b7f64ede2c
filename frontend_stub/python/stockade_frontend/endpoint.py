"""The worker's end of its link: the sockets and the conversation together. Never waits.

`blocking` and `aio` are two ways of waiting around it; what they have in common is here.
"""

from __future__ import annotations

import os
from threading import get_ident
from time import monotonic

import zmq

import stockade_frontend
from stockade_frontend.errors import Busy, Closed, Ended, WrongThread
from stockade_frontend.events import Event, Handler, Listeners, Subscription
from stockade_frontend.link import DONTWAIT, MORE, Link, readable, receive_rest, send_all, sender
from stockade_frontend.pending import Pending
from stockade_frontend.raw import Parcel
from stockade_frontend.session import Session, State
from stockade_frontend.statistics import Statistics
from stockade_frontend.worker import say, take_place

__all__ = ["EAGER", "LAST_WORDS", "LEAVE", "QUEUE", "TURN", "Endpoint", "State"]

#: Events that wait for their handlers, unless `connect` is told another bound.
QUEUE = 1024
#: Frames read from one socket before the others have their turn.
TURN = 64
#: Seconds to wait for the core's answer to `bye`: it has one for what was still to do.
LEAVE = 2.0
#: Calls that have gathered are sent when there are so many, so that the core works while the next are being made: with
#: 256 in flight, 64 to 128 made 1.2 to 2 times as many calls per second as one batch per turn of the loop.
EAGER = 64
#: Seconds in which the core's last message, which says why, may come behind the news that its connection is closed:
#: these come on two sockets.
LAST_WORDS = 0.3

_taken = False


class Endpoint:
    """Sockets bound and `hello` said. It belongs to the thread and process that made it; only one is made per process.

    Methods that read raise `Ended`; whoever catches it calls `finish`.
    """

    def __init__(self, queue: int) -> None:
        global _taken
        if _taken:
            raise RuntimeError("this process has connected before: a worker has one link, made for one connection")
        try:
            place = take_place()
            _taken = True
            self.link = Link(place)
        except Ended as end:
            _tell(end)
            raise
        self.session = Session(place.label, place.generation, f"python/{stockade_frontend.__version__}", queue)
        self.listeners = Listeners()
        self.greeted = self.session.hello()
        #: Whether the core's subscription has come: before it, an emit would be lost.
        self.takes_emits = False
        #: Whether the events or the emits socket was used since it was last empty, so that its descriptor may not tell.
        self.is_used = True
        #: Why nothing more can be said, once it is so.
        self.over: Ended | Closed | None = None
        self._thread = get_ident()
        self.is_inherited = False
        self._send = sender(self.link.commands)
        self._send_emit = sender(self.link.emits)
        os.register_at_fork(after_in_child=self._inherit)

    def check(self) -> None:
        """Raise `WrongThread`, or what has ended the conversation, if it has."""
        if get_ident() != self._thread:
            raise WrongThread("a connection belongs to the thread and process that made it; give the work to that one")
        if self.over is not None:
            raise type(self.over)(str(self.over))

    @property
    def is_usable(self) -> bool:
        """Whether `check` would raise nothing."""
        return self.over is None and get_ident() == self._thread

    def _inherit(self) -> None:
        """This is a child, which has the connection of its parent by fork: it is not to be touched here."""
        self._thread = 0
        self.is_inherited = True

    @property
    def is_connected(self) -> bool:
        """Whether `welcome` and the core's subscription have come."""
        return self.greeted.done and self.takes_emits

    # -- sockets --------------------------------------------------------------------------------------------------

    def flush(self) -> bool:
        """Send the batches that have gathered; False if there is no room for all of them."""
        outbox = self.session.outbox
        only = outbox.only()
        if only is not None:
            try:
                self._send(only, DONTWAIT)
            except zmq.Again:
                return False
            outbox.sent_only()
            return True
        commands, batch = self.link.commands, outbox.batch()
        while batch is not None:
            try:
                if isinstance(batch, Parcel):
                    send_all(commands, batch.head, batch.frames)
                else:
                    self._send(batch, DONTWAIT)
            except zmq.Again:
                return False
            batch = outbox.sent()
        return True

    def receive(self) -> list[Pending]:
        """Read one message that is there on the commands socket: what it has answered."""
        commands = self.link.commands
        frame = commands.recv(DONTWAIT)
        raw = receive_rest(commands) if commands.get(MORE) else ()
        return self.session.receive(frame, monotonic(), raw)

    def receive_events(self) -> bool:
        """Read the events that are there, a turn of them at most; whether there may be more."""
        events, session = self.link.events, self.session
        for _ in range(TURN):
            if not readable(events):
                return False
            session.receive_event(events.recv(DONTWAIT))
        return True

    def receive_emits(self) -> None:
        """Read what the core's SUB has to say. Looking is also what makes room visible for emits that wait."""
        emits = self.link.emits
        while readable(emits):
            self.takes_emits = False
            self.takes_emits = self.session.receive_subscription(emits.recv(DONTWAIT))

    def emit(self, prepared: tuple[bytes, bytes]) -> bool:
        """Send a prepared event as the next one; False if there is no room, or nobody there: XPUB would drop it."""
        if not self.takes_emits:
            return False
        self.is_used = True
        try:
            self._send_emit(self.session.number_emit(prepared), DONTWAIT)
        except zmq.Again:
            return False
        self.session.emitted += 1
        return True

    # -- listening ------------------------------------------------------------------------------------------------

    def listen(self, subscription: Subscription) -> Pending | None:
        """Put the handler in place, and subscribe if it is the first of its topic: what is to be awaited, if anything.

        Raises NotAllowed or Busy, and nothing has happened.
        """
        topic, session = subscription.topic, self.session
        awaited = self.listeners.awaited(topic)
        if awaited is None:
            if len(self.listeners) >= session.limits.topics:
                raise Busy(f"{len(self.listeners)} topics are listened to, and no more are taken (nothing was sent)")
            awaited = session.subscribe(topic)
            self.is_used = True
            self.link.events.subscribe(topic)
        self.listeners.add(subscription, awaited)
        return None if awaited.done else awaited

    def unlisten(self, subscription: Subscription) -> None:
        """Take the handler away, and unsubscribe if it was the last of its topic."""
        if self.listeners.remove(subscription):
            self.is_used = True
            self.link.events.unsubscribe(subscription.topic)

    def handlers(self, event: Event) -> list[Handler]:
        """What is to be called with this event now. Those that listen once do so no more."""
        found = self.listeners.of(event.name)
        for subscription in found:
            if subscription.once:
                self.unlisten(subscription)
        return [subscription.handler for subscription in found]

    # -- ending ---------------------------------------------------------------------------------------------------

    def finish(self, end: Ended | Closed) -> None:
        """The conversation is over, for this reason: close the sockets, and tell the operator if it should not be."""
        if self.over is not None:
            return
        self.over = end
        self.session.channels.close_all()
        self.link.close()
        if isinstance(end, Ended):
            _tell(end)

    def left(self) -> None:
        """The leave is taken, or the time for it has passed."""
        session = self.session
        if self.over is not None:
            return
        if session.state is not State.LEFT:
            say(f"the core has not answered bye within {LEAVE:g} s")
        elif session.emits_handled != session.emitted:
            say(f"the core has handled {session.emits_handled} of {session.emitted} emits")
        self.finish(Closed("this connection has been closed"))

    def statistics(self) -> Statistics:
        """The session's counts."""
        return self.session.statistics()


def _tell(end: Ended) -> None:
    """Tell the operator why this worker ends, unless it is just how workers end."""
    if end.status:
        say(end.reason)
