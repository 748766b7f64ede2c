"""One worker's calls: admitted or refused, dispatched, and each answered once. Knows no batch and no socket.

Which ids there are is the conversation's to know, who may call what the authority's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from math import isinf
from time import monotonic
from typing import TYPE_CHECKING, Any

import attrs

from stockade import limits
from stockade.config.specs import WorkerLimits
from stockade.core.burden import Burden, weight_of
from stockade.core.channels import Channels
from stockade.core.commands.caller import Caller
from stockade.core.commands.context import Context
from stockade.core.policy.authority import Act, Authority
from stockade.core.policy.quota import Rate
from stockade.core.wire import brief
from stockade.core.wire.codec import encode
from stockade.core.wire.happenings import MISSING, Call, CallOptions, Cancel, Message
from stockade.errors import Code, CommandError
from stockade.observe.traces import within

if TYPE_CHECKING:
    from stockade.core.commands.dispatch import Dispatcher
    from stockade.core.commands.registry import Command
    from stockade.core.commands.running import Running
    from stockade.core.exports.routed import Routed
    from stockade.core.exports.router import Router
    from stockade.core.outbox import Laden
    from stockade.core.replies import Replies
    from stockade.core.wire.conversation import Conversation

__all__ = ["Calls"]

#: How a result begins: the call's id and the value follow.
_RESULT = encode(["result", 0, 0])[:-2]


@attrs.define(eq=False)
class Calls:
    """The calls of one generation that are not answered yet. `post` sends an answer."""

    _label: str
    _generation: int
    _limits: WorkerLimits
    _conversation: Conversation
    _authority: Authority
    _commands: Mapping[str, Command]
    _dispatcher: Dispatcher
    _router: Router
    _deadline: float | None  # seconds of a call to another worker that states none
    _replies: Replies
    _channels: Channels
    _burden: Burden
    post: Callable[[bytes | Laden], None]
    #: What the worker's calls with that parent are within.
    _within: Callable[[int], Context | None]
    _callers: dict[str, Caller] = attrs.field(factory=dict)
    #: The inline commands among theirs, as they are run when a call comes alone.
    _at_once: dict[str, Callable[[Mapping[str, Any]], tuple[Any, CommandError | None]]] = attrs.field(factory=dict)
    _exported: set[str] = attrs.field(factory=set)  # commands of other workers that it may call
    _running: dict[int, Running | Routed] = attrs.field(factory=dict)
    _heavy: dict[int, int] = attrs.field(factory=dict)  # large calls in flight: id -> bytes
    _rate: Rate | None = None  # where they have one
    silent: bool = False  # the worker hears no answer any more

    def __attrs_post_init__(self) -> None:
        if not isinf(self._limits.rate):
            self._rate = Rate(self._limits.rate)

    def on_call(self, call: Call) -> None:
        """Dispatch a call, or answer that it may not be."""
        if self._rate is not None and (wait := self._rate.take(monotonic())):
            self._answer(call, None, _too_fast(self._limits.rate, wait))
            return
        caller = self._callers.get(call.command) or self._admitted(call)
        if caller is None:
            return
        command, answer = self._commands[call.command], partial(self._answer, call)
        if call.options is None:
            running = self._dispatcher.dispatch(caller, command, call.arguments, answer)
        else:
            context = self._context(call.options, self._dispatcher.due(command))
            if context.channels:
                answer = partial(self._answer_with_channels, call, context)
            with nullcontext() if context.trace is None else within(context.trace):
                running = self._dispatcher.dispatch(caller, command, call.arguments, answer, context)
        if running is not None:
            self._keep(call, running)

    def answer_at_once(self, message: Message) -> bytes | Laden | None:
        """The short way: the encoded answer to a message that came alone, if it is a call of an inline command, without
        options, that this worker was admitted to before. None for any other, and then nothing has happened.
        """
        # Who makes one call at a time waits for just this, and its caches are cold: what counts is how much different
        # code there is on the way. It is half of that of `on_call` with all that is around it: 1.46 bare round trips
        # instead of 1.66.
        if len(message) != 4 or message[0] != "call" or type(message[2]) is not str:
            return None
        _, number, command, arguments = message
        run = self._at_once.get(command)
        if run is None or not self._conversation.take_at_once(number, arguments):
            return None
        value, error = run(arguments)
        if error is None and (written := brief.write(value)) is not None:
            return _RESULT + (brief.write(number) or encode(number)) + written
        return self._said(Call(number, command, arguments), value, error)

    def _keep(self, call: Call, running: Running | Routed) -> None:
        self._running[call.id] = running
        weight = self._burden.weight
        if weight is None:
            weight = sum(map(weight_of, call.arguments.values()))
        if weight > limits.HEAVY:
            self._heavy[call.id] = weight
            self._burden.add(weight)

    def _route(self, call: Call) -> None:
        """Hand on a call to what another worker exports."""
        options = call.options or CallOptions()
        due = None if self._deadline is None else monotonic() + self._deadline
        context = self._context(options, due)
        routed = self._router.call(
            call.command,
            call.arguments,
            context,
            partial(self._answer_with_channels, call, context),
            offers=options.channels,
            idempotent=options.idempotent,
        )
        if routed is not None:
            self._keep(call, routed)

    def on_cancel(self, cancel: Cancel) -> None:
        """Stop one, and answer `cancelled`."""
        self.stop((cancel.id,))

    def stop(self, numbers: Iterable[int]) -> None:
        """Cancel these, as far as they run; each is answered `cancelled`."""
        for number in numbers:
            running = self._running.get(number)
            if running is not None:
                running.cancel()

    def stop_all(self) -> None:
        """Cancel every one; each is answered `cancelled` if the worker can still hear it."""
        self.stop(tuple(self._running))

    def _admitted(self, call: Call) -> Caller | None:
        """The caller of a command of the core's that policy allows, remembered.

        None after answering one that it does not allow, and after handing on one that a worker may export. Of those
        the ones are remembered that some worker does export: a pattern may let this one make up any number of others.
        """
        if call.command in self._exported:
            self._route(call)
            return None
        decision = self._authority.decide(self._label, Act.CALL, call.command)
        if not decision.allowed:
            self._answer(call, None, decision.refusal())
            return None
        if call.command not in self._commands:
            if self._router.has_seen(call.command):
                self._exported.add(call.command)
            self._route(call)
            return None
        scope = self._authority.scope(self._label, call.command)
        caller = self._callers[call.command] = Caller(self._label, self._generation, call.command, scope)
        run = self._dispatcher.at_once(caller, self._commands[call.command])
        if run is not None and self._rate is None:
            self._at_once[call.command] = run
        return caller

    def _context(self, options: CallOptions, due: float | None) -> Context:
        """What a call with options stands in, `due` then if it does not say when: within what it is part of, always."""
        if options.deadline is MISSING:
            deadline = due
        else:
            deadline = None if options.deadline is None else monotonic() + options.deadline / 1000
        parent = None if options.parent is None else self._within(options.parent)
        if parent is not None and parent.deadline is not None:
            deadline = parent.deadline if deadline is None else min(deadline, parent.deadline)
        context = Context(self._label, deadline, parent, options.trace)
        if options.channels:
            context.channels = self._channels.open(options.channels)
        return context

    def _answer(self, call: Call, value: Any, error: CommandError | None) -> None:
        """End a call with its value or its error; too late, it is for nobody."""
        self._running.pop(call.id, None)
        if call.id in self._heavy:
            self._burden.remove(self._heavy.pop(call.id))
        if self.silent:
            return
        if error is not None:
            self.fail(call, error)
            return
        try:
            part = self._result(call, value)
        except CommandError as refused:
            self.fail(call, refused)
        else:
            if self._conversation.answer(call.id):
                self.post(part)

    def _said(self, call: Call, value: Any, error: CommandError | None) -> bytes | Laden:
        """The encoded answer to a call without channels."""
        if error is None:
            try:
                return self._result(call, value)
            except CommandError as refused:
                error = refused
        return self._replies.error(call, error)

    def _result(self, call: Call, value: Any) -> bytes | Laden:
        """The encoded result. Raises the CommandError that is the answer instead."""
        try:
            return self._replies.result(call, value)
        except CommandError:
            raise
        except Exception as fault:
            # Of our own: nothing that a command returns may do this.
            raise self._dispatcher.internal(fault, f"the answer to {call.command}", self._label) from fault

    def _answer_with_channels(self, call: Call, context: Context, value: Any, error: CommandError | None) -> None:
        """The same for a call that may have channels. Those that nobody has taken end before a result, as streams do;
        an error has ended all.
        """
        if error is None:
            context.end_untaken()
        self._answer(call, value, error)
        context.end_untaken()

    def fail(self, call: Call, error: CommandError) -> None:
        """End a call with an error, and its channels; nothing happens where it is answered."""
        ended = self._conversation.fail(call.id)
        if ended is not None:
            self._channels.close(ended, error)
            self.post(self._replies.error(call, error))


def _too_fast(per_second: float, wait: int) -> CommandError:
    return CommandError(Code.BUSY, f"{per_second:g} calls per second are the limit", {"retry_after_ms": wait})
