"""What the supervisor decides of workers that start and end, and what it promises whatever happens."""

from __future__ import annotations

import math
import signal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import CORE, Play, a_plan, acts, events, running, told

from stockade import limits
from stockade.control import (
    Configure,
    CoreFailed,
    CoreReady,
    End,
    Exited,
    Failed,
    Greeted,
    Left,
    Shutdown,
    Spawned,
    StopWorker,
)
from stockade.exits import Exit
from stockade.supervisor.actions import CloseStdin, Kill, Quit, Say, Start, Terminate
from stockade.supervisor.happenings import (
    Begun,
    Child,
    NotStarted,
    Signalled,
    Started,
    Tick,
)
from stockade.supervisor.tree import Tree


def test_workers_start_beside_the_core_without_waiting_for_it_to_be_ready() -> None:
    """Core first, then all workers; the core hears its configuration first, and of each worker before it is ready."""
    play = Play(a_plan())
    done = [action for _, action in play.actions]
    assert acts(done) == [Start(CORE), Start(Child("a", 1)), Start(Child("b", 1))]
    assert [type(message) for message in told(done)] == [Configure, Spawned, Spawned]


def test_a_core_is_told_who_is_still_to_come() -> None:
    """The second core need not wait for a worker that was given up, or has ended for good."""
    play = Play(a_plan("abc", restart="never"))
    first = next(message for message in told([action for _, action in play.actions]) if isinstance(message, Configure))
    assert first.workers == ("a", "b", "c")
    play.hear(CoreReady())
    play.end(Child("a", 1), 1)
    play.end(Child("b", 1), 0)
    play.end(CORE, 1)
    play.wait(10.0)
    second = [message for message in told([action for _, action in play.actions]) if isinstance(message, Configure)][-1]
    assert second.workers == ("c",)


def test_time_to_say_hello_does_not_run_while_the_core_cannot_hear_it() -> None:
    """A core that takes 25 seconds to import costs no worker its start."""
    play = Play(a_plan("a"))
    play.wait(25.0)
    play.hear(CoreReady())
    assert Kill(Child("a", 1)) not in play.wait(29.9)
    assert Kill(Child("a", 1)) in play.wait(0.2)


def test_worker_that_never_says_hello_is_killed_and_has_failed() -> None:
    """After the start limit it is killed; the core and the log hear why, with its last lines."""
    play = Play(a_plan("a"), dies_when_killed=False)
    play.hear(CoreReady())
    assert acts(play.wait(30.0)) == [Kill(Child("a", 1))]
    done = play.end(Child("a", 1), -9, ("last words",))
    assert told(done, Exited)[0].reason == "never said hello in 30 s"
    assert next(action for action in done if isinstance(action, Say)).lines == ("last words",)


def test_worker_that_cannot_be_started_fails_by_the_same_rules() -> None:
    """A program that is not found uses up the restarts like one that crashes, and is given up."""
    tree = Tree(a_plan("a"), "/run")
    tree.step(Begun(), 0.0)
    tree.step(Started(CORE, 1), 0.0)
    now, last = 0.0, []
    for generation in (1, 2, 3):
        last = tree.step(NotStarted(Child("a", generation), "program: no such file", 0.0), now)
        now += 10.0
        tree.step(Tick(), now)
    assert told(last, Failed)[0].reason.startswith("program: no such file; 2 restarts")


# -- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("restart", "code", "again"),
    [
        ("always", 0, True),
        ("always", 1, True),
        ("on-failure", 0, False),
        ("on-failure", 1, True),
        ("on-failure", -11, True),
        ("never", 0, False),
        ("never", -11, False),
    ],
)
def test_restart_policy_decides_after_an_end(restart: str, code: int, again: bool) -> None:
    """A new generation is started after the wait, or not, and the core is told which."""
    play = running("ab", restart=restart)
    exited = told(play.end(Child("a", 1), code), Exited)[0]
    assert (exited.restart_in is not None) is again
    assert (Start(Child("a", 2)) in play.wait(2.0)) is again


def test_restart_waits_for_its_backoff_with_the_chance_it_was_given() -> None:
    """The first wait is a second: half of it fixed, half times the chance."""
    play = running()
    done = play.end(Child("a", 1), 1, chance=0.5)
    assert told(done, Exited)[0].restart_in == 0.75
    assert acts(play.wait(0.7)) == []
    assert acts(play.wait(0.1)) == [Start(Child("a", 2))]


def test_worker_over_its_restarts_is_given_up_and_the_rest_runs_on() -> None:
    """The core hears Failed, the log names culprit, reason and last lines; nobody else is touched."""
    play = running()
    for generation in (1, 2):
        play.end(Child("a", generation), -11)
        play.wait(10.0)
    done = play.end(Child("a", 3), -11, ("last", "words"))
    assert told(done, Failed) == [Failed("a", 3, "signal SIGSEGV; 2 restarts in 60 s were not enough")]
    said = next(action for action in done if isinstance(action, Say) and action.event == "worker_given_up")
    assert (said.fields["worker"], said.lines) == ("a", ("last", "words"))
    assert acts(play.wait(100.0)) == []
    assert Child("b", 1) in play.alive


def test_breach_leaves_a_moment_to_read_why_and_is_a_failure_whatever_the_status() -> None:
    """It is killed after BREACH_GRACE; if it ends by itself with status 0 before, it has failed all the same."""
    play = running()
    end = End("a", 1, "bad_frame", "no CBOR")
    assert acts(play.hear(end)) == []
    assert acts(play.wait(limits.BREACH_GRACE))[0] == Kill(Child("a", 1))
    play = running()
    play.hear(end)
    assert told(play.end(Child("a", 1), 0), Exited)[0].reason == "breach bad_frame: no CBOR"
    assert Start(Child("a", 2)) in play.wait(2.0)


