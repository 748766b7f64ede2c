"""Whether and when something that has ended is started again. Knows no process and reads no clock.

The rules are those of Erlang's supervisors (permanent, transient, temporary; an intensity within a window), with a
wait before each restart that doubles.
"""

from __future__ import annotations

import attrs

from stockade import limits
from stockade.control import Plan, WorkerPlan

__all__ = ["Again", "GivenUp", "History", "Over", "Policy", "decide"]

#: Restart policy, and whether it failed → whether it is to be started again.
_WANTED = {
    ("always", True): True,
    ("always", False): True,
    ("on-failure", True): True,
    ("on-failure", False): False,
    ("never", True): False,
    ("never", False): False,
}
#: Doubling stops here: 2**60 is longer than any limit, and no float overflows.
_DOUBLINGS = 60
#: The core's wait grows to this and no further: all workers wait for it.
_CORE_LONGEST = 2.0


@attrs.frozen
class Policy:
    """When to restart, how often, and how long to wait; times in seconds."""

    restart: str  # "always" | "on-failure" | "never"
    restarts: int
    within: float
    backoff_first: float
    backoff_longest: float
    stable: float

    @classmethod
    def of_worker(cls, plan: WorkerPlan) -> Policy:
        """A worker's own."""
        return cls(plan.restart, plan.restarts, plan.within, plan.backoff_first, plan.backoff_longest, plan.stable)

    @classmethod
    def of_core(cls, plan: Plan) -> Policy:
        """The core's: without it nothing runs, so it is always started again, and soon."""
        return cls("always", plan.core_restarts, plan.core_within, limits.BACKOFF_FIRST, _CORE_LONGEST, limits.STABLE)


@attrs.frozen
class History:
    """What is remembered from one end to the next: when it was restarted, and how often since it last was stable."""

    restarts: tuple[float, ...] = ()
    streak: int = 0


@attrs.frozen
class Again:
    """Start it again in `wait` seconds."""

    wait: float
    history: History


@attrs.frozen
class Over:
    """It ended well, and is not started again."""


@attrs.frozen
class GivenUp:
    """It failed, and is not started again; `reason` says which rule that is."""

    reason: str


def decide(
    policy: Policy, history: History, *, failed: bool, ran: float, now: float, chance: float
) -> Again | Over | GivenUp:
    """What follows an end at `now`, after it ran `ran` seconds; `chance` in [0, 1) is the jitter's random number.

    Every restart counts towards the intensity, whether it failed or not: a worker that ends well and at once, with
    ``always``, would else be started without end.
    """
    if not _WANTED[policy.restart, failed]:
        return GivenUp("its restart policy is never") if failed else Over()
    if ran >= policy.stable:
        history = History()
    recent = tuple(at for at in history.restarts if now - at < policy.within)
    if len(recent) >= policy.restarts:
        if not policy.restarts:
            return GivenUp("it may not be started again")
        return GivenUp(f"{len(recent)} restarts in {policy.within:g} s were not enough")
    return Again(_wait(policy, history.streak, chance), History((*recent, now), history.streak + 1))


def _wait(policy: Policy, streak: int, chance: float) -> float:
    """Half of the backoff is fixed and half is chance: workers that fell together do not come back together."""
    whole = min(policy.backoff_longest, policy.backoff_first * 2.0 ** min(streak, _DOUBLINGS))
    return whole * (0.5 + 0.5 * chance)
