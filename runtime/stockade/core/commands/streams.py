"""Commands with channels: those that a call opens handed to the parameters that want them, and what a command yields.

A generator runs as a command that sends what it yields on the channel named ``yield``. When the receiver drops that,
the generator is closed, and the answer is null, as at its end. Knows no port's inside, and no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from stockade.core.commands.channels import Channel, ReceiveChannel, SendChannel
from stockade.core.commands.context import CURRENT, Context
from stockade.core.commands.signatures import YIELD, ChannelParameter
from stockade.errors import Code, CommandError, Dropped

__all__ = ["feeding", "feeding_blocking", "opened", "unfit"]

#: What a caller is to give for a parameter of each class, in its own words.
_WANTED = {
    Channel: "a channel",
    SendChannel: "a channel on which the caller receives",
    ReceiveChannel: "a channel on which the caller sends",
}


def unfit(takes: Sequence[ChannelParameter], context: Context | None) -> CommandError | None:
    """What is wrong with the channels of a call to a command that takes these, `invalid_args`; None: nothing."""
    channels = {} if context is None else context.channels
    known = {each.name: each for each in takes}
    for name, end in channels.items():
        if name not in known:
            wrong = "the command does not stream: invoke() it"
            return _invalid(name, wrong if name == YIELD else f"{name}: the command takes no such channel")
        if not known[name].accepts(end):
            return _invalid(name, f"{name}: expected {_WANTED[known[name].kind]}")
    for name, each in known.items():
        if each.required and name not in channels:
            wrong = "the command streams: stream() it"
            return _invalid(name, wrong if name == YIELD else f"{name}: missing, {_WANTED[each.kind]}")
    return None


def _invalid(name: str, wrong: str) -> CommandError:
    return CommandError(Code.INVALID_ARGS, wrong, {"path": name})


def opened(takes: Sequence[ChannelParameter], context: Context | None) -> dict[str, Any]:
    """The channels of a running call, as its command wants them, by parameter."""
    if context is None:
        return {}
    channels = context.channels
    handed = {each.name: each.open(channels[each.name]) for each in takes if each.name in channels}
    context.taken, context.held = True, tuple(handed.values())
    return handed


def feeding(function: Callable[..., Any]) -> Callable[..., Any]:
    """The coroutine function in place of an async generator function: it has one more keyword, its SendChannel."""

    async def feed(**keywords: Any) -> None:
        stream: SendChannel[Any] = keywords.pop(YIELD)
        task, port = asyncio.current_task(), stream.port
        asked = 0  # times that this has cancelled the task itself, to get the generator out of whatever it awaits

        def stop() -> None:
            nonlocal asked
            if task is not None and type(port.closed) is Dropped and not task.done():
                asked = 1
                task.cancel()

        generator = function(**keywords)
        port.on_closed = stop
        try:
            async for item in generator:
                await stream.send(item)
        except (Dropped, asyncio.CancelledError):
            if type(port.closed) is not Dropped:
                raise
            if task is not None and asked and task.uncancel():
                raise  # somebody else has cancelled it too
        finally:
            port.on_closed = None
            await generator.aclose()
        await stream.end()

    return feed


def feeding_blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a generator function, in a thread. ``caller.cancelled`` tells it where the stream was dropped."""

    def feed(**keywords: Any) -> None:
        stream: SendChannel[Any] = keywords.pop(YIELD)
        port, context = stream.port, CURRENT.get()
        generator = function(**keywords)

        def stop() -> None:
            if context is not None and type(port.closed) is Dropped:
                context.cancel()

        port.on_closed = stop
        try:
            for item in generator:
                stream.send_blocking(item)
            stream.end_blocking()
        except BaseException:
            if type(port.closed) is not Dropped:
                stream.flush_blocking()
                raise
        finally:
            generator.close()

    return feed
