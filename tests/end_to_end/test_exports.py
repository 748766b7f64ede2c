"""What workers export: calls from workers and from commands, to one of several replicas, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from applications.application import Application, capability, worker
from applications.processes import until
from applications.puppets import Puppet, Raised

COMMANDS = """
import asyncio
from typing import Any
from stockade import Workers, command

@command("report")
async def report(workers: Workers, command: str, arguments: dict[str, Any]) -> Any:
    return await workers.invoke(command, **arguments)

@command("report.blocking")
def blocking(workers: Workers, command: str, arguments: dict[str, Any]) -> Any:
    return workers.invoke_blocking(command, **arguments)

@command("report.timed")
async def timed(workers: Workers, command: str, timeout: float) -> Any:
    return await workers.options(timeout=timeout).invoke(command)

@command("report.safe")
async def safe(workers: Workers, arguments: dict[str, Any]) -> Any:
    return await workers.options(idempotent=True).invoke("thumbs.make", **arguments)

@command("report.misplaced")
async def misplaced(workers: Workers) -> str:
    try:
        workers.invoke_blocking("thumbs.who")
    except RuntimeError:
        return "refused"
    return "waited for ever"
"""
EVERYTHING = capability("all", commands=["**"])


def configure(application: Application, *tables: str, replicas: int = 2, **how: Any) -> Application:
    """A user interface that may do everything, and so many replicas of thumbs."""
    thumbs = worker("thumbs", "exporter.py", exports=["thumbs.**"], capabilities=["all"], replicas=replicas, **how)
    application.configure(worker("ui", capabilities=["all"]), thumbs, *tables, EVERYTHING, commands=COMMANDS)
    application.start()
    labels = [f"thumbs.{number + 1}" for number in range(replicas)] if replicas > 1 else ["thumbs"]
    application.ready("ui", *labels)
    return application


def another(label: str, **how: Any) -> str:
    """One more worker that exports."""
    return worker(label, "exporter.py", exports=[f"{label}.**"], capabilities=["all"], **how)


def who_began(application: Application, name: str) -> list[str]:
    """The workers that have begun to handle this call."""
    return [path.name.removeprefix(f"begun.{name}.") for path in application.folder.glob(f"begun.{name}.*")]


def begun(application: Application, name: str) -> str:
    """The worker that handles this call, once it does."""
    until(lambda: who_began(application, name), f"{name} has begun")
    return who_began(application, name)[0]


def marked(application: Application, what: str) -> None:
    until(lambda: list(application.folder.glob(what)), f"there is {what}")


def let_go(application: Application, name: str) -> None:
    (application.folder / f"go.{name}").touch()


def is_waiting(application: Application, ui: Puppet) -> None:
    """All that this worker has sent before has reached the core: it reads in order."""
    ui.do("core.invoke('report.misplaced')")


# -- calls ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(shared_applications: Callable[[], Application]) -> Application:
    """An application that no test of this part disturbs for the next."""
    return configure(shared_applications(), another("index"))


@pytest.fixture
def ui(shared: Application) -> Puppet:
    return shared.puppet("ui")


def test_a_worker_calls_what_another_exports(shared: Application, ui: Puppet) -> None:
    """It is answered like a command of the core's, and the worker knows who asks."""
    assert ui.do("core.invoke('thumbs.make', name='one')") in ("thumbs.1", "thumbs.2")
    assert ui.do("core.invoke('thumbs.who')")[0] == "ui"


@pytest.mark.parametrize("command", ["report", "report.blocking"])
def test_a_command_calls_what_a_worker_exports(shared: Application, ui: Puppet, command: str) -> None:
    """On the loop or in a thread; the core asks for itself."""
    assert ui.do(f"core.invoke('{command}', command='thumbs.who', arguments={{}})")[0] == "core"


