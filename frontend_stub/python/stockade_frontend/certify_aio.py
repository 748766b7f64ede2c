"""The echo worker of the asyncio face, which `stockade certify` leads through the protocol (docs/certify.md).

Run it by ``stockade certify -- python -m stockade_frontend.certify_aio``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from stockade_frontend import aio
from stockade_frontend.aio import Connection, ReceiveChannel, SendChannel
from stockade_frontend.certify import OFFERS, STOPPED, Task, error_of, manner, pattern
from stockade_frontend.errors import Cancelled, CommandError, Dropped
from stockade_frontend.events import Event, Subscription

__all__ = ["EchoWorker"]


async def _outcome_of(answer: Awaitable[Any]) -> dict[str, Any]:
    try:
        return {"value": await answer}
    except CommandError as error:
        return {"error": error_of(error)}


class EchoWorker:
    """Does what it is told, one task after the other."""

    def __init__(self, core: Connection) -> None:
        self._core = core
        self._forever = core.options(timeout=None)
        self._events: list[dict[str, Any]] = []
        self._listening: dict[str, Subscription] = {}
        self._enough = asyncio.Event()
        self._export()

    async def work(self) -> None:
        """Ask for tasks, and report, until one of them is the last."""
        self._core.ready()
        task = await self._forever.invoke("certify.next", offers=list(OFFERS))
        while task["do"] not in ("run", "leave"):
            task = await self._forever.invoke("certify.next", report=await self._do(task))
        if task["do"] == "run":
            await self._core.run()

    async def _do(self, task: Task) -> Any:
        do = TASKS.get(task["do"])
        if do is None:
            return {"error": {"code": "certify.unknown", "message": f"{task['do']} is no task"}}
        return await do(self, task)

    # -- calls --------------------------------------------------------------------------------------------------------

    async def invoke(self, task: Task) -> Any:
        """Make a call, and wait for it."""
        options = self._core.options(**manner(task))
        return await _outcome_of(options.invoke(task["command"], **task["arguments"]))

    async def calls(self, task: Task) -> Any:
        """Begin many calls, then wait for all."""
        begun = [self._core.call(task["command"], **arguments) for arguments in task["each"]]
        return {"outcomes": [await _outcome_of(call) for call in begun]}

    async def cancel(self, task: Task) -> Any:
        """Cancel a call once another one has been answered."""
        call = self._core.call(task["command"], **task["arguments"])
        await self._core.invoke("certify.now")
        call.cancel()
        try:
            return await _outcome_of(call)
        except asyncio.CancelledError:
            return {"error": error_of(Cancelled("this worker has cancelled it"))}

    async def echo(self, task: Task) -> Any:
        """Report the values as they came."""
        return {"values": task["values"]}

    async def send_bytes(self, task: Task) -> Any:
        """Make a call with so many bytes."""
        arguments = {task["argument"]: pattern(task["size"])}
        return await _outcome_of(self._core.invoke(task["command"], **arguments))

    # -- channels -----------------------------------------------------------------------------------------------------

    async def stream(self, task: Task) -> Any:
        """Receive what a command yields."""
        stream = self._core.stream(task["command"], **task["arguments"])
        report = await self._receive_from(stream, task.get("take"))
        return {"error" if name == "ended" else name: value for name, value in report.items()}

    async def _receive_from(self, channel: ReceiveChannel, take: int | None) -> dict[str, Any]:
        items: list[Any] = []
        async with channel:  # whose end drops what is left
            try:
                while take is None or len(items) < take:
                    items.append(await anext(channel))
            except StopAsyncIteration:
                pass
            except CommandError as error:
                return {"items": items, "ended": error_of(error)}
        return {"items": items}

    async def send(self, task: Task) -> Any:
        """Send items on a channel."""
        channel = self._core.send_channel()
        call = self._core.call(task["command"], **task["arguments"], items=channel)
        sent = 0
        try:
            for item in task["items"]:
                await channel.send(item)
                sent += 1
            if task["finish"] == "end":
                await channel.end()
            elif task["finish"] == "fail":
                await channel.fail(STOPPED)
        except CommandError:
            pass  # dropped, or the call has failed, which its outcome says
        return {**await _outcome_of(call), "sent": sent}

    async def receive(self, task: Task) -> Any:
        """Receive items on a channel."""
        channel = self._core.receive_channel(**{"credit": task["credit"]} if "credit" in task else {})
        call = self._core.call(task["command"], **task["arguments"], items=channel)
        received = await self._receive_from(channel, task.get("take"))
        return {**await _outcome_of(call), **received}

    # -- events -------------------------------------------------------------------------------------------------------

    async def listen(self, task: Task) -> Any:
        """Listen, and keep what comes."""
        listen = self._core.once if task.get("once") else self._core.listen
        try:
            self._listening[task["topic"]] = await listen(task["topic"], self._keep)
        except CommandError as error:
            return {"error": error_of(error)}
        return {}

    def _keep(self, event: Event) -> None:
        self._events.append({"name": event.name, "source": event.source, "payload": event.payload})

    async def unlisten(self, task: Task) -> Any:
        """Listen no more."""
        self._core.unlisten(self._listening.pop(task["topic"]))
        return {}

    async def kept(self, task: Task) -> Any:
        """Handle events until so many are kept."""
        while len(self._events) < task["count"]:
            await self._core.poll(timeout=None)
        kept, self._events = self._events, []
        return {"events": kept, "missed": self._core.missed}

    async def emit(self, task: Task) -> Any:
        """Emit an event."""
        try:
            await self._core.emit(task["event"], task["payload"], to=task.get("to"))
        except CommandError as error:
            return {"error": error_of(error)}
        return {}

    # -- answering ----------------------------------------------------------------------------------------------------

    async def serve(self, task: Task) -> Any:
        """Answer calls, as this face does at any time, until it is enough."""
        await self._enough.wait()
        self._enough.clear()
        return {}

    def _export(self) -> None:
        export = self._core.export
        export("echo.value", idempotent=True)(lambda value: value)
        for name in ("fail", "crash", "wait", "call", "emit", "enough", "count", "break", "sum", "send"):
            export(f"echo.{name}")(getattr(self, f"_echo_{name}"))

    async def _echo_fail(self, code: str, message: str, data: Any = None) -> None:
        raise CommandError(message, data, code=code)

    async def _echo_crash(self) -> None:
        raise RuntimeError("as asked")

    async def _echo_wait(self) -> None:
        await asyncio.Event().wait()

    async def _echo_call(self, command: str, arguments: dict[str, Any]) -> Any:
        return await self._core.invoke(command, **arguments)

    async def _echo_emit(self, event: str, payload: Any) -> None:
        await self._core.emit(event, payload)

    async def _echo_enough(self) -> None:
        self._enough.set()

    async def _echo_count(self, n: int) -> AsyncIterator[int]:
        for number in range(n):
            yield number

    async def _echo_break(self, n: int) -> AsyncIterator[int]:
        for number in range(n):
            yield number
        raise CommandError("as asked", code="echo.broken")

    async def _echo_sum(self, items: ReceiveChannel) -> int:
        return sum([item async for item in items])

    async def _echo_send(self, n: int, items: SendChannel) -> int:
        try:
            await items.send_all(range(n))
            await items.end()
        except Dropped:
            pass
        return n


#: What it can be told, but for the two tasks that are the last.
TASKS: dict[str, Callable[[EchoWorker, Task], Awaitable[Any]]] = {
    "invoke": EchoWorker.invoke,
    "calls": EchoWorker.calls,
    "cancel": EchoWorker.cancel,
    "echo": EchoWorker.echo,
    "bytes": EchoWorker.send_bytes,
    "stream": EchoWorker.stream,
    "send": EchoWorker.send,
    "receive": EchoWorker.receive,
    "listen": EchoWorker.listen,
    "unlisten": EchoWorker.unlisten,
    "events": EchoWorker.kept,
    "emit": EchoWorker.emit,
    "serve": EchoWorker.serve,
}


async def main() -> None:
    """Work until the core says that it is enough."""
    async with aio.connect() as core:
        await EchoWorker(core).work()


if __name__ == "__main__":
    asyncio.run(main())
