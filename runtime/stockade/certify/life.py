"""One life of the worker that is certified: its process, its link, what it has said, and what the script says to it.

Every step is written in these verbs. What the worker says is judged as it comes; a Fault found then, and a wait for
what does not come, is raised where the step waits next.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import cbor2
import zmq

from stockade.certify import matching
from stockade.certify.fault import Fault, require
from stockade.certify.judge import Heard, Judge, Subscription
from stockade.certify.link import Link
from stockade.certify.notation import written
from stockade.certify.program import Program
from stockade.certify.scene import PLAIN, Scene
from stockade.certify.stage import Passed, Stage
from stockade.core.ends import KINDS
from stockade.core.wire.happenings import Answer, Call, Credit, Hello, Ready, Reply
from stockade.core.wire.topics import Emit
from stockade.core.zap import Expected
from stockade.errors import CommandError

__all__ = ["NEXT", "NOW", "Life", "map_of"]

#: The commands by which the worker is told what to do.
NEXT, NOW = "certify.next", "certify.now"
#: Seconds in which the end of a process and those of its connections, which come apart, are seen together.
_TOGETHER = 0.5
#: Seconds until a message is tried again for which there was no room.
_SOON = 0.002

_Happening = TypeVar("_Happening")
_Value = TypeVar("_Value")


@attrs.define(eq=False)
class Life:
    """A worker from `start` to `close`. `step` is the name of the one that is played."""

    stage: Stage
    scene: Scene = PLAIN
    step: str = ""
    commands: deque[Heard] = attrs.field(factory=deque)
    subscriptions: deque[Subscription] = attrs.field(factory=deque)
    emits: deque[Emit] = attrs.field(factory=deque)
    trace: list[Passed] = attrs.field(factory=list)
    exports: dict[str, Any] = attrs.field(factory=dict)
    judge: Judge = attrs.field(init=False)
    seq: int = 0  # of the last event
    pongs: list[int] = attrs.field(factory=list)  # as they came
    ignored: list[Any] = attrs.field(factory=list)  # messages for what had ended
    batches: list[int] = attrs.field(factory=list)  # how many messages each of the worker's had
    asked: Call | None = None  # the worker's call for its next task, if it waits for one
    program: Program = attrs.field(init=False)
    link: Link = attrs.field(init=False)
    _generation: int = 0
    _pings: int = 0
    _unsent: deque[tuple[str, tuple[bytes, ...]]] = attrs.field(factory=deque)
    _fault: Fault | None = None
    _news: asyncio.Event = attrs.field(factory=asyncio.Event)
    is_started: bool = False
    _expects_end: bool = False
    _exited_at: float | None = None
    _loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop)

    def turn_to(self, step: str) -> None:
        """Another step is played, to which nothing of what has passed belongs."""
        self.step = step
        for kept in (self.trace, self.pongs, self.ignored, self.batches):
            kept.clear()

    # -- its beginning ------------------------------------------------------------------------------------------------

    async def start(self, sockets: Iterable[str] = KINDS, *, secret: bool = True) -> None:
        """Start the program; connect to these of its `sockets`."""
        self.judge = Judge(self.scene)
        self._generation, folder = self.stage.place()
        self.program = program = Program.start(self.stage.argv, folder, self.scene.label, self._generation)
        self.is_started = True
        self._loop.add_reader(program.pidfd, self._ended)
        user = f"{program.label}@{program.generation}".encode()
        expected = Expected(user, program.secret.encode(), program.pid, program.pidfd, self._refused, lambda pid: None)
        size = self.scene.limits["message"]
        self.link = Link(self._loop, str(program.sockets), expected, size, self._received, self._news.set)
        self.link.open_to(*sockets)
        if secret:
            program.tell_secret()

    async def begin(self) -> None:
        """All that comes before the first task: connect, hello, welcome, ready, and the first call for a task."""
        await self.start()
        await self.greeted()
        await self.first()
        await self.until(lambda: self.link.made == set(KINDS), f"{', '.join(KINDS)}, all three bound")

    async def greeted(self) -> Hello:
        """Await `hello`, and answer it."""
        hello = await self.hear(Hello, "hello, as the first message")
        self.say(["welcome", self.scene.welcome(self._generation)])
        return hello

    async def first(self) -> None:
        """Await `ready`, and the first call of certify.next, which brings the worker's offers."""
        ready = await self.hear(Ready, "ready, before the first call")
        self.exports = {name: export._asdict() for name, export in ready.exports.items()}
        call = await self.until(lambda: self.asked, f"a call of {NEXT}")
        offers = call.arguments.get("offers")
        names = [name for name in offers if type(name) is str] if isinstance(offers, list) else None
        require(names == offers, '{"offers": [name]} as the arguments of the first certify.next', call.arguments)
        self.stage.offers = self.stage.offers or frozenset(names or ())

    # -- what comes ---------------------------------------------------------------------------------------------------

    def _received(self, socket: str, frames: list[bytes]) -> None:
        self.trace.append(Passed(False, socket, tuple(frames)))
        self._news.set()
        if self._fault is not None:
            return
        try:
            if socket == "events":
                self._subscribed(self.judge.subscription(frames))
            elif socket == "emits":
                self.emits.append(self.judge.emit(frames))
            else:
                self._take(self.judge.batch(frames))
        except Fault as fault:
            self._fault = fault

    def _take(self, batch: list[Heard]) -> None:
        self.batches.append(len(batch))
        for heard in batch:
            if isinstance(heard.happening, Reply):
                self.say(heard.happening.message)
            elif heard.message[0] == "pong":
                self.pongs.append(int(heard.message[1]))
            elif heard.happening is None:
                self.ignored.append(heard.message)
            elif isinstance(heard.happening, Call) and heard.happening.command == NEXT:
                self._asks(heard.happening)
            elif not isinstance(heard.happening, Credit):
                self.commands.append(heard)

    def _asks(self, call: Call) -> None:
        if self.asked is not None:
            raise Fault(f"one call of {NEXT} at a time", "another")
        self.asked = call

    def _subscribed(self, subscription: Subscription) -> None:
        if not subscription.listen:
            self.link.revoke(subscription.topic)
        self.subscriptions.append(subscription)

    def _refused(self, why: str) -> None:
        if self.program.status() is not None:
            return  # it bound, said something and ended, before the last connection was made
        self._fault = self._fault or Fault("the user name and secret that it was given, from its own process", why)
        self._news.set()

    def _ended(self) -> None:
        self._loop.remove_reader(self.program.pidfd)  # which would be readable from now on
        self._news.set()

    # -- waiting ------------------------------------------------------------------------------------------------------

    async def until(self, ready: Callable[[], _Value | None], wanted: str, look: float | None = None) -> _Value:
        """What `ready` gives, once it is neither None nor false. Raises Fault if the worker has done anything else.

        It is asked whenever the worker has said something, or ended; and every `look` seconds.
        """
        deadline = self._loop.time() + self.stage.patience
        while True:
            self._news.clear()
            if self._fault is not None:
                raise self._fault
            value = ready()
            if value is not None and value is not False:
                return value
            now = self._loop.time()
            if now > deadline:
                raise Fault(wanted, f"nothing, for {self.stage.patience:.1f} s")
            pause = min(deadline - now, look or self.stage.patience)
            if not self._expects_end:
                pause = min(pause, self._look_for_an_end(wanted, now))
            try:
                async with asyncio.timeout(max(pause, 0.01)):
                    await self._news.wait()
            except TimeoutError:
                pass  # the deadline, or the end of what comes together

    def _look_for_an_end(self, wanted: str, now: float) -> float:
        """Raise Fault if the worker has ended though it should not; else for how long that need not be asked again."""
        status, lost = self.program.status(), self.link.lost
        if status is None and not lost:
            self._exited_at = None
            return self.stage.patience
        if self._exited_at is None:
            self._exited_at = now
        if now - self._exited_at < _TOGETHER and (status is None or self.link.lost != self.link.made):
            return _TOGETHER
        if status is not None:
            raise Fault(wanted, f"its end, with exit status {status}")
        raise Fault(
            f"{wanted}, on a connection that stays open", f"it closed {' and '.join(sorted(lost))}, and lives on"
        )

    async def hear(self, kind: type[_Happening], wanted: str) -> _Happening:
        """The next message, which must be of this kind."""
        heard = await self.until(lambda: self._next_heard(kind, wanted), wanted)
        self.commands.popleft()
        if not isinstance(heard.happening, kind):
            raise Fault(wanted, written(heard.message))
        return heard.happening

    def _next_heard(self, kind: type[_Happening], wanted: str) -> Heard | None:
        """What was heard first, if anything. A worker that asks for the next task says nothing more, but what its
        handlers answer: they may be threads or tasks of their own.
        """
        if self.commands:
            return self.commands[0]
        if self.asked is not None and kind is not Answer:
            raise Fault(wanted, f"a call of {NEXT}: {written(self.asked.arguments)}")
        return None

    async def call(self, command: str) -> Call:
        """The next message, which must be a call of this command."""
        wanted = f"a call of {command}"
        call = await self.hear(Call, wanted)
        require(call.command == command, wanted, f"a call of {call.command}, {written(call.arguments)}")
        return call

    async def round_trip(self) -> None:
        """A ping and its pong: what the worker has said before it, it has said by now."""
        self._pings += 1
        number = self._pings
        self.say(["ping", number])
        await self.pong(number)

    async def pong(self, number: int) -> None:
        """Await the pong of a ping."""
        await self.until(lambda: number in self.pongs, f"a pong of ping {number}")

    def quiet(self, wanted: str) -> None:
        """Raise Fault if the worker has said anything that is not yet read."""
        if self._fault is not None:
            raise self._fault
        if self.commands:
            raise Fault(wanted, written(self.commands[0].message))
        if self.emits or self.subscriptions:
            raise Fault(wanted, str((self.emits or self.subscriptions)[0]))

    # -- tasks --------------------------------------------------------------------------------------------------------

    def task(self, do: str, **more: Any) -> None:
        """Tell the worker, which waits for it, what to do."""
        self.answer(self._next(), {"do": do, "step": self.step, **more})

    def _next(self) -> Call:
        if self.asked is None:
            raise ValueError("the worker has not asked for a task")
        asked, self.asked = self.asked, None
        return asked

    def task_message(self, do: str, **more: Any) -> list[Any]:
        """The message that `task` would send, for a step that sends it in its own way."""
        number = self._next().id
        self.judge.conversation.answer(number)
        return ["result", number, {"do": do, "step": self.step, **more}]

    async def report(self) -> Any:
        """Await what the worker reports of its task, in its next call for one."""
        call = await self.until(self._reported, f"a report, in a call of {NEXT}")
        require("report" in call.arguments, "an argument `report`", call.arguments)
        return call.arguments["report"]

    def _reported(self) -> Call | None:
        """The worker's call for its next task, once it has come. Raises Fault for anything else that it has said."""
        if self.commands:
            raise Fault("a report, and nothing before", written(self.commands[0].message))
        return self.asked

    async def reports(self, wanted: Any, what: str = "the report") -> Any:
        """Await the report, which must be as wanted (`matching.fits`), and no error where none is."""
        report = await self.report()
        self.same(report, wanted, what)
        if isinstance(report, dict) and isinstance(wanted, dict) and "error" not in wanted:
            require(report.get("error") is None, f"{what} without an error", report)
        return report

    def same(self, came: Any, wanted: Any, what: str) -> None:
        """Raise Fault unless `came` is as wanted, as far as this worker can tell numbers."""
        floats = "floats" in self.stage.offers
        require(matching.fits(wanted, came, floats=floats), f"{what} {written(wanted)}", written(came))

    async def invoked(self, command: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> Call:
        """Have the worker invoke a command; its call."""
        arguments = dict(arguments or {})
        self.task("invoke", command=command, arguments=arguments, **more)
        call = await self.call(command)
        self.same(call.arguments, arguments, "the arguments")
        require(call.arguments.keys() == arguments.keys(), "no other arguments", call.arguments)
        return call

    # -- what the core says -------------------------------------------------------------------------------------------

    def say(self, *messages: Sequence[Any], raw: Iterable[bytes] = ()) -> None:
        """Send a batch of these messages, with the raw frames behind it."""
        self.send(cbor2.dumps(list(messages)), *raw)

    def send(self, *frames: bytes, socket: str = "commands") -> None:
        """Send one ZeroMQ message as it is."""
        self.trace.append(Passed(True, socket, frames))
        self._unsent.append((socket, frames))
        if len(self._unsent) == 1:
            self._flush()

    def _flush(self) -> None:
        """Send what waits, as far as there is room; more is tried soon."""
        while self._unsent and self.is_started:
            try:
                if not self.link.send(*self._unsent[0]):
                    self._loop.call_later(_SOON, self._flush)
                    return
            except (zmq.ZMQError, KeyError):
                pass  # the worker has gone, which whoever waits for it will find
            self._unsent.popleft()

    def answer(self, call: Call, value: Any) -> None:
        """Answer a call."""
        self.say(self.result(call, value))

    def result(self, call: Call, value: Any, *more: Any) -> list[Any]:
        """The message that answers a call, to be said in its turn."""
        self.judge.conversation.answer(call.id)
        return ["result", call.id, value, *more]

    def refuse(self, call: Call, code: str, message: str = "as the script wants it", data: Any = None) -> None:
        """Answer a call with an error; None for no data."""
        self.end_call(call.id, code, message, data)

    def end_call(self, number: int, code: str, message: str = "as the script wants it", data: Any = None) -> None:
        """Answer the call of this id with an error, if it has no answer yet."""
        if self.judge.conversation.fail(number) is not None:
            self.say(["error", number, _error(code, message, data)])

    def refusal(self, call: Call, code: str, message: str = "as the script wants it", **more: Any) -> list[Any]:
        """The message that answers a call with an error, to be said in its turn."""
        self.judge.conversation.fail(call.id)
        return ["error", call.id, {"code": code, "message": message, **more}]

    # -- its end ------------------------------------------------------------------------------------------------------

    def expect_end(self) -> None:
        """From now on connections may be lost, and the process end."""
        self._expects_end = True

    def words(self) -> tuple[str, str]:
        """The last that the worker wrote on its standard output and error."""
        return (self.program.words("stdout"), self.program.words()) if self.is_started else ("", "")

    def close(self) -> None:
        """Kill what is left, and close everything."""
        if self.is_started:
            self.link.close()
            self._loop.remove_reader(self.program.pidfd)
            self.program.close()
            self.is_started = False


def map_of(error: CommandError) -> dict[str, Any]:
    """An error as it stands in a message."""
    return {"code": error.code, "message": error.message, "data": error.data}


def _error(code: str, message: str, data: Any) -> dict[str, Any]:
    return {"code": code, "message": message} | ({} if data is None else {"data": data})
