"""Being there, and the end: pings, stop and bye, the lifeline, a core that goes or says breach."""

from __future__ import annotations

import asyncio

from stockade.certify import asking, endings, news
from stockade.certify.fault import require
from stockade.certify.life import Life
from stockade.certify.step import Steps
from stockade.core.wire.happenings import Hello, Leaving

__all__ = ["ALL"]

ping = Steps("ping", "5", walk="ping")
alone = Steps("ping", "5")
leaving = Steps("leaving", "9")
lifeline = Steps("lifeline", "2")
core = Steps("core", "6")
ALL = (ping, alone, leaving, lifeline, core)


# -- pings ------------------------------------------------------------------------------------------------------------


@ping.step("in-a-call")
async def in_a_call(life: Life) -> None:
    """Answer each ping with a pong of its number while an answer is awaited."""
    call = await life.invoked("certify.ping")
    life.say(["ping", 0], ["ping", 2**53 - 1], ["ping", 5, "further"])
    await life.pong(5)
    life.same(life.pongs[-3:], [0, 2**53 - 1, 5], "the pongs")
    life.answer(call, None)
    await life.reports({"value": None})


@ping.step("float", section="4")
async def floating(life: Life) -> None:
    """Answer a ping whose number is a float."""
    life.say(["ping", 1e15], ["ping", -0.0])
    await life.pong(0)
    require(life.pongs[-2:] == [10**15, 0], "the pongs 1000000000000000 and 0", life.pongs[-2:])


@ping.step("serving", "exports")
async def serving(life: Life) -> None:
    """Answer pings while it serves."""
    life.task("serve")
    for _ in range(3):
        await life.round_trip()
    await asking.gives(life, asking.ask(life, "echo.enough", {}), None)
    await life.reports({})


@ping.step("under-load", "together")
async def under_load(life: Life) -> None:
    """Answer pings between the answers to two hundred calls."""
    life.task("calls", command="certify.load", each=[{"number": number} for number in range(200)])
    for number in range(200):
        call = await life.call("certify.load")
        life.say(life.result(call, number), ["ping", 5000 + number])
    await life.reports({"outcomes": [{"value": number} for number in range(200)]})
    await life.pong(5199)
    life.same(life.pongs[-200:], list(range(5000, 5200)), "the pongs")


@alone.step("running")
async def running(life: Life) -> None:
    """Answer pings while it runs."""
    await life.begin()
    life.task("run")
    for _ in range(3):
        await life.round_trip()


# -- leaving ----------------------------------------------------------------------------------------------------------


async def _leave(life: Life, emitted: int) -> None:
    """The worker's leave: bye with the count of its emits, then nothing more, then its end."""
    bye = await life.hear(Leaving, "bye")
    require(bye.emitted == emitted, f"bye with emitted: {emitted}", f"with {bye.emitted}")
    await asyncio.sleep(0.1)  # its sockets are to stay open
    life.quiet("nothing behind bye")
    still = await life.until(lambda: (life.program.status(), life.link.lost), "a status")
    require(
        still == (None, set()), "sockets that stay open until the core says bye", f"status {still[0]}, lost {still[1]}"
    )
    life.expect_end()
    life.say(["bye", {"emitted": emitted}])
    await endings.exits(life, 0)


@leaving.step("stop")
async def stop(life: Life) -> None:
    """When the core says stop: say bye, wait for the core's, and exit with status 0."""
    await life.begin()
    life.task("run")
    await life.round_trip()
    life.say(["stop", {"grace": 3000, "later": 1}, "further"])
    await _leave(life, 0)


@leaving.step("stop-at-once")
async def stop_at_once(life: Life) -> None:
    """Stop also when it was told to before it ran."""
    await life.begin()
    life.say(["stop", {"grace": 3000.0}], life.task_message("run"))
    await _leave(life, 0)


@leaving.step("by-itself")
async def by_itself(life: Life) -> None:
    """Leave without being asked to: bye, and exit with status 0."""
    await life.begin()
    life.task("leave")
    await _leave(life, 0)


@leaving.step("count", "emits")
async def count(life: Life) -> None:
    """Say in bye how many events it has emitted."""
    await life.begin()
    for number in range(3):
        life.task("emit", event="certify/opened", payload=number)
        await news.emit(life, "certify/opened")
        await life.reports({})
    life.task("leave")
    await _leave(life, 3)