def test_a_command_on_the_loop_cannot_wait_blocking(shared: Application, ui: Puppet) -> None:
    """It would wait for an answer that only the loop could bring."""
    assert ui.do("core.invoke('report.misplaced')") == "refused"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("core.invoke('thumbs.make', nme='x')", "invalid_args"),
        ("core.invoke('thumbs.none')", "not_found"),
        ("core.invoke('report', command='nobody.may', arguments={})", "not_found"),
        ("core.invoke('thumbs.count', upto=3)", "invalid_args"),
        ("core.invoke('thumbs.nest', name='x', command='thumbs.none', arguments={})", "not_found"),
    ],
)
def test_errors_come_through(shared: Application, ui: Puppet, code: str, said: str) -> None:
    """Those of the worker as those of the core, with their codes."""
    raised = ui.do(code)
    assert isinstance(raised, Raised)
    assert raised.code == said


def test_bytes_go_both_ways(shared: Application, ui: Puppet) -> None:
    """Small ones and such as travel in frames of their own, from worker to worker and from a command."""
    for size in (10, 3_000_000):
        assert ui.do("data = bytes(size); core.invoke('thumbs.echo', data=data) == data", size=size)
        assert ui.do("core.invoke('report', command='thumbs.echo', arguments={'data': data}) == data")


def test_time_that_is_left_is_inherited(shared: Application, ui: Puppet) -> None:
    """By the call itself, by what a command calls within it, and by what a worker calls within that."""
    for code in (
        "core.options(timeout=30.0).invoke('thumbs.who')",
        "core.options(timeout=30.0).invoke('report', command='thumbs.who', arguments={})",
        "core.options(timeout=30.0).invoke('report.timed', command='thumbs.who', timeout=50.0)",
        "core.options(timeout=30.0).invoke('index.nest', name='i', command='thumbs.who', arguments={})",
        "core.options(timeout=30.0).invoke('index.nest', name='i', command='report', arguments=asked)",
        "core.invoke('report.timed', command='thumbs.who', timeout=30.0)",
    ):
        left = ui.do(code, asked={"command": "thumbs.who", "arguments": {}})[1]
        assert 5.0 < left <= 30.0, code
    assert 30.0 < ui.do("core.invoke('thumbs.who')")[1] <= 60.0
    assert ui.do("core.options(timeout=None).invoke('thumbs.who')")[1] is None


# -- channels ---------------------------------------------------------------------------------------------------------


def test_a_stream_comes_through(shared: Application, ui: Puppet) -> None:
    """All of its items in order, however little credit there is."""
    assert ui.do("list(core.stream('thumbs.count', upto=1000))") == list(range(1000))


def test_a_stream_that_fails_comes_through_to_its_end(shared: Application, ui: Puppet) -> None:
    """First the items, then the error."""
    raised = ui.do("got = []\nfor item in core.stream('thumbs.count', upto=100, fails=True): got.append(item)")
    assert isinstance(raised, Raised)
    assert raised.code == "thumbs.torn"
    assert ui.do("got") == list(range(100))


def test_a_stream_that_nobody_wants_any_more_is_closed(shared: Application, ui: Puppet) -> None:
    """In the worker that yields, which would go on for ever."""
    ui.do("with core.stream('thumbs.count', upto=10**9) as numbers:\n    next(iter(numbers))")
    marked(shared, "stopped.count.*")


def test_items_go_to_a_worker(shared: Application, ui: Puppet) -> None:
    """The caller sends, the exporting worker receives."""
    assert ui.do(
        "numbers = core.send_channel()\npending = core.call('thumbs.total', numbers=numbers)\n"
        "for number in range(500): numbers.send(number)\nnumbers.end()\npending.result()"
    ) == sum(range(500))


def test_items_go_both_ways_in_one_call(shared: Application, ui: Puppet) -> None:
    """Each direction has credit of its own."""
    assert ui.do(
        "numbers, doubled = core.send_channel(), core.receive_channel()\n"
        "pending = core.call('thumbs.double', numbers=numbers, doubled=doubled)\n"
        "for number in range(10): numbers.send(number)\nnumbers.end()\ngot = list(doubled)\npending.result()\ngot"
    ) == [2 * number for number in range(10)]


