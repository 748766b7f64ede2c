"""The asyncio face: the verbs of the blocking one; what may have to wait for the core is a coroutine."""

from __future__ import annotations

from types import TracebackType
from typing import Literal

from stockade_frontend.aio_calls import Options
from stockade_frontend.aio_channels import ReceiveChannel, SendChannel
from stockade_frontend.aio_connection import Connection
from stockade_frontend.endpoint import QUEUE, Endpoint

__all__ = ["Connecting", "Connection", "Options", "ReceiveChannel", "SendChannel", "connect"]


def connect(*, queue: int = QUEUE) -> Connecting:
    """Connect this worker to its core: ``async with aio.connect() as core:``, once per process.

    `queue`: events that wait for `run` or `poll`; those above are counted in `missed`. Raises as the blocking
    `stockade_frontend.connect` does.
    """
    return Connecting(queue)


class Connecting:
    """What ``async with`` turns into a `Connection`; at its end the connection takes its leave."""

    def __init__(self, queue: int) -> None:
        self._queue = queue
        self._connection: Connection | None = None

    async def __aenter__(self) -> Connection:
        self._connection = Connection(Endpoint(self._queue))
        await self._connection.connected()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if self._connection is not None and not self._connection.is_inherited:
            await self._connection.close()
        return False
