"""What stands around the functions of a generated Python module: its head, its imports, and the few parts they share.

Knows no command: only which names the text uses. What it does not use is left out.
"""

from __future__ import annotations

import re

from stockade.bindings.comments import Origin

__all__ = ["NAMES", "module"]

#: Each import, by the name that it brings.
_IMPORTS = {
    "asyncio": "import asyncio",
    "enum": "import enum",
    "sys": "import sys",
    "Awaitable": "from collections.abc import Awaitable",
    "Callable": "from collections.abc import Callable",
    "Collection": "from collections.abc import Collection",
    "Mapping": "from collections.abc import Mapping",
    "Sequence": "from collections.abc import Sequence",
    "Set": "from collections.abc import Set",
    "dataclass": "from dataclasses import dataclass",
    "field": "from dataclasses import field",
    "fields": "from dataclasses import fields",
    "is_dataclass": "from dataclasses import is_dataclass",
    "date": "from datetime import date",
    "datetime": "from datetime import datetime",
    "time": "from datetime import time",
    "timedelta": "from datetime import timedelta",
    "Decimal": "from decimal import Decimal",
    "PurePath": "from pathlib import PurePath",
    "PurePosixPath": "from pathlib import PurePosixPath",
    "EllipsisType": "from types import EllipsisType",
    "TracebackType": "from types import TracebackType",
    "Any": "from typing import Any",
    "Generic": "from typing import Generic",
    "Literal": "from typing import Literal",
    "Protocol": "from typing import Protocol",
    "TypeVar": "from typing import TypeVar",
    "UUID": "from uuid import UUID",
}
#: Those of the stub, blocking and for asyncio.
_STUB = {
    False: {
        name: f"from stockade_frontend import {name}"
        for name in (
            "CommandError",
            "Connection",
            "Event",
            "PendingCall",
            "ReceiveChannel",
            "SendChannel",
            "Subscription",
        )
    },
    True: {
        "CommandError": "from stockade_frontend import CommandError",
        "Event": "from stockade_frontend import Event",
        "Subscription": "from stockade_frontend import Subscription",
        "Connection": "from stockade_frontend.aio import Connection",
        "ReceiveChannel": "from stockade_frontend.aio import ReceiveChannel",
        "SendChannel": "from stockade_frontend.aio import SendChannel",
    },
}

_CORE = '''\
class Core(Protocol):
    """A connection, or one with options: ``core.options(timeout=2.0)``."""

    {d}def invoke(self, command: str, /, **arguments: Any) -> Any: ...

    def call(self, command: str, /, **arguments: Any) -> {call}: ...

    def stream(self, command: str, /, *, credit: int = ..., **arguments: Any) -> ReceiveChannel: ...

    {d}def emit(self, name: str, payload: Any = ..., /, *, to: str | None = ...) -> None: ...
'''

_SENDING = '''\
class Sending(Generic[_T]):
    """An end to send typed items on: ``Sending(core.send_channel())``; `channel` is the end itself."""

    def __init__(self, channel: SendChannel) -> None:
        self.channel = channel

    {d}def send(self, item: _T) -> None:
        """Send one item. Waits while the receiver takes no more."""
        {a}self.channel.send(_wire(item))

    {d}def end(self) -> None:
        """Nothing more will be sent."""
        {a}self.channel.end()

    {d}def fail(self, error: CommandError) -> None:
        """Nothing more will be sent, and that is not all there should have been."""
        {a}self.channel.fail(error)

    {d}def __{e}enter__(self) -> Sending[_T]:
        return self

    {d}def __{e}exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        {a}self.channel.__{e}exit__(kind, error, trace)
'''

_RECEIVING = '''\
class Receiving(Generic[_T]):
    """An end to receive typed items from: ``Receiving(core.receive_channel())``, or a stream; `channel` is the end."""

    def __init__(self, channel: ReceiveChannel, read: Callable[[Any], _T] = _same) -> None:
        self.channel = channel
        self.read = read

    def __{e}iter__(self) -> Receiving[_T]:
        return self

    {d}def __{e}next__(self) -> _T:
        return _read("an item", self.read, {a}self.channel.__{e}next__())

    {d}def drop(self) -> None:
        """Nothing more is wanted."""
        {a}self.channel.drop()

    {d}def __{e}enter__(self) -> Receiving[_T]:
        return self

    {d}def __{e}exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        {a}self.channel.__{e}exit__(kind, error, trace)
'''

_BEGUN = '''\
class Begun(Generic[_T]):
    """A call that has begun."""

    def __init__(self, command: str, read: Callable[[Any], _T], call: PendingCall) -> None:
        self._command = command
        self._read = read
        self.call = call

    def result(self) -> _T:
        """Wait for the answer and return its value."""
        return _read(self._command, self._read, self.call.result())
'''