# -- pools ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def held(application: Application) -> Iterator[Callable[..., tuple[Application, Puppet]]]:
    """Makes an application; what it holds in the end is let go."""

    def make(*tables: str, **how: Any) -> tuple[Application, Puppet]:
        configure(application, *tables, **how)
        return application, application.puppet("ui")

    yield make
    for path in application.folder.glob("begun.*"):
        let_go(application, path.name.split(".")[1])


def call(ui: Puppet, name: str, command: str = "thumbs.make", options: str = "") -> None:
    """Begin a call that holds."""
    ui.do(f"pending_{name} = core.options({options}).call('{command}', name='{name}', held=True)")


def result(ui: Puppet, name: str) -> Any:
    return ui.do(f"pending_{name}.result()")


def test_calls_spread_over_replicas_and_no_further(held: Any) -> None:
    """Four run at once on four replicas; the fifth waits for the first that is free."""
    application, ui = held(replicas=4)
    for name in "abcd":
        call(ui, name)
    assert {begun(application, name) for name in "abcd"} == {f"thumbs.{number}" for number in (1, 2, 3, 4)}
    call(ui, "e")
    is_waiting(application, ui)
    assert who_began(application, "e") == []
    let_go(application, "c")
    assert result(ui, "c") == begun(application, "e")


def test_callers_take_turns(held: Any) -> None:
    """Who queues ten calls does not keep another's one call behind them."""
    application, ui = held(worker("other", capabilities=["all"]), replicas=1)
    other = application.puppet("other")
    for number in range(10):
        call(ui, f"f{number}")
    begun(application, "f0")
    is_waiting(application, ui)
    other.do("pending_o = core.call('thumbs.make', name='o', held=True)")
    is_waiting(application, other)
    for name in ("f0", "f1"):
        let_go(application, name)
    begun(application, "o")
    assert who_began(application, "f2") == []
    let_go(application, "o")
    for number in range(2, 10):
        let_go(application, f"f{number}")
    assert [result(ui, f"f{number}") for number in range(10)] == ["thumbs"] * 10


def test_a_full_line_is_busy(held: Any) -> None:
    """At once, for who does not want to wait."""
    application, ui = held(replicas=1, limits={"waiting": 1})
    call(ui, "a")
    begun(application, "a")
    call(ui, "b")
    raised = ui.do("core.options(wait=False).invoke('thumbs.make', name='c')")
    assert isinstance(raised, Raised)
    assert raised.code == "busy"
    let_go(application, "a")
    let_go(application, "b")
    assert result(ui, "b") == "thumbs"


def test_many_calls_use_all_replicas(held: Any) -> None:
    """Each takes its share, as fast as it is; all are answered."""
    _, ui = held(replicas=3)
    answers = ui.do(
        "calls = [core.call('thumbs.make', name=f'm{number}') for number in range(120)]\n"
        "[call.result() for call in calls]"
    )
    assert set(answers) == {"thumbs.1", "thumbs.2", "thumbs.3"}
    assert len(answers) == 120


# -- deaths -----------------------------------------------------------------------------------------------------------


def kill(application: Application, label: str, generation: int = 1) -> None:
    os.kill(application.pid(label, generation), signal.SIGKILL)


def test_a_call_whose_replica_is_killed_is_unavailable(held: Any) -> None:
    """And the one that waited behind it is answered by the next generation."""
    application, ui = held(replicas=1)
    call(ui, "a")
    begun(application, "a")
    call(ui, "b")
    is_waiting(application, ui)
    let_go(application, "b")
    kill(application, "thumbs")
    raised = result(ui, "a")
    assert isinstance(raised, Raised)
    assert raised.code == "unavailable"
    assert result(ui, "b") == "thumbs"


