"""What the supervisor decides of its core: when it ends, is silent, cannot start or talks nonsense."""

from __future__ import annotations

from playing import CORE, Play, a_plan, acts, running, told

from stockade.control import (
    Configure,
    CoreFailed,
    CoreReady,
    Exited,
    Greeted,
    Ping,
    Spawned,
)
from stockade.exits import Exit
from stockade.supervisor.actions import Kill, Quit, Say, Start, Tell
from stockade.supervisor.happenings import (
    Child,
    Garbled,
    Tick,
)


def test_core_that_ended_is_restarted_and_the_workers_after_it() -> None:
    """Workers are killed without a failure; the new core's are new generations, and it never hears of the old ones."""
    play = running()
    done = play.end(CORE, -11)
    assert acts(done) == [Kill(Child("b", 1)), Kill(Child("a", 1))]
    done = play.wait(1.0)
    assert acts(done) == [Start(Child.core(2)), Start(Child("a", 2)), Start(Child("b", 2))]
    assert [type(message) for message in told(done)] == [Configure, Spawned, Spawned]
    assert [worker.failures for worker in play.tree.statistics().workers] == [0, 0]


def test_worker_that_ends_late_after_its_core_starts_with_the_new_one() -> None:
    """A worker whose kill takes longer than the core's restart is started as soon as it has ended."""
    play = running("a")
    play.dies_when_killed = False
    play.end(CORE, -9)
    assert Start(Child.core(2)) in play.wait(1.0)
    done = play.end(Child("a", 1), -9)
    assert acts(done) == [Start(Child("a", 2))]
    assert told(done, Exited) == []


def test_crashed_core_names_the_workers_it_had_a_link_with() -> None:
    """Suspects are those that had said hello; a core that ended by itself has none."""
    play = Play(a_plan())
    play.hear(CoreReady(), Greeted("b", 1))
    crash = next(action for action in play.end(CORE, -11) if isinstance(action, Say))
    assert crash.fields["suspects"] == ["b@1"]
    play.wait(1.0)
    play.hear(CoreReady(), Greeted("b", 2), core=Child.core(2))
    plain = next(action for action in play.end(Child.core(2), 1) if isinstance(action, Say))
    assert "suspects" not in plain.fields


def test_core_over_its_restarts_is_given_up_with_4() -> None:
    """Its own intensity limit; then everything is killed and the exit code is 4."""
    play = running()
    for generation in (1, 2):
        play.end(Child.core(generation), -11)
        play.wait(3.0)
    assert acts(play.end(Child.core(3), -11))[-1] == Quit(Exit.CORE_FAILED)
    assert play.alive == set()


def test_core_that_cannot_start_ends_the_system_with_2_at_first_and_4_later() -> None:
    """CoreFailed before any core was ready is the configuration's fault."""
    play = Play(a_plan())
    play.hear(CoreFailed("no module named notes"))
    assert acts(play.end(CORE, 1))[-1] == Quit(Exit.CONFIGURATION)
    play = running()
    play.end(CORE, -9)
    play.wait(1.0)
    play.hear(CoreFailed("the database is gone"), core=Child.core(2))
    assert acts(play.end(Child.core(2), 1))[-1] == Quit(Exit.CORE_FAILED)


def test_core_that_is_silent_is_killed() -> None:
    """No answer for `silence` seconds to a ping, and it has failed; until then it has not."""
    play = running()
    play.wait(5.0)
    play.answers = False
    assert Kill(CORE) not in play.wait(10.0)
    done = play.wait(1.1)
    assert acts(done)[0] == Kill(CORE)
    said = next(action for action in done if isinstance(action, Say) and action.event == "core_exited")
    assert said.fields["reason"] == "no answer for 10 s"


def test_core_that_never_gets_ready_is_killed_and_it_is_said_what_takes_so_long() -> None:
    """Importing and starting may take longer than silence later; beyond that, the user is told where to look."""
    play = Play(a_plan(), answers=False)
    done = play.wait(31.0)
    assert acts(done)[0] == Kill(CORE)
    said = next(action for action in done if isinstance(action, Say) and action.event == "core_exited")
    assert said.fields["reason"].startswith("not ready after 30 s: importing its modules")


def test_supervisor_that_was_stopped_does_not_take_its_own_absence_for_silence() -> None:
    """After a minute under Ctrl-Z the core gets a new ping and its full time to answer it."""
    play = running()
    play.wait(5.0)
    play.now += 60.0
    assert acts(play.do(Tick())) == []
    assert acts(play.wait(30.0)) == []


def test_pings_do_not_pile_up_before_a_core_that_does_not_read() -> None:
    """There is one unanswered ping at most."""
    play = running()
    play.answers = False
    pings = [a for a in play.wait(9.0) if isinstance(a, Tell) and isinstance(a.message, Ping)]
    assert len(pings) <= 1


def test_core_that_sends_garbage_is_killed() -> None:
    """A control line that is none is a failure of the core; said by a former core it is nothing."""
    play = running()
    assert acts(play.do(Garbled(Child.core(7), "x"))) == []
    assert acts(play.do(Garbled(CORE, "no control line")))[0] == Kill(CORE)
