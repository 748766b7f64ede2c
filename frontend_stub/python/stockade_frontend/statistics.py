"""What one connection has done until now, in numbers. Knows no conversation."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Statistics"]


class Statistics(NamedTuple):
    """What one connection has done until now. Counts, but for `pending`, the calls in flight, and `channels`."""

    calls: int
    answered: int
    late: int  # answers to calls that had been given up; they were ignored
    tries: int  # calls that were answered `busy`, and put off to be made again
    pending: int
    handled: int  # calls of this worker's exports
    channels: int  # open now
    batches: int
    emitted: int
    events: int  # received from the core
    waiting: int  # received, and not yet handled
    missed: int
    pings: int  # answered
