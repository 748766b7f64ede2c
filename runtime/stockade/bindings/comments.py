"""What generated code says in words: its head, and what stands above each function. Knows no language's comments."""

from __future__ import annotations

import attrs

from stockade.bindings.model import Channel, Command, Direction, Event

__all__ = ["Origin", "of_command", "of_event"]

_CHANNELS = {
    Direction.SEND: "the caller sends",
    Direction.RECEIVE: "the caller receives",
    Direction.EITHER: "either way",
}


@attrs.frozen
class Origin:
    """Where generated code comes from: the application, and the command that makes it anew."""

    application: str
    command: str

    def lines(self) -> list[str]:
        """What stands at its head."""
        what = f'Generated from what the application "{self.application}" declares: change that, not this file.'
        return [what, f"Make it anew with: {self.command}"]


def of_command(command: Command) -> list[str]:
    """The docstring of a command, and what its types do not say."""
    whose = "that a worker exports, with any arguments: it is not declared" if not command.typed else ""
    whose = whose or ("that a worker exports" if command.exported else "of the core")
    kind = "Stream" if command.streams else "Command"
    said = [*command.doc.splitlines(), "", f"{kind} `{command.name}` {whose}."] if command.doc else []
    return (said or [f"{kind} `{command.name}` {whose}."]) + [_of_channel(channel) for channel in command.channels]


def _of_channel(channel: Channel) -> str:
    return f"`{channel.name}` is a channel: {_CHANNELS[channel.direction]}."


def of_event(event: Event, what: str) -> list[str]:
    """What its declaration says, and what the function does."""
    return [*event.doc.splitlines(), "", what] if event.doc else [what]
