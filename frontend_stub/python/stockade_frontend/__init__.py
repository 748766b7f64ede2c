"""What a Python worker of Stockade imports: `connect()` and the errors. For asyncio: `stockade_frontend.aio`.

    from stockade_frontend import connect

    with connect() as core:
        print(core.invoke("notes.read", name="notes/todo"))
        core.listen("notes/changed", lambda event: print(event.payload))
        core.emit("editor/opened", {"name": "notes/todo"})
        core.run()

A worker is started by the supervisor (``stockade run``), which gives it its link. Needs pyzmq and cbor2, no more.
"""

from __future__ import annotations

from stockade_frontend.blocking import Connection, connect
from stockade_frontend.blocking_calls import PendingCall
from stockade_frontend.blocking_channels import ReceiveChannel, SendChannel
from stockade_frontend.errors import (
    BadMessage,
    Breached,
    Busy,
    Cancelled,
    Closed,
    CommandError,
    ConnectionLost,
    CoreBroken,
    DeadlineExceeded,
    Dropped,
    EncodeError,
    Ended,
    Failed,
    FrontendError,
    Internal,
    InvalidArgs,
    NotAllowed,
    NotFound,
    Refused,
    StartedByHand,
    Stopped,
    TooLarge,
    Unavailable,
    WrongThread,
)
from stockade_frontend.events import Event, Subscription
from stockade_frontend.exporting import Handling

__version__ = "0.1.0"

__all__ = [
    "BadMessage",
    "Breached",
    "Busy",
    "Cancelled",
    "Closed",
    "CommandError",
    "Connection",
    "ConnectionLost",
    "CoreBroken",
    "DeadlineExceeded",
    "Dropped",
    "EncodeError",
    "Ended",
    "Event",
    "Failed",
    "FrontendError",
    "Handling",
    "Internal",
    "InvalidArgs",
    "NotAllowed",
    "NotFound",
    "PendingCall",
    "ReceiveChannel",
    "Refused",
    "SendChannel",
    "StartedByHand",
    "Stopped",
    "Subscription",
    "TooLarge",
    "Unavailable",
    "WrongThread",
    "__version__",
    "connect",
]