@pytest.mark.parametrize(
    "code",
    [
        "core.call('thumbs.safe', name='a', held=True)",
        "core.options(idempotent=True).call('thumbs.make', name='a', held=True)",
        "core.call('report.safe', arguments={'name': 'a', 'held': True})",
    ],
)
def test_an_idempotent_call_is_given_to_another_once(held: Any, code: str) -> None:
    """Whoever says so: its caller, the worker that exports it, or a command. A second death ends it."""
    application, ui = held(replicas=3)
    ui.do(f"pending_a = {code}")
    first = begun(application, "a")
    kill(application, first)
    until(lambda: len(who_began(application, "a")) == 2, "another has begun")
    (second,) = {*who_began(application, "a")} - {first}
    kill(application, second)
    raised = result(ui, "a")
    assert isinstance(raised, Raised)
    assert raised.code == "unavailable"


def test_an_idempotent_call_is_answered_by_another(held: Any) -> None:
    """Its caller learns nothing of the death."""
    application, ui = held()
    call(ui, "a", "thumbs.safe")
    first = begun(application, "a")
    kill(application, first)
    until(lambda: len(who_began(application, "a")) == 2, "another has begun")
    let_go(application, "a")
    assert {first, result(ui, "a")} == {"thumbs.1", "thumbs.2"}


def test_a_replica_that_exits_by_itself_ends_its_call(held: Any) -> None:
    """Not only those that are killed."""
    _, ui = held()
    raised = ui.do("core.invoke('thumbs.exit', name='a')")
    assert isinstance(raised, Raised)
    assert raised.code == "unavailable"


def test_a_stream_of_a_replica_that_is_killed_ends(held: Any) -> None:
    """With the reason, behind the items that had come."""
    application, ui = held(replicas=1)
    ui.do("numbers = iter(core.stream('thumbs.count', upto=10**9))\nnext(numbers)")
    kill(application, "thumbs")
    raised = ui.do("for number in numbers: pass")
    assert isinstance(raised, Raised)
    assert raised.code == "unavailable"


def test_nobody_that_is_not_started_again_is_waited_for(held: Any) -> None:
    """`unavailable` at once, also for who has waited."""
    application, ui = held(replicas=1, restart="never")
    call(ui, "a")
    begun(application, "a")
    call(ui, "b")
    is_waiting(application, ui)
    kill(application, "thumbs")
    for name in "ab":
        raised = result(ui, name)
        assert isinstance(raised, Raised)
        assert raised.code == "unavailable"
    assert ui.do("core.invoke('thumbs.who')").code == "unavailable"


def test_the_death_of_a_caller_stops_its_calls(held: Any) -> None:
    """The replica is told, and is free for others."""
    application, _ = held(worker("victim", capabilities=["all"]), replicas=1)
    victim = application.puppet("victim")
    call(victim, "a")
    begun(application, "a")
    os.kill(victim.pid, signal.SIGKILL)
    marked(application, "stopped.a.thumbs")
    assert application.puppet("ui").do("core.invoke('thumbs.make', name='b')") == "thumbs"


# -- one within another -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", ["", "report", "report.blocking"])
def test_a_cancel_reaches_what_is_called_within(held: Any, between: str) -> None:
    """Through a worker, and through a command of the core's in between."""
    application, ui = held(another("index"), replicas=1)
    made = {"name": "inner", "held": True}
    inner = ("thumbs.make", made) if not between else (between, {"command": "thumbs.make", "arguments": made})
    ui.do("pending = core.call('index.nest', name='outer', command=c, arguments=a)", c=inner[0], a=inner[1])
    begun(application, "inner")
    ui.do("pending.cancel()")
    marked(application, "stopped.inner.thumbs")
    marked(application, "caught-cancelled.outer.index")


