"""What a program leaves undone, with both faces and a real core: channels that it forgets, handlers that Ctrl-C ends.

Nobody waits for ever on the other side, and no place stays taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from applications.application import Application, capability, worker
from applications.puppets import Puppet

COMMANDS = """
import asyncio
from stockade import CommandError, Dropped, ReceiveChannel, SendChannel, command

told = []

@command("tail")
async def tail(lines: SendChannel[int]) -> str:
    async def go_on():
        try:
            while True:
                await lines.send(1)
        except CommandError as error:
            told.append(type(error).__name__)
    asyncio.create_task(go_on())
    return "tailing"

@command("load")
async def load(rows: ReceiveChannel[int]) -> str:
    async def go_on():
        try:
            told.append(str(sum([row async for row in rows])))
        except CommandError as error:
            told.append(error.code)
    asyncio.create_task(go_on())
    return "loading"

@command("told")
async def what_was_told() -> str:
    while not told:
        await asyncio.sleep(0.001)
    return told.pop(0)
"""
WORK = """
import asyncio
from stockade_frontend import CommandError, {module}

{head}
    @core.export("work.lines")
    async def lines(lines):
        await lines.send(1)
        await lines.send(2)
        return "sent"

    @core.export("work.rows")
    async def rows(rows):
        return "not read"

    @core.export("work.interrupted")
    async def interrupted():
        raise KeyboardInterrupt

    @core.export("work.plain")
    async def plain():
        return "plain"

    while not core.stopping:
        try:
            await core.run()
        except KeyboardInterrupt:
            pass
"""
HEADS = {
    "blocking": ("connect", "with connect() as core:", ""),
    "asyncio": ("aio", "async def main():\n  async with aio.connect() as core:", "asyncio.run(main())\n"),
}


@pytest.fixture(scope="module", params=HEADS)
def shared(shared_applications: Callable[[], Application], request: pytest.FixtureRequest) -> Application:
    """A worker of one face that exports, and two that call, one of each face."""
    application = shared_applications()
    module, head, tail = HEADS[request.param]
    program = WORK.format(module=module, head=head) + tail
    application.write("work.py", program if tail else re.sub(r"\b(await|async) ", "", program))
    application.configure(
        worker("work", "work.py", exports=["work.*"]),
        worker("blocking", "puppet.py", capabilities=["all"]),
        worker("asyncio", "aio_puppet.py", capabilities=["all"]),
        capability("all", commands=["**"]),
        commands=COMMANDS,
    )
    application.start()
    application.ready("work", "blocking", "asyncio")
    return application


@pytest.fixture(params=HEADS)
def do(shared: Application, request: pytest.FixtureRequest) -> Callable[[str], object]:
    """Have a worker of each face run code that is written for the asyncio one."""
    puppet = shared.puppet(request.param)
    blocking = request.param == "blocking"
    return lambda code: puppet.do(re.sub(r"\b(await|async) ", "", code) if blocking else code)


def test_a_channel_that_its_receiver_forgets_is_dropped(do: Callable[[str], object]) -> None:
    """Its sender is told, and its place among those that are open is free again."""
    assert do("await core.options(wait=False).invoke('tail', lines=core.receive_channel())") == "tailing"
    assert do("await core.invoke('told')") == "Dropped"
    assert do("core.statistics().channels") == 0


def test_a_channel_that_its_sender_forgets_ends_with_an_error(do: Callable[[str], object]) -> None:
    """Whoever was to end it may have failed: what came is not to pass for all there was."""
    assert do("rows = core.send_channel()\nawait core.invoke('load', rows=rows)") == "loading"
    do("await rows.send(1)\nrows = None\nawait core.ping()")
    assert do("await core.invoke('told')") == "failed"
    assert do("core.statistics().channels") == 0


def test_channels_that_a_handler_forgets_end(do: Callable[[str], object]) -> None:
    """With its result: all that it has sent arrives, and what it does not read may stop."""
    assert do("""
lines = core.receive_channel()
sent = await core.options(timeout=10).invoke('work.lines', lines=lines)
[sent, [line async for line in lines]]
""") == ["sent", [1, 2]]
    assert do("""
rows = core.send_channel()
answer = await core.options(timeout=10).invoke('work.rows', rows=rows)
try:
    while True: await rows.send(1)
except Exception as error: told = type(error).__name__
[answer, told]
""") == ["not read", "Dropped"]


@pytest.mark.parametrize("shared", ["blocking"], indirect=True)
def test_an_interrupt_in_a_handler_is_its_answer(shared: Application) -> None:
    """Where the program catches it and goes on: its caller would wait for ever, and so would the next one."""
    ui: Puppet = shared.puppet("blocking")
    for _ in range(2):
        assert ui.do("core.options(timeout=10).invoke('work.interrupted')").code == "cancelled"
    assert ui.do("core.options(timeout=10).invoke('work.plain')") == "plain"
