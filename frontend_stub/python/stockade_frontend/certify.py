"""The echo worker of the blocking face, which `stockade certify` leads through the protocol (docs/certify.md).

Run it by ``stockade certify -- python -m stockade_frontend.certify``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from stockade_frontend.blocking import Connection, connect
from stockade_frontend.blocking_calls import Options
from stockade_frontend.blocking_channels import ReceiveChannel, SendChannel
from stockade_frontend.errors import CommandError, Dropped
from stockade_frontend.events import Event, Subscription

__all__ = ["OFFERS", "EchoWorker", "error_of", "outcome_of", "pattern"]

OFFERS = (
    "together",
    "cancel",
    "timeout",
    "retry",
    "stream",
    "channels",
    "raw",
    "events",
    "emits",
    "exports",
    "export-streams",
    "nested",
    "floats",
)

#: Seconds between two looks of `echo.wait` at whether it is wanted.
LOOK = 0.005
#: What `finish: "fail"` ends a channel with.
STOPPED = CommandError("as asked", code="certify.stopped")

Task = dict[str, Any]


def error_of(error: CommandError) -> dict[str, Any]:
    """An error as a report has it."""
    return {"code": error.code, "message": error.message, "data": error.data}


def outcome_of(result: Callable[[], Any]) -> dict[str, Any]:
    """What came of it."""
    try:
        return {"value": result()}
    except CommandError as error:
        return {"error": error_of(error)}


def pattern(size: int) -> bytes:
    """So many bytes, the byte at position i being i modulo 251."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def manner(task: Task) -> dict[str, Any]:
    """The options of a call, as `Connection.options` has them."""
    said = {name: task[name] for name in ("wait", "idempotent", "trace") if name in task}
    return said | ({"timeout": task["timeout"] / 1000} if "timeout" in task else {})