@leaving.step("crossed")
async def crossed(life: Life) -> None:
    """Ignore what has crossed its bye: pings, events, calls, credit."""
    await life.begin()
    life.task("leave")
    await life.hear(Leaving, "bye")
    life.expect_end()
    life.say(["ping", 9], ["stop", {"grace": 100}], ["call", 1, "echo.value", {"value": 1}, {"caller": "core"}])
    life.say(["cancel", 1], ["missed", 1])
    life.say(["bye", {"emitted": 0}])
    await endings.exits(life, 0)
    life.quiet("nothing behind bye")


# -- the lifeline -----------------------------------------------------------------------------------------------------


@lifeline.step("running")
async def end_in_run(life: Life) -> None:
    """Exit with status 0 when standard input ends while it runs."""
    await life.begin()
    life.task("run")
    await life.round_trip()
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("in-a-call")
async def end_in_call(life: Life) -> None:
    """Exit when standard input ends while an answer is awaited that never comes."""
    await life.begin()
    life.task("invoke", command="certify.never", arguments={})
    await life.call("certify.never")
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("in-a-stream", "stream")
async def end_in_stream(life: Life) -> None:
    """Exit when standard input ends while an item is awaited."""
    await life.begin()
    life.task("stream", command="certify.never", arguments={})
    await life.call("certify.never")
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("without-credit", "channels")
async def end_without_credit(life: Life) -> None:
    """Exit when standard input ends while it waits for credit."""
    await life.begin()
    life.task("send", command="certify.never", arguments={}, items=[1], finish="end")
    await life.call("certify.never")
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("in-a-handler", "exports")
async def end_in_handler(life: Life) -> None:
    """Exit when standard input ends while a handler works."""
    await life.begin()
    life.task("serve")
    asking.ask(life, "echo.wait", {})
    await asyncio.sleep(0.05)
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("awaiting-an-event", "events")
async def end_in_events(life: Life) -> None:
    """Exit when standard input ends while an event is awaited."""
    await life.begin()
    life.task("events", count=1)
    await life.round_trip()
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("before-welcome")
async def end_before_welcome(life: Life) -> None:
    """Exit when standard input ends before the core has answered hello."""
    await life.start()
    await life.hear(Hello, "hello, as the first message")
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("before-the-core")
async def end_before_core(life: Life) -> None:
    """Exit when standard input ends before the core has connected."""
    await life.start(())
    socket = life.program.sockets / "commands"
    await life.until(socket.exists, "a socket of the name commands", look=0.01)
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("before-the-secret")
async def end_before_secret(life: Life) -> None:
    """Exit when standard input ends before it has brought a secret."""
    await life.start(secret=False)
    life.program.end_lifeline()
    await endings.exits(life, 0)


@lifeline.step("unread", "together")
async def end_unread(life: Life) -> None:
    """Exit when standard input ends while the core does not read what it says."""
    await life.begin()
    life.task("calls", command="certify.unread", each=[{"text": "x" * 500} for _ in range(1000)])
    await life.call("certify.unread")
    life.link.read(False)
    await asyncio.sleep(0.1)
    life.program.end_lifeline()
    await endings.exits(life, 0)
    life.commands.clear()  # the other calls, which nobody was to hear


# -- the core ---------------------------------------------------------------------------------------------------------


@core.step("says-breach")
async def says_breach(life: Life) -> None:
    """When the core says breach: say why on standard error, and exit with status 1."""
    await life.begin()
    life.say(["breach", {"code": "bad_frame", "reason": "as the script wants it"}])
    await endings.exits(life, 1, words=True)


@core.step("goes")
async def goes(life: Life) -> None:
    """When the core is gone: say so on standard error, and exit with status 1."""
    await life.begin()
    life.expect_end()
    life.link.close()
    await endings.exits(life, 1, words=True)


@core.step("goes-in-run")
async def goes_in_run(life: Life) -> None:
    """When the core is gone while it runs: say so on standard error, and exit with status 1."""
    await life.begin()
    life.task("run")
    await life.round_trip()
    life.expect_end()
    life.link.close()
    await endings.exits(life, 1, words=True)
