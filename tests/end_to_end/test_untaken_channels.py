"""Channels that nobody takes: a middleware answers for the command, or the call ends before a handler or a replica has
them. They end for the worker that opened them, and what it has sent counts no more.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from applications.application import Application, capability, worker
from applications.puppets import Puppet

COMMANDS = """
import asyncio
from collections.abc import AsyncIterator
from typing import Any
from stockade import Call, Proceed, ReceiveChannel, SendChannel, command, middleware

@middleware("cached.**")
async def cache(call: Call, proceed: Proceed) -> Any:
    return None

@middleware("slow.**")
async def slow(call: Call, proceed: Proceed) -> Any:
    await asyncio.Event().wait()

@command("cached.copy")
async def copy(data: ReceiveChannel[bytes], back: SendChannel[bytes]) -> None:
    await back.end()

@command("cached.rows")
async def rows() -> AsyncIterator[int]:
    yield 1

@command("slow.total")
async def total(data: ReceiveChannel[bytes]) -> int:
    return 0
"""
MESSAGE = 1_000_000
#: Items that are together more than the core holds of one worker (four messages).
OFTEN, SIZE = 6, 450_000


@pytest.fixture(scope="module")
def shared(shared_applications: Callable[[], Application]) -> Application:
    """A worker that calls, and one that answers what it is told to answer."""
    application = shared_applications()
    application.configure(
        worker("one", "raw_puppet.py", capabilities=["all"], limits={"message": MESSAGE}),
        worker("thumbs", "raw_puppet.py", exports=["thumbs.*"], limits={"message": MESSAGE}),
        capability("all", commands=["**"]),
        commands=COMMANDS,
    )
    application.start()
    application.puppet("thumbs").do("greet(); say(['ready', {'exports': {'thumbs.take': {}}}])")
    application.puppet("one").do("greet(); say(['ready']); channel = -1")
    application.ready("one", "thumbs")
    return application


@pytest.fixture
def one(shared: Application) -> Puppet:
    """The worker that calls."""
    return shared.puppet("one")


@pytest.fixture
def thumbs(shared: Application) -> Puppet:
    """The worker that answers."""
    return shared.puppet("thumbs")


def test_what_a_middleware_answers_ends_the_channels_of_the_call(one: Puppet) -> None:
    """Its caller would wait for items, or for credit, for ever."""
    heard = one.do("""
channel += 4
call_id = begin('cached.copy', {}, {'channels': {
    'data': {'id': channel - 2, 'to': 'callee'}, 'back': {'id': channel, 'to': 'caller', 'credit': 1}}})
sorted([hear('drop', 'end', 'result', patience=5)[0] for _ in range(3)])
""")
    assert heard == ["drop", "end", "result"]


def test_a_stream_that_a_middleware_answers_ends_before_its_result(one: Puppet) -> None:
    """As any other does."""
    heard = one.do("""
channel += 2
begin('cached.rows', {}, {'channels': {'yield': {'id': channel, 'to': 'caller', 'credit': 1}}})
[hear('end', 'result', patience=5)[0] for _ in range(2)]
""")
    assert heard == ["end", "result"]


SEND = """
channel += 2
call_id = begin(command, {}, {'channels': {'data': {'id': channel, 'to': 'callee'}}})
hear('credit')
say_raw([bytes(size)] * 2, ['item', channel, None, {'raw': 1}], ['item', channel, None, {'raw': 2}])
"""
CANCEL = "say(['cancel', call_id]); hear('error', 'result', patience=5)[2]['code']"


def test_items_of_a_call_that_never_ran_count_no_more(one: Puppet) -> None:
    """Else the core would leave the worker unread in the end: it holds so many bytes of one, and these for nobody."""
    for _ in range(OFTEN):
        one.do(SEND, command="slow.total", size=SIZE)
        assert one.do(CANCEL) == "cancelled"
    assert one.do("say(['ping', 1]); hear('pong', patience=5)") == ["pong", 1]


def test_items_for_a_replica_that_takes_none_count_no_more(one: Puppet, thumbs: Puppet) -> None:
    """Nor do those that had not been carried on when the call was cancelled."""
    for _ in range(OFTEN):
        one.do(SEND, command="thumbs.take", size=SIZE)
        thumbs.do("number = hear('call')[1]")
        assert one.do(CANCEL) == "cancelled"
        thumbs.do("hear('cancel'); say(['error', number, {'code': 'cancelled', 'message': 'as you wish'}])")
    assert one.do("say(['ping', 1]); hear('pong', patience=5)") == ["pong", 1]


def test_items_for_a_replica_that_has_not_answered_yet_count_no_more(one: Puppet, thumbs: Puppet) -> None:
    """A call that waits for its replica to be free has channels that nobody carries on."""
    one.do("call_id = begin('thumbs.take', {}, {}); busy_id = call_id")
    thumbs.do("number = hear('call')[1]")
    for _ in range(OFTEN):
        one.do(SEND, command="thumbs.take", size=SIZE)
        assert one.do(CANCEL) == "cancelled"
    thumbs.do("say(['result', number, None])")
    assert one.do("hear('result', patience=5)[1] == busy_id") is True
