"""Calls on their way to replicas: each is answered once, whoever dies, cancels or answers too late."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Mapping
from time import monotonic
from typing import Any

import attrs
import pytest

from stockade.config.specs import Place, WorkerLimits, WorkerSpec
from stockade.core.commands.context import Context
from stockade.core.commands.workers import Request
from stockade.core.exports.routed import Answer, Routed
from stockade.core.exports.router import Router
from stockade.core.wire.happenings import Export, Side
from stockade.errors import Breach, BreachCode, Code, CommandError

#: Generous: the machine may be busy.
PATIENCE = 20.0
PLACE = Place("stockade.toml", 1)
WORKERS = (
    WorkerSpec("ui", ("true",), PLACE),
    WorkerSpec("thumbs", ("true",), PLACE, exports=("thumbs.*",), replicas=2, limits=WorkerLimits(waiting=2)),
    WorkerSpec("index", ("true",), PLACE, exports=("index.*",)),
)
ONE = {"thumbs.make": Export()}


@attrs.define(eq=False)
class Question:
    """A call that a replica was sent, and has not answered."""

    command: str
    arguments: Mapping[str, Any]
    context: Context
    answered: Answer
    cancelled: bool = False
    ports: Mapping[str, Any] = attrs.field(factory=dict)

    def cancel(self) -> None:
        self.cancelled = True


@attrs.define(eq=False)
class Puppet:
    """A replica that answers when the test says so."""

    label: str
    questions: list[Question] = attrs.field(factory=list)
    refuses: CommandError | None = None

    def ask(
        self,
        command: str,
        arguments: Mapping[str, Any],
        context: Context,
        answered: Answer,
        channels: Mapping[str, Side],
    ) -> Question:
        if self.refuses is not None:
            raise self.refuses
        self.questions.append(Question(command, arguments, context, answered))
        return self.questions[-1]

    def answer(self, value: Any = None, error: CommandError | None = None, at: int = 0) -> None:
        self.questions.pop(at).answered(value, error)


@attrs.define
class Asking:
    """A caller, and what it was answered."""

    answers: list[Any] = attrs.field(factory=list)
    told: asyncio.Event = attrs.field(factory=asyncio.Event)

    def __call__(self, value: Any, error: CommandError | None) -> None:
        self.answers.append(value if error is None else str(error.code))
        self.told.set()


class Scene:
    """A router on a running loop, with two replicas of thumbs that are ready and an index that is not."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.router = Router.of(loop, WORKERS, ["ui", "thumbs.1", "thumbs.2", "index"], None)
        self.first, self.second = Puppet("thumbs.1"), Puppet("thumbs.2")
        self.router.admit(self.first, ONE)
        self.router.admit(self.second, ONE)

    def call(
        self, command: str = "thumbs.make", context: Context | None = None, **how: Any
    ) -> tuple[Routed | None, list[Any]]:
        asking = Asking()
        return self.router.call(command, {"a": 1}, context or Context("ui"), asking, **how), asking.answers


async def test_an_answer_comes_back() -> None:
    """A value, or an error with the worker's own code; then there is room again."""
    scene = Scene()
    _, first = scene.call()
    _, second = scene.call()
    (question,) = scene.first.questions
    assert (question.command, question.arguments) == ("thumbs.make", {"a": 1})
    scene.first.answer(7)
    scene.second.answer(None, CommandError("thumbs.broken"))
    assert (first, second) == ([7], ["thumbs.broken"])
    assert scene.router.statistics()["thumbs"].running == 0


async def test_one_that_waits_goes_when_another_is_answered() -> None:
    """To the replica that has room."""
    scene = Scene()
    answers = [scene.call()[1] for _ in range(3)]
    scene.second.answer("second")
    assert len(scene.second.questions) == 1
    scene.second.answer("third")
    assert answers == [[], ["second"], ["third"]]


async def test_a_full_line_is_busy() -> None:
    """At once."""
    scene = Scene()
    answers = [scene.call()[1] for _ in range(5)]
    assert answers == [[], [], [], [], ["busy"]]


@pytest.mark.parametrize(("command", "code"), [("nobody.may", "not_found"), ("thumbs.turn", "not_found")])
async def test_what_nobody_exports_is_not_found(command: str, code: str) -> None:
    """Whether the configuration lets nobody, or nobody does."""
    scene = Scene()
    assert scene.call(command) == (None, [code])


async def test_one_that_waits_is_cancelled() -> None:
    """No replica ever sees it."""
    scene = Scene()
    for _ in range(2):
        scene.call()
    routed, answers = scene.call()
    assert routed is not None
    routed.cancel()
    routed.cancel()
    assert answers == ["cancelled"]
    scene.first.answer()
    assert scene.first.questions == []


