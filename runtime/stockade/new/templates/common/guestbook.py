"""The trusted side: these commands run in the core, and are all that workers can make it do."""

from __future__ import annotations

from collections.abc import Iterator

from stockade import Caller, CommandError, Events, command, lifespan


class Guests(list[str]):
    """Who has signed, in order."""


@lifespan
def guests() -> Iterator[Guests]:
    """Open what the commands share; whatever stands behind the yield runs when the core ends."""
    yield Guests()


@command("guests.sign", inline=True)  # inline: it is quick, and does not block
def sign(caller: Caller, events: Events, guests: Guests, name: str) -> int:
    """Add a guest, tell all who listen, and return how many there are."""
    if not name.strip():
        raise CommandError("guests.nameless", "a guest has a name")
    guests.append(name)
    events.emit("guests/signed", {"name": name, "by": caller.worker})
    return len(guests)


@command("guests.all")
def all_guests(guests: Guests) -> Iterator[str]:
    """Yield the guests in order: for a worker this is a stream."""
    yield from guests


@command("guests.clear")
def clear(guests: Guests) -> None:
    """Forget them all. No capability gives this to a worker: see stockade.toml."""
    guests.clear()
