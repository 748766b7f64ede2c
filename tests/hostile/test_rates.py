"""A worker over its rate, or over a command's `max_concurrency`: refused at once and counted, and nobody else is."""

from __future__ import annotations

from applications.application import Application, capability, worker
from watching import resident

COMMANDS = """
import asyncio
from stockade import command

calls = {"sum": 0, "hold": 0, "most": 0}

@command("sum", inline=True)
def sum_(a: int, b: int) -> int:
    calls["sum"] += 1
    return a + b

@command("hold", max_concurrency=3)
async def hold() -> None:
    calls["hold"] += 1
    calls["most"] = max(calls["most"], calls["hold"])
    await asyncio.sleep(0.001)
    calls["hold"] -= 1

@command("counted", inline=True)
def counted() -> dict[str, int]:
    return calls
"""
RATE = 50


def configure(application: Application) -> None:
    """A rogue of fifty calls per second, and others without a rate."""
    application.configure(
        worker("bystander", capabilities=["all"]),
        worker("rogue", "raw_puppet.py", capabilities=["all"], limits={"rate": RATE}),
        worker("crowd", "raw_puppet.py", capabilities=["all"]),
        worker("throng", "raw_puppet.py", capabilities=["all"]),
        capability("all", commands=["**"]),
        commands=COMMANDS,
    )
    application.start()
    application.ready("bystander")
    application.puppet("rogue").do("greet()")


FLOOD = """
import time
begin, codes, waits = time.monotonic(), {}, []
for _ in range(rounds):
    say(*[['call', last_id := last_id + 1, command, arguments] for _ in range(64)])
    for _ in range(64):
        verb, _, outcome = hear('result', 'error')
        code = outcome['code'] if verb == 'error' else verb
        codes[code] = codes.get(code, 0) + 1
        if code == 'busy': waits.append(outcome.get('data', {}).get('retry_after_ms'))
codes, waits, time.monotonic() - begin
"""


def test_calls_over_the_rate_are_busy_and_the_others_are_all_served(application) -> None:
    """Every call has its answer; no more than the rate and a burst run, and the core grows by nothing."""
    configure(application)
    rogue, bystander = application.puppet("rogue"), application.puppet("bystander")
    rogue.begin(FLOOD, rounds=50, command="sum", arguments={"a": 1, "b": 2})
    assert rogue.answer()[0]["result"] >= RATE  # everything has been loaded and used once
    before = resident(application.core())

    ran = bystander.do("core.invoke('counted')['sum']")
    rogue.begin(FLOOD, rounds=200, command="sum", arguments={"a": 1, "b": 2})
    served = bystander.do("[core.invoke('sum', a=n, b=0) for n in range(500)]")
    assert served == list(range(500))
    codes, waits, seconds = rogue.answer()

    assert set(codes) == {"result", "busy"}
    assert codes["result"] + codes["busy"] == 200 * 64
    assert codes["result"] <= RATE + seconds * RATE + 1
    assert all(0 < wait <= 1000 / RATE for wait in waits)
    assert bystander.do("core.invoke('counted')['sum']") - ran == codes["result"] + 500
    assert resident(application.core()) < before + 10
    rogue.begin("os._exit(9)")
    assert application.closed("rogue@1")["refusals"]["call busy"] >= codes["busy"]
    assert application.log.find(event="refused_more", worker="rogue@1")  # counted, not one line for each
    assert application.log.find(event="refused", worker="bystander@1") == []


def test_a_call_may_come_when_its_refusal_said(application) -> None:
    """Who waits as long as `retry_after_ms` says is served; refused calls count for the rate too."""
    configure(application)
    rogue = application.puppet("rogue")
    rogue.do("""
import time
while (outcome := call('no.such', {}))['code'] != 'busy': pass
time.sleep(outcome['data']['retry_after_ms'] / 1000)
""")
    assert rogue.do("call('sum', {'a': 1, 'b': 2})") == 3


def test_max_concurrency_holds_against_a_flood_from_several(application) -> None:
    """What the command protects is never used by more at once, and who is refused hears so."""
    configure(application)
    outcomes = {}
    for label in ("crowd", "throng"):
        application.puppet(label).do("greet()")
        application.puppet(label).begin(FLOOD, rounds=20, command="hold", arguments={})
    for label in ("crowd", "throng"):
        codes, _, _ = application.puppet(label).answer()
        outcomes |= {code: outcomes.get(code, 0) + count for code, count in codes.items()}
    assert set(outcomes) == {"result", "busy"}
    assert sum(outcomes.values()) == 2 * 20 * 64
    assert application.puppet("bystander").do("core.invoke('counted')['most']") == 3
    assert application.stop() == 0
    statistics = application.log.wait(event="core_statistics")["dispatch"]
    assert statistics["over_concurrency"] == {"hold": outcomes["busy"]}
