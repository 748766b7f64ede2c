"""Calls that the core makes to the worker, in a step: how they are asked, and which answers are taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from stockade.certify.fault import require
from stockade.certify.life import Life, map_of
from stockade.certify.matching import Error
from stockade.core.wire.happenings import Answer, Cancel, End, Side
from stockade.errors import CommandError

__all__ = ["answer_of", "ask", "call_of", "cancel", "fails_with", "gives", "serving", "settled"]


def ask(life: Life, command: str, arguments: Mapping[str, Any], **options: Any) -> int:
    """Call a command of the worker's; the call's id."""
    message = call_of(life, command, arguments, **options)
    life.say(message)
    return int(message[1])


def call_of(
    life: Life,
    command: str,
    arguments: Mapping[str, Any],
    *,
    ends: Mapping[str, tuple[Side, int]] | None = None,
    **options: Any,
) -> list[Any]:
    """The message that calls a command of the worker's. `ends`: its channels, to whom each and the credit."""
    conversation = life.judge.conversation
    number = conversation.ask()
    channels = {}
    for name, (to, credit) in (ends or {}).items():
        channel = conversation.open_channel(number, to, credit)
        channels[name] = {"id": channel, "to": to} | ({"credit": credit} if to == "caller" else {})
    said = {"caller": "core", **options} | ({"channels": channels} if channels else {})
    return ["call", number, command, dict(arguments), said]


def cancel(life: Life, number: int) -> None:
    """Cancel a call of the core's, and with it what the worker calls as part of it."""
    nested = life.judge.conversation.cancel_asked(number)
    life.say(["cancel", number])
    for each in nested or ():
        life.end_call(each, "cancelled", "the call that it is part of was cancelled")


async def answer_of(life: Life, number: int) -> Answer:
    """The next message, which must be the answer to this call."""
    answer = await life.hear(Answer, f"the answer to call {number}")
    require(answer.id == number, f"the answer to call {number}", f"that of call {answer.id}")
    for nested in answer.nested:
        life.end_call(nested, "cancelled", "the call that it is part of has ended")
    return answer


async def gives(life: Life, number: int, wanted: Any) -> None:
    """Await the answer to a call: this result."""
    answer = await answer_of(life, number)
    require(answer.error is None, "a result", str(answer.error))
    life.same(answer.value, wanted, "the result")


async def fails_with(life: Life, number: int, wanted: Error) -> None:
    """Await the answer to a call: this error. Before it the worker may end the call's channels, each with an error, and
    cancel what is part of it.
    """
    while await _is_beside_an_answer(life, f"the answer to call {number}"):
        life.commands.popleft()
    answer = await answer_of(life, number)
    came = {"value": answer.value} if answer.error is None else map_of(answer.error)
    life.same(came, wanted, "the error")


async def _is_beside_an_answer(life: Life, wanted: str) -> bool:
    heard = await life.until(lambda: life.commands[0] if life.commands else None, wanted)
    match heard.happening:
        case Cancel(id=number):
            life.end_call(number, "cancelled")
            return True
        case End(error=CommandError()):
            return True
    return False


async def settled(life: Life) -> None:
    """Await what the worker may still say behind an error: that it cancels what was part of it."""
    await life.round_trip()
    while life.commands and isinstance(life.commands[0].happening, Cancel):
        life.commands.popleft()


def serving(play: Callable[[Life], Awaitable[None]]) -> Callable[[Life], Awaitable[None]]:
    """Around a step: the worker serves while it is played."""

    async def around(life: Life) -> None:
        life.task("serve")
        await play(life)
        await gives(life, ask(life, "echo.enough", {}), None)
        await life.reports({})

    around.__doc__ = play.__doc__
    return around
