"""Handlers of the blocking face: one after the other, inside `run` and `poll`. Knows no poll."""

from __future__ import annotations

from typing import Any

from stockade_frontend.blocking_channels import ReceiveChannel, SendChannel
from stockade_frontend.blocking_turns import Turns
from stockade_frontend.channels import Receiver, Sender
from stockade_frontend.errors import Cancelled, Dropped, InvalidArgs
from stockade_frontend.events import Event
from stockade_frontend.exporting import check_stream, conclude, refusal
from stockade_frontend.handled import Handled

__all__ = ["handle_call", "handle_event"]


def handle_event(turns: Turns, event: Event) -> None:
    """Call the handlers of an event."""
    turns.serving = event
    try:
        for handler in turns.endpoint.handlers(event):
            handler(event)
    finally:
        turns.serving = None


def handle_call(turns: Turns, handled: Handled) -> None:
    """Run the handler of an exported command, and answer. Only what ends the worker comes out."""
    calls, label = turns.endpoint.session.handled, turns.endpoint.session.label
    turns.serving = handled
    try:
        check_stream(handled)
        arguments = handled.arguments | {
            name: _face_of(turns, end) for name, end in handled.ends.items() if name != "yield"
        }
        value = handled.export.handler(**arguments)
        if "yield" in handled.ends:
            _stream(turns, handled, value)
            value = None
    except Exception as error:  # noqa: BLE001 (the application's own: it is logged, and answered)
        conclude(calls, handled, None, refusal(error, handled, label))
    except SystemExit:
        raise  # this worker leaves, and the core answers for it, or gives the call to another
    except BaseException:
        # Ctrl-C: the program may catch it and go on. Its caller would wait, and the call's place be taken, for ever.
        conclude(calls, handled, None, Cancelled("its handler was interrupted"))
        raise
    else:
        conclude(calls, handled, value, None)
    finally:
        turns.serving = None
    if turns.endpoint.over is None:
        turns.soon()


def _face_of(turns: Turns, end: Sender | Receiver) -> SendChannel | ReceiveChannel:
    return SendChannel(turns, end) if isinstance(end, Sender) else ReceiveChannel(turns, end)


def _stream(turns: Turns, handled: Handled, items: Any) -> None:
    """Send what a generator yields; it is closed when nobody wants the rest."""
    end = handled.ends["yield"]
    if not isinstance(end, Sender):
        raise InvalidArgs("what a command yields it sends; it does not receive it")
    channel = SendChannel(turns, end)
    try:
        for item in items:
            channel.send(item)
    except Dropped:
        pass  # nobody wants the rest, which is an end like another
    finally:
        items.close()
    channel.end()