async def test_one_that_runs_is_cancelled() -> None:
    """Its replica is told, and its place is taken until that has answered; what it answers is for nobody."""
    scene = Scene()
    routed, answers = scene.call()
    scene.call()
    _, waiting = scene.call()
    assert routed is not None
    routed.cancel()
    assert (answers, scene.first.questions[0].cancelled) == (["cancelled"], True)
    assert len(scene.first.questions) == 1
    scene.first.answer("too late")
    assert answers == ["cancelled"]
    scene.first.answer("third")
    assert waiting == ["third"]


async def test_a_deadline_ends_what_waits_and_what_runs() -> None:
    """Without the replica's doing."""
    scene = Scene()
    due = monotonic() + 0.05
    asking = [Asking() for _ in range(3)]
    for each in asking:
        scene.router.call("thumbs.make", {}, Context("ui", due), each)
    async with asyncio.timeout(PATIENCE):
        for each in asking:
            await each.told.wait()
    assert [each.answers for each in asking] == [["deadline_exceeded"]] * 3
    assert monotonic() >= due
    assert scene.first.questions[0].cancelled
    assert scene.second.questions[0].cancelled
    assert scene.call(context=Context("ui", due)) == (None, ["deadline_exceeded"])


async def test_a_death_ends_what_ran() -> None:
    """`unavailable`, and the late words of a generation that has gone are for nobody."""
    scene = Scene()
    _, answers = scene.call()
    question = scene.first.questions[0]
    scene.router.gone(scene.first)
    assert answers == ["unavailable"]
    question.answered("ghost", None)
    assert answers == ["unavailable"]


async def test_an_idempotent_call_survives_one_death() -> None:
    """The other replica answers it; a second death ends it."""
    scene = Scene()
    _, answers = scene.call(idempotent=True)
    ghost = scene.first.questions[0]
    scene.router.gone(scene.first)
    assert len(scene.second.questions) == 1
    ghost.answered("ghost", None)
    assert answers == []
    scene.second.answer("alive")
    assert answers == ["alive"]
    _, twice = scene.call(idempotent=True)
    again = Puppet("thumbs.1")
    scene.router.admit(again, ONE)
    scene.router.gone(scene.second)
    scene.router.gone(again)
    assert twice == ["unavailable"]


async def test_a_replica_that_goes_while_another_does() -> None:
    """What one death has answered may bring about the next: to whom that was given is sent nothing any more."""
    scene = Scene()
    for puppet in (scene.first, scene.second):
        scene.router.gone(puppet)
    scene.router.admit(scene.first, {"thumbs.make": Export(concurrency=2)})
    answers: list[Any] = []

    def answer(value: Any, error: CommandError | None) -> None:
        answers.append(error and error.code)
        scene.router.gone(scene.second)

    scene.router.call("thumbs.make", {}, Context("ui"), answer)
    _, again = scene.call(idempotent=True)
    scene.router.admit(scene.second, ONE)
    scene.router.gone(scene.first)
    assert (answers, again) == ([Code.UNAVAILABLE], ["unavailable"])
    assert scene.second.questions == []


async def test_one_that_is_ready_is_not_over() -> None:
    """What is said of its last generation comes late."""
    scene = Scene()
    scene.router.over("thumbs.1")
    scene.call()
    assert len(scene.first.questions) == 1


async def test_an_export_may_say_itself_that_it_is_idempotent() -> None:
    """Then its caller need not."""
    scene = Scene()
    scene.router.gone(scene.first)
    scene.router.admit(scene.first, {"thumbs.make": Export(idempotent=True)})
    scene.router.gone(scene.second)
    _, answers = scene.call()
    scene.router.admit(scene.second, ONE)
    scene.router.gone(scene.first)
    scene.second.answer(1)
    assert answers == [1]


async def test_one_that_is_started_is_waited_for() -> None:
    """Until it is ready, or not started again."""
    scene = Scene()
    _, answers = scene.call("index.find")
    index = Puppet("index")
    scene.router.admit(index, {"index.find": Export()})
    index.answer(1)
    assert answers == [1]
    scene.router.gone(index)
    _, answers = scene.call("index.find")
    assert answers == []
    scene.router.over("index")
    assert answers == ["unavailable"]
    assert scene.call("index.find") == (None, ["unavailable"])
    scene.router.expect("index")
    assert scene.call("index.find")[1] == []


async def test_what_cannot_be_sent_is_answered() -> None:
    """And takes no place."""
    scene = Scene()
    scene.first.refuses = CommandError(Code.TOO_LARGE, "")
    assert scene.call() == (None, ["too_large"])
    assert scene.router.statistics()["thumbs"].running == 0


@pytest.mark.parametrize("name", ["index.find", "notes.read", "thumbs.make.it"])
async def test_a_worker_exports_no_more_than_it_may(name: str) -> None:
    """Neither another worker's commands nor anything that nobody's exports cover."""
    scene = Scene()
    with pytest.raises(Breach) as raised:
        scene.router.admit(Puppet("thumbs.1"), {"thumbs.make": Export(), name: Export()})
    assert raised.value.code is BreachCode.EXPORTS


