"""The alarm on the core's memory, in a world of numbers: who makes it grow is found and ended, nobody else."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.core.alarm import Accuse, Action, Alarm, Go, Phase, Raise, Stop, Trim, Unexplained

MIB = 1024 * 1024
MEMORY = 512 * MIB
#: Bytes a second: what floods were measured to make the core grow by.
FLOOD = 300 * MIB

Growth = Callable[[float, float], float]


def steadily(rate: float) -> Growth:
    """So many bytes for each second that the worker runs."""
    return lambda ran, seconds: rate * seconds


def up_to(most: float) -> Growth:
    """An honest worker: it fills its queues at once, and they are freed when it is stopped."""
    return lambda ran, seconds: max(0.0, most - FLOOD * ran) and min(FLOOD * seconds, most)


@attrs.define
class World:
    """Workers that make the core grow while they run, by `growth`; those that are accused end half a second later."""

    growth: dict[str, Growth]
    own: float = 0.0  # bytes that the application itself takes each second
    alarm: Alarm = attrs.field(factory=lambda: Alarm(MEMORY))
    now: float = 0.0
    resident: float = 40.0 * MIB
    most: float = 0.0
    looks: int = 0
    stopped: set[str] = attrs.field(factory=set)
    doomed: dict[str, float] = attrs.field(factory=dict)
    said: list[Action] = attrs.field(factory=list)
    taken: dict[str, float] = attrs.field(factory=dict)  # what each has made it grow by
    ran: dict[str, float] = attrs.field(factory=dict)  # since it was let go

    def run(self, seconds: float) -> None:
        """Let so much time pass: a ping each second, and the looks that the alarm asks for."""
        end, ping = self.now + seconds, self.now
        while self.now <= end:
            self.look()
            if self.now >= ping:
                ping += 1.0
            self._pass(min(ping, self.alarm.again) - self.now)

    def look(self) -> None:
        """One look of the alarm, and what it wants done."""
        self.looks += 1
        for action in self.alarm.look(self.now, int(self.resident), tuple(self.growth)):
            self.said.append(action)
            match action:
                case Stop(workers):
                    assert not self.stopped & set(workers)
                    self.stopped.update(workers)
                case Go(workers):
                    assert self.stopped >= set(workers)
                    self.stopped.difference_update(workers)
                    self.ran.update(dict.fromkeys(workers, 0.0))
                case Accuse(worker):
                    self.doomed[worker] = self.now + 0.5

    def _pass(self, seconds: float) -> None:
        assert 0 < seconds < math.inf
        self.now += seconds
        self.resident += self.own * seconds
        for name in self.growth.keys() - self.stopped:
            grown = self.growth[name](self.ran.get(name, 0.0), seconds)
            self.taken[name] = self.taken.get(name, 0.0) + grown
            self.ran[name] = self.ran.get(name, 0.0) + seconds
            self.resident += grown
        self.most = max(self.most, self.resident)
        for name in [name for name, at in self.doomed.items() if at <= self.now]:
            del self.growth[name], self.doomed[name]
            self.resident -= self.taken.pop(name)
            self.stopped.discard(name)

    def accused(self) -> list[str]:
        """Who was, in order."""
        return [action.worker for action in self.said if isinstance(action, Accuse)]

    def heard(self, kind: type[Action]) -> int:
        """How often the alarm said this."""
        return sum(isinstance(action, kind) for action in self.said)


def names(count: int) -> list[str]:
    return [f"worker-{number}@1" for number in range(count)]


def quiet(count: int) -> dict[str, Growth]:
    return {name: steadily(0.0) for name in names(count)}


def test_a_core_that_does_not_grow_is_looked_at_with_each_ping_and_no_more() -> None:
    """Watching costs an idle core no wake-up of its own."""
    world = World(quiet(10))
    world.run(60.0)
    assert (world.looks, world.said) == (61, [])


def test_a_core_that_grows_is_looked_at_more_often_until_it_does_not() -> None:
    """A flood makes it grow by hundreds of megabytes between two pings."""
    world = World({"a@1": steadily(60.0 * MIB)})
    world.run(3.0)
    busy = world.looks
    assert busy > 50
    world.growth["a@1"] = steadily(0.0)
    world.run(2.0)
    looks = world.looks
    world.run(10.0)
    assert world.looks - looks <= 11
    assert world.said == []


@pytest.mark.parametrize("count", [1, 2, 3, 10, 64])
@pytest.mark.parametrize("where", [0, -1])
def test_who_makes_the_core_grow_is_found_among_all(count, where) -> None:
    """That one is accused, stopped until it has ended; the others go on, after some seconds at most."""
    world = World(quiet(count))
    culprit = names(count)[where]
    world.growth[culprit] = steadily(FLOOD)
    world.run(10.0)
    assert world.accused() == [culprit]
    assert world.stopped == set()
    assert world.alarm.phase is Phase.CALM
    assert world.heard(Trim) > 0
    assert world.most < 40 * MIB + MEMORY + FLOOD + (1 + math.log2(count)) * MEMORY / 4


def test_each_of_several_is_found() -> None:
    """One after the other, also if they wait for each other's end."""
    world = World(quiet(8))
    for culprit in names(8)[2:5]:
        world.growth[culprit] = steadily(FLOOD)
    world.run(30.0)
    assert sorted(world.accused()) == names(8)[2:5]
    assert world.stopped == set()


