"""What every peer in Python serves, and how its server is started. Knows no peer."""

from __future__ import annotations

import functools
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Service", "payload", "payloads", "served", "stream"]

_PATIENCE = 30.0


@functools.lru_cache(maxsize=1)
def payload(size: int) -> bytes:
    """So many bytes, made once: making them is nothing that a benchmark asks about."""
    return b"\1" * size


class Service:
    """The same work for everyone: none."""

    def echo(self, value: int) -> int:
        return value

    def take(self, data: bytes) -> int:
        return len(data)

    def give(self, size: int) -> bytes:
        return payload(size)

    def items(self, count: int) -> Iterator[dict[str, object]]:
        for number in range(count):
            yield {"id": number, "name": "item"}


def payloads(take: Callable[[bytes], Any], give: Callable[[int], Any]) -> dict[str, Callable[[int, int], None]]:
    """The operations `send` and `receive`: so many payloads of one size, there or back."""

    def send(count: int, size: int) -> None:
        for _ in range(count):
            take(payload(size))

    def receive(count: int, size: int) -> None:
        for _ in range(count):
            if len(give(size)) != size:
                raise ValueError("a payload of another size came")

    return {"send": send, "receive": receive}


def stream(items: Callable[[int], Iterable[Any]]) -> Callable[[int], None]:
    """The operation `stream`: so many items, taken and dropped."""

    def read(count: int) -> None:
        deque(items(count), 0)

    return read


def _listens(path: Path) -> bool:
    """Whether a connection is taken: the file alone is there before that."""
    with socket.socket(socket.AF_UNIX) as trial:
        return trial.connect_ex(str(path)) == 0


@contextmanager
def served(module: str, folder: str) -> Iterator[tuple[str, int]]:
    """The path of the unix socket at which ``python -m MODULE serve PATH`` listens by now, and its pid."""
    path = Path(folder, module.rpartition(".")[2])
    process = subprocess.Popen([sys.executable, "-m", module, "serve", str(path)])
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _listens(path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server of {module} does not listen at {path}")
            time.sleep(0.01)
        yield str(path), process.pid
    finally:
        process.kill()
        process.wait()
