"""What the supervisor decides when it is asked to stop: in which order, how long, and what if one does not end."""

from __future__ import annotations

import signal

import pytest
from playing import CORE, Play, a_plan, acts, events, running, told

from stockade import limits
from stockade.control import (
    Shutdown,
    StopWorker,
)
from stockade.exits import Exit
from stockade.supervisor.actions import CloseStdin, Kill, Quit, Tell, Terminate
from stockade.supervisor.happenings import (
    Child,
    Signalled,
)


def test_stop_asks_in_reverse_order_each_when_the_one_before_has_ended() -> None:
    """With workers that end when they are asked, nothing overlaps; the core is last."""
    play = running("abc")
    done = play.do(Signalled(signal.SIGTERM))
    for label in "cba":
        assert [message.label for message in told(done, StopWorker)] == [label]
        done = play.end(Child(label, 1))
    assert told(done, Shutdown)
    assert acts(play.end(CORE)) == [Quit(Exit.WELL)]


def test_ladder_is_stop_then_stdin_then_term_then_kill_each_after_its_grace() -> None:
    """A worker that does nothing goes down each rung in its time."""
    play = running("a")
    begun = play.now
    play.do(Signalled(signal.SIGINT))
    play.wait(20.0)
    child = Child("a", 1)
    rungs = [Tell(StopWorker("a", 1, 3.0)), CloseStdin(child), Terminate(child), Kill(child)]
    found = [(at - begun, action) for at, action in play.actions if action in rungs]
    assert found == list(zip([0.0, 3.0, 5.0, 7.0], rungs, strict=True))


@pytest.mark.parametrize("count", [1, 2, 7, 26])
def test_default_graces_end_under_ten_seconds_however_many_workers_hang(count: int) -> None:
    """Nobody obeys, the core neither: all is over within ten seconds, the order of the asking kept."""
    labels = "abcdefghijklmnopqrstuvwxyz"[:count]
    play = running(labels)
    begun = play.now
    play.do(Signalled(signal.SIGTERM))
    play.wait(60.0)
    [(quit_at, _)] = [(at, action) for at, action in play.actions if isinstance(action, Quit)]
    assert quit_at - begun <= 10.0
    assert [m.label for m in told([action for _, action in play.actions], StopWorker)] == list(reversed(labels))


def test_stop_without_a_ready_core_begins_with_the_end_of_stdin() -> None:
    """Nobody could send the `stop` message."""
    play = Play(a_plan("a"))
    assert acts(play.do(Signalled(signal.SIGTERM))) == [CloseStdin(Child("a", 1))]


def test_core_that_dies_during_a_stop_is_not_restarted_and_the_stop_goes_on() -> None:
    """Workers that were told go to the next rung at once; the exit code says that the core did not end well."""
    play = running("a")
    play.do(Signalled(signal.SIGTERM))
    assert acts(play.end(CORE, -11)) == [CloseStdin(Child("a", 1))]
    assert acts(play.end(Child("a", 1))) == [Quit(Exit.CORE_FAILED)]


def test_stop_while_the_core_waits_for_its_restart_starts_nothing_any_more() -> None:
    """Neither core nor workers come back."""
    play = running()
    play.end(CORE, -11)
    assert acts(play.do(Signalled(signal.SIGTERM))) == [Quit(Exit.WELL)]
    assert acts(play.wait(60.0)) == []


def test_stop_cancels_restarts_that_wait() -> None:
    """A worker that waits for its next start is done with."""
    play = running("a")
    play.end(Child("a", 1), 1)
    play.do(Signalled(signal.SIGTERM))
    assert acts(play.end(CORE)) == [Quit(Exit.WELL)]


def test_second_signal_kills_everything_at_once() -> None:
    """No grace is left, and the exit code is 128 and its number."""
    play = running()
    play.do(Signalled(signal.SIGINT))
    assert acts(play.do(Signalled(signal.SIGINT))) == []  # timeout(1) sends it twice, to the process and its group
    done = acts(play.do(Signalled(signal.SIGTERM)))
    assert set(done) == {Kill(Child("a", 1)), Kill(Child("b", 1)), Kill(CORE), Quit(128 + signal.SIGTERM)}
    assert done[-1] == Quit(128 + signal.SIGTERM)


def test_what_cannot_be_killed_does_not_hold_up_a_stop() -> None:
    """A process that the kernel holds is said, and left."""
    play = running("a")
    play.dies_when_killed = False
    play.do(Signalled(signal.SIGINT))
    play.wait(2 * limits.SAME_SIGNAL)
    play.do(Signalled(signal.SIGINT))
    done = play.wait(limits.KILL_PATIENCE)
    assert acts(done) == [Quit(128 + signal.SIGINT)]
    assert {"worker_unkillable", "core_unkillable"} <= set(events(done))
