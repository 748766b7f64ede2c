"""What commands call workers by: `Workers`, before anything of it reaches a pool."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import attrs
import pytest

from stockade import exported
from stockade.core.commands.context import CURRENT, Context
from stockade.core.commands.workers import Answer, Request, Workers
from stockade.core.types.encoding import EncodingError
from stockade.errors import Cancelled, CommandError


@attrs.define(eq=False)
class Line:
    """An invoker that remembers, and answers when it is told to, or at once with `says`."""

    says: tuple[Any, CommandError | None] | None = None
    requests: list[Request] = attrs.field(factory=list)
    answers: list[Answer] = attrs.field(factory=list)
    cancels: int = 0
    came: asyncio.Event = attrs.field(factory=asyncio.Event)

    def invoke(self, request: Request, answer: Answer) -> Line | None:
        self.requests.append(request)
        self.answers.append(answer)
        self.came.set()
        if self.says is None:
            return self
        answer(*self.says)
        return None

    def cancel(self) -> None:
        self.cancels += 1


def run(test: Callable[[Line, Workers], Awaitable[None]], says: tuple[Any, CommandError | None] | None = None) -> None:
    async def main() -> None:
        line = Line(says)
        await test(line, Workers(line, asyncio.get_running_loop()))

    asyncio.run(main())


def test_a_call_is_made_and_answered() -> None:
    """With its arguments in values of the wire, and what the options say."""

    async def test(line: Line, workers: Workers) -> None:
        asked = workers.options(timeout=2.0, idempotent=True)
        assert await asked.invoke("thumbs.make", sizes=(1, 2)) == 7
        (request,) = line.requests
        assert (request.command, request.arguments) == ("thumbs.make", {"sizes": [1, 2]})
        assert (request.timeout, request.idempotent, request.within) == (2.0, True, None)

    run(test, (7, None))


def test_options_are_for_what_they_return() -> None:
    """The injected one stays as it is."""

    async def test(line: Line, workers: Workers) -> None:
        workers.options(timeout=2.0, idempotent=True)
        await workers.invoke("thumbs.make")
        assert (line.requests[0].timeout, line.requests[0].idempotent) == (None, False)

    run(test, (None, None))


def test_an_error_is_raised() -> None:
    """As the worker has said it."""

    async def test(line: Line, workers: Workers) -> None:
        with pytest.raises(CommandError) as raised:
            await workers.invoke("thumbs.make")
        assert (raised.value.code, raised.value.data) == ("thumbs.broken", {"at": 1})

    run(test, (None, CommandError("thumbs.broken", "it broke", {"at": 1})))


def test_it_is_part_of_the_call_that_the_command_runs() -> None:
    """Whose deadline and cancelling are its own."""

    async def test(line: Line, workers: Workers) -> None:
        context = Context("ui")
        CURRENT.set(context)
        await workers.invoke("thumbs.make")
        assert line.requests[0].within is context

    run(test, (None, None))


def test_a_task_that_is_cancelled_cancels_its_call() -> None:
    """Nobody waits for it any more."""

    async def test(line: Line, workers: Workers) -> None:
        task = asyncio.ensure_future(workers.invoke("thumbs.make"))
        await line.came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert line.cancels == 1
        line.answers[0]("too late", None)

    run(test)


@pytest.mark.parametrize("arguments", [{"a": object()}, {"a": 2**64}])
def test_what_cannot_cross_the_wire_is_not_sent(arguments: dict[str, Any]) -> None:
    """The command learns it as ValueError: a bug of its own."""

    async def test(line: Line, workers: Workers) -> None:
        with pytest.raises(EncodingError):
            await workers.invoke("thumbs.make", **arguments)
        assert line.requests == []

    run(test, (None, None))


def test_a_thread_waits() -> None:
    """For the answer, or the end of its own call; the loop runs on meanwhile."""

    async def test(line: Line, workers: Workers) -> None:
        got: list[Any] = []

        def thread() -> None:
            got.append(workers.invoke_blocking("thumbs.make", name="a"))
            with pytest.raises(Cancelled):
                workers.invoke_blocking("thumbs.make", name="b")
            got.append("raised")

        running = asyncio.ensure_future(asyncio.to_thread(thread))
        await line.came.wait()
        line.came.clear()
        line.answers[0](1, None)
        await line.came.wait()
        line.answers[1](None, Cancelled())
        await running
        assert got == [1, "raised"]

    run(test)


def test_the_loops_own_thread_may_not_wait() -> None:
    """It would wait for itself."""

    async def test(line: Line, workers: Workers) -> None:
        assert threading.current_thread() is threading.main_thread()
        with pytest.raises(RuntimeError, match="await invoke"):
            workers.invoke_blocking("thumbs.make")
        assert line.requests == []

    run(test)


@attrs.frozen
class Thumb:
    name: str
    size: int


@exported("thumbs.make")
async def make(name: str, size: int = 8) -> Thumb:  # type: ignore[empty-body]
    """Make a picture smaller."""


@exported("thumbs.all")
def every() -> Iterator[str]: ...  # type: ignore[empty-body]


def test_a_declared_command_is_invoked_with_its_types() -> None:
    """Arguments go by name, what is left out stays so, and the answer is of the declared type."""

    async def test(line: Line, workers: Workers) -> None:
        thumb = await workers.invoke(make, "cat")
        assert (thumb.name, thumb.size) == ("cat", 8)
        assert await asyncio.to_thread(workers.invoke_blocking, make, name="cat", size=8) == thumb
        assert [(each.command, each.arguments) for each in line.requests] == [
            ("thumbs.make", {"name": "cat"}),
            ("thumbs.make", {"name": "cat", "size": 8}),
        ]

    run(test, ({"name": "cat", "size": 8}, None))


def test_an_answer_that_is_not_as_declared_is_failed() -> None:
    """The worker broke its word: the path says where."""

    async def test(_line: Line, workers: Workers) -> None:
        with pytest.raises(CommandError, match=r"failed: thumbs\.make answered .*: size: expected int, got text"):
            await workers.invoke(make, name="cat")

    run(test, ({"name": "cat", "size": "8"}, None))


def test_what_declares_no_answer_cannot_be_invoked() -> None:
    """A function without the mark, a stream, and an argument that it does not take, are told before a call is made."""

    async def test(line: Line, workers: Workers) -> None:
        with pytest.raises(TypeError, match="declares no command"):
            await workers.invoke(repr, 1)
        with pytest.raises(TypeError, match=r"thumbs\.all has a stream"):
            await workers.invoke(every)
        with pytest.raises(TypeError, match="missing a required argument"):
            await workers.invoke(make)  # type: ignore[call-overload]
        assert line.requests == []

    run(test)