class EchoWorker:
    """Does what it is told, one task after the other."""

    def __init__(self, core: Connection) -> None:
        self._core = core
        self._forever: Options = core.options(timeout=None)
        self._events: list[dict[str, Any]] = []
        self._listening: dict[str, Subscription] = {}
        self._enough = False
        self._export()

    def work(self) -> None:
        """Ask for tasks, and report, until one of them is the last."""
        self._core.ready()
        task = self._forever.invoke("certify.next", offers=list(OFFERS))
        while task["do"] not in ("run", "leave"):
            task = self._forever.invoke("certify.next", report=self._do(task))
        if task["do"] == "run":
            self._core.run()

    def _do(self, task: Task) -> Any:
        do = TASKS.get(task["do"])
        if do is None:
            return {"error": {"code": "certify.unknown", "message": f"{task['do']} is no task"}}
        return do(self, task)

    # -- calls --------------------------------------------------------------------------------------------------------

    def _invoke(self, task: Task) -> Any:
        options = self._core.options(**manner(task))
        return outcome_of(lambda: options.invoke(task["command"], **task["arguments"]))

    def _calls(self, task: Task) -> Any:
        begun = [self._core.call(task["command"], **arguments) for arguments in task["each"]]
        return {"outcomes": [outcome_of(call.result) for call in begun]}

    def _cancel(self, task: Task) -> Any:
        call = self._core.call(task["command"], **task["arguments"])
        self._core.invoke("certify.now")
        call.cancel()
        return outcome_of(call.result)

    def _echo(self, task: Task) -> Any:
        return {"values": task["values"]}

    def _bytes(self, task: Task) -> Any:
        arguments = {task["argument"]: pattern(task["size"])}
        return outcome_of(lambda: self._core.invoke(task["command"], **arguments))

    # -- channels -----------------------------------------------------------------------------------------------------

    def _stream(self, task: Task) -> Any:
        report = self._receive_from(self._core.stream(task["command"], **task["arguments"]), task.get("take"))
        return {"error" if name == "ended" else name: value for name, value in report.items()}

    def _receive_from(self, channel: ReceiveChannel, take: int | None) -> dict[str, Any]:
        items: list[Any] = []
        with channel:  # whose end drops what is left
            try:
                while take is None or len(items) < take:
                    items.append(next(channel))
            except StopIteration:
                pass
            except CommandError as error:
                return {"items": items, "ended": error_of(error)}
        return {"items": items}

    def _send(self, task: Task) -> Any:
        channel = self._core.send_channel()
        call = self._core.call(task["command"], **task["arguments"], items=channel)
        sent = 0
        try:
            for item in task["items"]:
                channel.send(item)
                sent += 1
            if task["finish"] == "end":
                channel.end()
            elif task["finish"] == "fail":
                channel.fail(STOPPED)
        except CommandError:
            pass  # dropped, or the call has failed, which its outcome says
        return {**outcome_of(call.result), "sent": sent}

    def _receive(self, task: Task) -> Any:
        channel = self._core.receive_channel(**{"credit": task["credit"]} if "credit" in task else {})
        call = self._core.call(task["command"], **task["arguments"], items=channel)
        received = self._receive_from(channel, task.get("take"))
        return {**outcome_of(call.result), **received}

    # -- events -------------------------------------------------------------------------------------------------------

    def _listen(self, task: Task) -> Any:
        listen = self._core.once if task.get("once") else self._core.listen
        try:
            self._listening[task["topic"]] = listen(task["topic"], self._keep)
        except CommandError as error:
            return {"error": error_of(error)}
        return {}

    def _keep(self, event: Event) -> None:
        self._events.append({"name": event.name, "source": event.source, "payload": event.payload})

    def _unlisten(self, task: Task) -> Any:
        self._core.unlisten(self._listening.pop(task["topic"]))
        return {}

    def _kept(self, task: Task) -> Any:
        while len(self._events) < task["count"]:
            self._core.poll(timeout=None)
        kept, self._events = self._events, []
        return {"events": kept, "missed": self._core.missed}

    def _emit(self, task: Task) -> Any:
        try:
            self._core.emit(task["event"], task["payload"], to=task.get("to"))
        except CommandError as error:
            return {"error": error_of(error)}
        return {}

    # -- answering ----------------------------------------------------------------------------------------------------

    def _serve(self, task: Task) -> Any:
        while not self._enough:
            self._core.poll(timeout=None)
        self._enough = False
        return {}

    def _export(self) -> None:
        export = self._core.export
        export("echo.value", idempotent=True)(lambda value: value)
        for name in ("fail", "crash", "wait", "call", "emit", "enough", "count", "break", "sum", "send"):
            export(f"echo.{name}")(getattr(self, f"_echo_{name}"))

    def _echo_fail(self, code: str, message: str, data: Any = None) -> None:
        raise CommandError(message, data, code=code)

    def _echo_crash(self) -> None:
        raise RuntimeError("as asked")

    def _echo_wait(self) -> None:
        while True:
            self._core.handling.check()
            time.sleep(LOOK)

    def _echo_call(self, command: str, arguments: dict[str, Any]) -> Any:
        return self._core.invoke(command, **arguments)

    def _echo_emit(self, event: str, payload: Any) -> None:
        self._core.emit(event, payload)

    def _echo_enough(self) -> None:
        self._enough = True

    def _echo_count(self, n: int) -> Iterator[int]:
        yield from range(n)

    def _echo_break(self, n: int) -> Iterator[int]:
        yield from range(n)
        raise CommandError("as asked", code="echo.broken")

    def _echo_sum(self, items: ReceiveChannel) -> int:
        return sum(items)

    def _echo_send(self, n: int, items: SendChannel) -> int:
        try:
            items.send_all(range(n))
            items.end()
        except Dropped:
            pass
        return n


#: What it can be told, but for the two tasks that are the last.
TASKS: dict[str, Callable[[EchoWorker, Task], Any]] = {
    "invoke": EchoWorker._invoke,
    "calls": EchoWorker._calls,
    "cancel": EchoWorker._cancel,
    "echo": EchoWorker._echo,
    "bytes": EchoWorker._bytes,
    "stream": EchoWorker._stream,
    "send": EchoWorker._send,
    "receive": EchoWorker._receive,
    "listen": EchoWorker._listen,
    "unlisten": EchoWorker._unlisten,
    "events": EchoWorker._kept,
    "emit": EchoWorker._emit,
    "serve": EchoWorker._serve,
}


def main() -> None:
    """Work until the core says that it is enough."""
    with connect() as core:
        EchoWorker(core).work()


if __name__ == "__main__":
    main()