def test_the_death_of_one_in_the_middle_ends_both_sides(held: Any) -> None:
    """Its caller is answered, and what it has called is stopped."""
    application, ui = held(another("index"), replicas=1)
    made = {"name": "inner", "held": True}
    ui.do("pending = core.call('index.nest', name='outer', command='thumbs.make', arguments=a)", a=made)
    begun(application, "inner")
    kill(application, "index")
    assert ui.do("pending.result()").code == "unavailable"
    marked(application, "stopped.inner.thumbs")


def test_the_death_of_one_within_is_told_to_all_around(held: Any) -> None:
    """The worker in the middle is answered, and lets its caller know."""
    application, ui = held(another("index"), replicas=1)
    made = {"name": "inner", "held": True}
    ui.do("pending = core.call('index.nest', name='outer', command='thumbs.make', arguments=a)", a=made)
    begun(application, "inner")
    kill(application, "thumbs")
    assert ui.do("pending.result()").code == "unavailable"
    marked(application, "caught-unavailable.outer.index")


def test_a_time_out_reaches_what_is_called_within(held: Any) -> None:
    """Every worker on the way has been told when its caller raises, or soon after."""
    application, ui = held(another("index"), replicas=1)
    raised = ui.do(
        "core.options(timeout=0.3).invoke('index.nest', name='outer', command='thumbs.make', arguments=a)",
        a={"name": "inner", "held": True},
    )
    assert isinstance(raised, Raised)
    assert raised.code == "deadline_exceeded"
    marked(application, "stopped.inner.thumbs")


def test_workers_that_would_wait_for_each_other_are_refused(held: Any) -> None:
    """At once, with their labels: the worker in the middle is told, and its caller by it."""
    _, ui = held(another("index"), replicas=1)
    raised = ui.do(
        "core.invoke('thumbs.nest', name='o', command='index.nest', arguments=a)",
        a={"name": "i", "command": "thumbs.who", "arguments": {}},
    )
    assert isinstance(raised, Raised)
    assert (raised.code, raised.data) == ("unavailable", {"cycle": ["thumbs", "index", "thumbs"]})


def test_another_replica_answers_what_would_come_round(held: Any) -> None:
    """A worker may call what it exports itself, as long as there is another to answer."""
    _, ui = held(replicas=2)
    assert ui.do("core.invoke('thumbs.nest', name='o', command='thumbs.who', arguments={})")[0].startswith("thumbs.")


# -- what a worker may not --------------------------------------------------------------------------------------------


def test_a_worker_exports_only_what_the_configuration_lets_it(application: Application) -> None:
    """It is ended at `ready`, before anybody could call it."""
    thumbs = worker("thumbs", "exporter.py", exports=["thumbs.make"], restart="never")
    application.configure(worker("ui", capabilities=["all"]), thumbs, EVERYTHING)
    application.start()
    assert application.log.wait(event="worker_breach", worker="thumbs")["code"] == "exports"
    assert application.puppet("ui").do("core.invoke('thumbs.make', name='x')").code == "unavailable"


def test_a_worker_calls_only_what_its_capabilities_let_it(application: Application) -> None:
    """Whether anybody exports it or not, it learns the same."""
    thumbs = worker("thumbs", "exporter.py", exports=["thumbs.**"])
    little = capability("little", commands=["thumbs.who"])
    application.configure(worker("ui", capabilities=["little"]), thumbs, little)
    application.start().ready("thumbs")
    ui = application.puppet("ui")
    assert ui.do("core.invoke('thumbs.who')")[0] == "ui"
    assert {ui.do(f"core.invoke('thumbs.{name}', name='x')").code for name in ("make", "none")} == {"not_allowed"}


def test_exports_that_are_commands_of_the_core_do_not_start(application: Application) -> None:
    """As `stockade check` says, but the core, which knows its commands, has the last word."""
    path: Path = application.folder
    application.configure(worker("thumbs", exports=["report.*"]), EVERYTHING, commands=COMMANDS)
    assert application.start().wait() == 2, path
    assert "is a command of the core" in str(application.log)