async def test_nothing_is_remembered_of_what_is_over() -> None:
    """However it has ended: answered, refused, cancelled before or while it ran, or with its replica."""
    scene = Scene()
    for _ in range(3):
        scene.call()
    waiting, _ = scene.call()
    scene.call()
    running, _ = scene.call()
    assert waiting is not None
    waiting.cancel()
    assert running is None
    assert scene.router.in_flight == 3
    for _ in range(2):
        scene.first.answer()
    scene.router.gone(scene.second)
    routed, _ = scene.call()
    assert routed is not None
    routed.cancel()
    scene.router.gone(scene.first)
    scene.router.over("thumbs.1")
    scene.router.over("thumbs.2")
    assert scene.router.in_flight == 0


# -- one within another -----------------------------------------------------------------------------------------------


async def test_a_call_that_comes_round_is_refused() -> None:
    """A worker that waits for the index, which wants what that worker alone exports."""
    scene = Scene()
    scene.router.gone(scene.second)
    scene.router.over("thumbs.2")
    index = Puppet("index")
    scene.router.admit(index, {"index.find": Export()})
    scene.call()
    handling = scene.first.questions[0].context
    scene.call("index.find", Context("thumbs.1", parent=handling))
    nested = index.questions[0].context
    asking = Asking()
    scene.router.call("thumbs.make", {}, Context("index", parent=nested), asking)
    assert asking.answers == ["unavailable"]


async def test_a_command_in_between_does_not_hide_the_round() -> None:
    """The index calls a command of the core's, and that the worker that waits for the index."""
    scene = Scene()
    scene.router.gone(scene.second)
    scene.router.over("thumbs.2")
    index = Puppet("index")
    scene.router.admit(index, {"index.find": Export()})
    scene.call("index.find", Context("thumbs.1"))
    command = Context("index", parent=index.questions[0].context)
    errors: list[CommandError | None] = []
    scene.router.invoke(
        Request("thumbs.make", {}, command, None, None, False), lambda value, error: errors.append(error)
    )
    assert errors[0] is not None
    assert errors[0].data == {"cycle": ["thumbs.1", "index", "thumbs.1"]}


async def test_two_that_would_wait_for_each_others_places() -> None:
    """Neither chain comes round, but both places are taken by those that wait: the second is refused."""
    scene = Scene()
    scene.router.gone(scene.second)
    scene.router.over("thumbs.2")
    index = Puppet("index")
    scene.router.admit(index, {"index.find": Export()})
    scene.call()
    scene.call("index.find")
    _, first = scene.call("index.find", Context("thumbs.1", parent=scene.first.questions[0].context))
    _, second = scene.call("thumbs.make", Context("index", parent=index.questions[0].context))
    assert (first, second) == ([], ["unavailable"])


async def test_what_a_command_invokes_ends_with_its_call() -> None:
    """The replica is told when nobody waits for the command any more."""
    scene = Scene()
    within, asking = Context("ui"), Asking()
    scene.router.invoke(Request("thumbs.make", {}, within, None, None, False), asking)
    within.cancel()
    assert (asking.answers, scene.first.questions[0].cancelled) == (["cancelled"], True)


@pytest.mark.parametrize(
    ("timeout", "outer", "left"), [(None, 5.0, 5.0), (2.0, 5.0, 2.0), (9.0, 5.0, 5.0), (2.0, None, 2.0)]
)
async def test_what_a_command_invokes_has_the_time_of_its_call(
    timeout: float | None, outer: float | None, left: float
) -> None:
    """Its own where that is shorter, and never more."""
    scene = Scene()
    within = Context("ui", None if outer is None else monotonic() + outer)
    scene.router.invoke(Request("thumbs.make", {}, within, None, timeout, False), Asking())
    has = scene.first.questions[0].context.left()
    assert has is not None
    assert left - 1.0 < has <= left


async def test_what_the_core_invokes_by_itself_has_the_default() -> None:
    """Outside of every call; without one it has all the time it needs."""
    for default in (None, 30.0):
        router = Router.of(asyncio.get_running_loop(), WORKERS, ["index"], default)
        index = Puppet("index")
        router.admit(index, {"index.find": Export()})
        router.invoke(Request("index.find", {}, None, None, None, False), Asking())
        has = index.questions[0].context.left()
        assert (has is None) if default is None else (has is not None and 29.0 < has <= 30.0)
        router.close()


async def test_arguments_are_not_kept_for_what_nobody_waits_for() -> None:
    """A replica may never answer a call that was cancelled: what is kept of each is to be small."""

    class Large(dict[str, Any]):
        """Arguments that can be referred to weakly."""

    scene, arguments = Scene(), Large(a=1)
    large = weakref.ref(arguments)
    routed = scene.router.call("thumbs.make", arguments, Context("ui"), Asking())
    scene.first.questions[0].arguments = {}  # what a replica was sent is gone
    del arguments
    assert large() is not None
    assert routed is not None
    routed.cancel()
    assert scene.router.in_flight == 1
    assert large() is None