def test_worker_that_said_bye_and_does_not_end_goes_down_the_ladder_and_has_failed() -> None:
    """It has the graces of a stop: stdin's end, TERM, KILL; log and core are told why. Then its policy holds."""
    play = running()
    begun = play.now
    assert acts(play.hear(Left("a", 1))) == []
    done = play.wait(8.0)
    child = Child("a", 1)
    rungs = [CloseStdin(child), Terminate(child), Kill(child)]
    found = [(at - begun, action) for at, action in play.actions if action in rungs]
    assert found == list(zip([3.0, 5.0, 7.0], rungs, strict=True))
    assert "worker_lingers" in events(done)
    assert told(done, Exited)[0].reason == "said bye and did not end"
    assert Start(Child("a", 2)) in done


@pytest.mark.parametrize("seconds", [0.0, 4.0])
def test_worker_that_said_bye_and_ends_by_itself_has_not_failed(seconds: float) -> None:
    """At once, or when its stdin was closed."""
    play = running()
    play.hear(Left("a", 1))
    play.wait(seconds)
    exited = told(play.end(Child("a", 1)), Exited)[0]
    assert (exited.code, exited.reason, exited.restart_in) == (0, "exit status 0", None)


def test_stop_after_a_bye_does_not_begin_the_ladder_again() -> None:
    """Nobody would hear the `stop`; the time it has already had counts."""
    play = running("a")
    play.hear(Left("a", 1))
    play.wait(2.5)
    done = play.do(Signalled(signal.SIGTERM)) + play.wait(0.5)
    assert told(done, StopWorker) == []
    assert acts(done) == [CloseStdin(Child("a", 1))]


@pytest.mark.parametrize("message", [Greeted("a", 1), End("a", 1, "bad_frame", "x"), Left("a", 1), Greeted("z", 1)])
def test_news_of_a_generation_that_is_gone_changes_nothing(message: Any) -> None:
    """What the core says of a former generation, or of a worker that is none, is ignored."""
    play = running()
    play.end(Child("a", 1), 1)
    play.wait(2.0)
    before = play.tree.statistics()
    assert play.hear(message) == []
    assert play.tree.statistics() == before


def test_system_ends_when_no_worker_is_left_to_run() -> None:
    """When all have ended well the core is shut down, and the exit code is 0."""
    play = running()
    play.end(Child("a", 1))
    assert told(play.end(Child("b", 1)), Shutdown) == [Shutdown(2.0)]
    assert acts(play.end(CORE)) == [Quit(Exit.WELL)]


def test_system_ends_with_1_when_a_worker_had_failed_for_good() -> None:
    """One failure for good among them makes the exit code 1."""
    play = running(restart="never")
    play.end(Child("a", 1), 1)
    play.end(Child("b", 1))
    assert acts(play.end(CORE)) == [Quit(Exit.WORKER_FAILED)]


def test_without_workers_the_core_runs_until_asked() -> None:
    """A plan without workers does not end by itself."""
    play = running("")
    assert acts(play.wait(100.0)) == []
    assert told(play.do(Signalled(signal.SIGTERM)), Shutdown)
    assert acts(play.end(CORE)) == [Quit(Exit.WELL)]


# -- whatever happens -------------------------------------------------------------------------------------------------


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 40)),
        st.tuples(st.just("end"), st.integers(0, 5), st.sampled_from([0, 1, -9, -11])),
        st.tuples(st.just("hear"), st.sampled_from(["ready", "greet", "breach", "left", "fail", "silent"])),
        st.tuples(st.just("signal"), st.sampled_from([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.sampled_from(["always", "on-failure", "never"]), st.booleans())
def test_no_history_breaks_the_promises(steps: list[tuple[Any, ...]], restart: str, dies: bool) -> None:
    """Never two processes of one label, never a generation twice, nothing started after Quit, no deadline that is due
    for ever, and a stop that always comes to its end.
    """
    play = Play(a_plan("abc", restart=restart), dies_when_killed=dies)
    for step in steps:
        _take(play, step)
    play.dies_when_killed = True
    play.do(Signalled(signal.SIGTERM))
    play.wait(60.0)
    starts = [action.child for _, action in play.actions if isinstance(action, Start)]
    assert len(starts) == len(set(starts))
    quits = [index for index, (_, action) in enumerate(play.actions) if isinstance(action, Quit)]
    assert len(quits) == 1
    assert not any(isinstance(action, Start) for _, action in play.actions[quits[0] :])
    assert play.tree.next_deadline() == math.inf


def _take(play: Play, step: tuple[Any, ...]) -> None:
    core = next((child for child in play.alive if child.is_core), CORE)
    match step:
        case ("wait", seconds):
            play.wait(seconds)
        case ("end", index, code) if index < len(play.alive):
            play.end(sorted(play.alive, key=str)[index], code)
        case ("signal", number):
            play.do(Signalled(number))
        case ("hear", "silent"):
            play.answers = not play.answers
        case ("hear", "ready"):
            play.hear(CoreReady(), core=core)
        case ("hear", "fail"):
            play.hear(CoreFailed("x"), core=core)
        case ("hear", kind):
            for child in sorted(play.alive, key=str):
                if not child.is_core:
                    message = {
                        "greet": Greeted(child.label, child.generation),
                        "left": Left(child.label, child.generation),
                        "breach": End(child.label, child.generation, "bad_frame", "x"),
                    }[kind]
                    play.hear(message, core=core)
    labels = [child.label for child in play.alive]
    if play.dies_when_killed:
        assert len(labels) == len(set(labels))