_BEGUN_ASYNCIO = '''\
def _begun(command: str, read: Callable[[Any], _T], call: asyncio.Task[Any]) -> asyncio.Task[_T]:
    """The task of a call that has begun; to cancel it cancels the call."""

    async def answered() -> _T:
        return _read(command, read, await call)

    return asyncio.ensure_future(answered())
'''

_HANDLER = '''\
def _handler(read: Callable[[Any], _T], handler: Callable[[_T, Event], object]) -> Callable[[Event], object]:
    """Calls `handler` with the payload, typed. One that does not fit is its emitter's fault, and said on stderr."""

    def handle(event: Event) -> object:
        try:
            payload = read(event.payload)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            print(f"{event.name} of {event.source} has another payload than declared: {error!r}", file=sys.stderr)
            return None
        return handler(payload, event)

    return handle
'''

_READ = '''\
def _read(what: str, read: Callable[[Any], _T], value: Any) -> _T:
    """What came, typed. Raises ValueError where it is not as declared: it is wrong, or these bindings are stale."""
    try:
        return read(value)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{what} is not as declared: {error!r}") from error
'''

_SAME = '''\
def _same(value: Any) -> Any:
    """What need not be read."""
    return value
'''

_WIRE = '''\
def _wire(value: Any) -> Any:
    """`value` in values of the wire."""
    if isinstance(value, enum.Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str, bytes, bytearray, memoryview)):
        return value
    if is_dataclass(value):
        held = ((each.metadata.get("wire", each.name), getattr(value, each.name)) for each in fields(value))
        return {name: _wire(item) for name, item in held if item is not ...}
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (UUID, Decimal, PurePath)):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _wire(item) for key, item in value.items()}
    if isinstance(value, Collection):
        return [_wire(item) for item in value]
    return value
'''

_T = '_T = TypeVar("_T")\n'

#: The parts in the order in which they stand, by a name that shows that the text needs them.
_PARTS = {
    "Core": _CORE,
    "_same": _SAME,
    "_read": _READ,
    "_wire": _WIRE,
    "Sending": _SENDING,
    "Receiving": _RECEIVING,
    "Begun": _BEGUN,
    "_begun": _BEGUN_ASYNCIO,
    "_handler": _HANDLER,
}
#: All that the module may define or import for itself.
NAMES = frozenset({*_IMPORTS, *_STUB[False], *_PARTS, "_T"})


def module(origin: Origin, text: str, asyncio: bool) -> str:
    """The whole module around `text`, with the imports and parts that it uses."""
    spelled = {"d": "async ", "a": "await ", "e": "a", "call": "asyncio.Task[Any]"} if asyncio else {}
    spelled = spelled or {"d": "", "a": "", "e": "", "call": "PendingCall"}
    parts: list[str] = []
    for name, part in reversed(_PARTS.items()):
        if _uses("\n".join([text, *parts]), name):
            parts.insert(0, _filled(part, spelled))
    body = "\n\n".join([*parts, f"{text}\n" if text else ""])
    type_variable = f"{_T}\n\n" if _uses(body, "_T") else ""
    imports = {**_IMPORTS, **_STUB[asyncio]}
    used = [line for name, line in imports.items() if _uses(f"{type_variable}{body}", name)]
    head = "".join(f"# {line}\n" for line in origin.lines())
    doc = f'"""The commands and events of "{origin.application}", typed."""\n'
    grouped = f"{_joined(used)}\n\n\n" if used else ""
    return f"{head}{doc}\nfrom __future__ import annotations\n\n{grouped}{type_variable}{body}".rstrip("\n") + "\n"


def _filled(part: str, spelled: dict[str, str]) -> str:
    for name, word in spelled.items():
        part = part.replace(f"{{{name}}}", word)
    return part


def _uses(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.\"'`]){name}(?!\w)", text) is not None


def _joined(lines: list[str]) -> str:
    """Imports of one module in one line each, those of the stub last."""
    by_module: dict[str, list[str]] = {}
    plain: list[str] = []
    for line in lines:
        start, _, name = line.partition(" import ")
        if name:
            by_module.setdefault(start.removeprefix("from "), []).append(name)
        else:
            plain.append(line)
    stub = [_from(each, names) for each, names in sorted(by_module.items()) if each.startswith("stockade")]
    own = plain + [_from(each, names) for each, names in sorted(by_module.items()) if not each.startswith("stockade")]
    return "\n".join(own) + ("\n\n" + "\n".join(stub) if stub else "")


def _from(module: str, names: list[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    return line if len(line) <= 110 else f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
