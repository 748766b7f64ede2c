"""What the supervisor decides, without a process: happenings in, actions out, on a clock of the test's own."""

from __future__ import annotations

import math
import signal
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    Ping,
    Plan,
    Pong,
    Shutdown,
    Spawned,
    StopWorker,
    WorkerPlan,
)
from stockade.exits import Exit
from stockade.supervisor.actions import Action, CloseStdin, Kill, Quit, Say, Start, Tell, Terminate
from stockade.supervisor.happenings import (
    Begun,
    Child,
    Ended,
    Garbled,
    Happening,
    Heard,
    NotStarted,
    Signalled,
    Started,
    Tick,
)
from stockade.supervisor.tree import Tree

WORKER = WorkerPlan(
    label="a",
    argv=("program",),
    environment={},
    restart="on-failure",
    restarts=2,
    within=60.0,
    backoff_first=1.0,
    backoff_longest=8.0,
    stable=60.0,
    start_limit=30.0,
    stop_grace=3.0,
    stdin_grace=2.0,
    term_grace=2.0,
)
CORE = Child.core(1)


def a_plan(labels: str = "ab", **changes: Any) -> Plan:
    """A plan of workers with one-letter labels."""
    return Plan(
        folder="/",
        workers=tuple(attrs.evolve(WORKER, label=label, **changes) for label in labels),
        core_environment={},
        core_restarts=2,
        core_within=60.0,
        core_grace=2.0,
        silence=10.0,
        log_format="json",
        log_level="info",
        color=False,
        debuggable=False,
        configuration={"some": "thing"},
    )


class Play:
    """A tree, a clock, and processes that start whenever they are asked to and end when killed; the core answers."""

    def __init__(self, plan: Plan, *, dies_when_killed: bool = True, answers: bool = True) -> None:
        self.tree = Tree(plan, "/run")
        self.now = 1000.0
        self.actions: list[tuple[float, Action]] = []
        self.alive: set[Child] = set()
        self.dies_when_killed = dies_when_killed
        self.answers = answers
        self.do(Begun())

    def do(self, *happenings: Happening) -> list[Action]:
        """Let these happen now, and what follows from them at once; all actions."""
        waiting, done = list(happenings), []
        while waiting:
            for action in self.tree.step(waiting.pop(0), self.now):
                done.append(action)
                waiting += self._follows(action)
        self.actions += [(self.now, action) for action in done]
        return done

    def _follows(self, action: Action) -> list[Happening]:
        match action:
            case Start(child):
                assert child not in self.alive
                self.alive.add(child)
                return [Started(child, 100 + len(self.actions), f"/run/{child}", "secret")]
            case Kill(child) if self.dies_when_killed and child in self.alive:
                self.alive.discard(child)
                return [Ended(child, -signal.SIGKILL, (), 0.0)]
            case Tell(Ping(number)) if self.answers:
                return [Heard(child, Pong(number)) for child in self.alive if child.is_core]
        return []

    def hear(self, *messages: Any, core: Child = CORE) -> list[Action]:
        """The core says this."""
        return self.do(*(Heard(core, message) for message in messages))

    def end(self, child: Child, code: int = 0, lines: tuple[str, ...] = (), chance: float = 0.0) -> list[Action]:
        """A process ends."""
        self.alive.discard(child)
        return self.do(Ended(child, code, lines, chance))

    def wait(self, seconds: float) -> list[Action]:
        """Let time pass, from deadline to deadline."""
        until, done = self.now + seconds, []
        for _ in range(1000):
            deadline = max(self.now, self.tree.next_deadline())
            if deadline > until:
                break
            self.now = deadline
            done += self.do(Tick())
        else:
            pytest.fail("the tree asks to be called without end")
        self.now = until
        return done


def running(labels: str = "ab", **changes: Any) -> Play:
    """A play in which the core is ready and each worker has said hello."""
    play = Play(a_plan(labels, **changes))
    play.hear(CoreReady(), *(Greeted(label, 1) for label in labels))
    return play


def told(actions: list[Action], kind: type | None = None) -> list[Any]:
    """What the core is told, without pings."""
    messages = [action.message for action in actions if isinstance(action, Tell)]
    return [m for m in messages if not isinstance(m, Ping) and (kind is None or isinstance(m, kind))]


def acts(actions: list[Action]) -> list[Action]:
    """The actions that are done to processes."""
    return [action for action in actions if not isinstance(action, Say | Tell)]


def events(actions: list[Action]) -> list[str]:
    """The events that are logged."""
    return [action.event for action in actions if isinstance(action, Say)]


# -- starting ---------------------------------------------------------------------------------------------------------


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


# -- ends of workers --------------------------------------------------------------------------------------------------


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


# -- the core's end ---------------------------------------------------------------------------------------------------


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


# -- stopping ---------------------------------------------------------------------------------------------------------


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