def test_what_the_application_takes_is_nobodys_fault() -> None:
    """All go on; the core is looked into once for each so many bytes, and says so."""
    world = World(quiet(4), own=8.0 * MIB)
    world.run(300.0)
    assert world.accused() == []
    assert world.stopped == set()
    assert world.heard(Raise) == world.heard(Unexplained) == 300 * 8 // 512


def test_what_grows_while_all_are_stopped_is_nobodys_fault() -> None:
    """Fast or slow: the search waits for a second, not for ever."""
    world = World(quiet(4), own=float(FLOOD))
    world.run(5.0)
    world.own = 0.0
    world.run(1.0)
    assert world.accused() == []
    assert world.stopped == set()
    assert world.heard(Unexplained) > 0


def test_who_fills_its_queues_again_is_not_accused() -> None:
    """What an honest worker may have in the core's queues is less than what accuses it."""
    world = World({"honest@1": up_to(100.0 * MIB)}, resident=0.0)
    world.look()
    world.resident = float(MEMORY)
    world.run(5.0)
    assert world.heard(Raise) == 1
    assert world.accused() == []


def test_who_starts_in_a_search_is_stopped_and_tried_too() -> None:
    """Else a flood that begins with it would be laid at another's door."""
    world = World(quiet(2), resident=0.0)
    world.look()
    world.resident = float(MEMORY)
    world.look()
    assert world.alarm.phase is Phase.SETTLING
    world.growth["late@1"] = steadily(FLOOD)
    world.run(5.0)
    assert world.accused() == ["late@1"]


@pytest.mark.parametrize("after", [0.0, 0.03, 0.1, 0.2, 0.4])
def test_who_ends_in_a_search_is_forgotten(after) -> None:
    """Whenever that is, the search goes on with the others, or ends."""
    world = World({**quiet(3), "rogue@1": steadily(FLOOD)})
    while world.alarm.phase is Phase.CALM:
        world.run(0.1)
    world.run(after)
    del world.growth["rogue@1"]
    world.stopped.discard("rogue@1")
    world.run(5.0)
    assert world.stopped == set()
    assert world.alarm.phase is Phase.CALM


def test_without_workers_nobody_is_suspected() -> None:
    """The application alone may take what it wants."""
    world = World({}, own=float(FLOOD))
    world.run(10.0)
    assert {type(action) for action in world.said} == {Unexplained}


@given(st.lists(st.sampled_from([0.0, 1.0 * MIB, 50.0 * MIB, FLOOD]), max_size=6), st.sampled_from([0.0, 9.0 * MIB]))
def test_in_the_end_nobody_is_left_stopped_and_nobody_quiet_was_accused(rates, own) -> None:
    """Whoever floods, and whatever the application does meanwhile."""
    rate = dict(zip(names(len(rates)), rates, strict=True))
    world = World({name: steadily(each) for name, each in rate.items()}, own=own)
    world.run(40.0)
    world.growth = {name: steadily(0.0) for name in world.growth}
    world.own = 0.0
    world.run(10.0)
    assert world.stopped == set()
    assert all(rate[name] > 0.0 for name in world.accused())
    assert {name for name in rate if rate[name] == FLOOD} <= set(world.accused())
