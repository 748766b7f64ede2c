"""What happens when a worker ends: restarts by policy, giving up, and what is said of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from applications.application import capability, worker

#: Ends as the environment says, in each generation by the next word of ENDS (the last one stays).
ENDS = """
import os, signal, sys, time
from stockade_frontend import connect

ends = os.environ["ENDS"].split()
end = ends[min(int(os.environ["STOCKADE_GENERATION"]), len(ends)) - 1]
with connect() as core:
    core.ready()
    if end == "stay":
        core.run()
if end.isdigit():
    print("my last words", file=sys.stderr)
    sys.exit(int(end))
if end != "stay":
    os.kill(os.getpid(), getattr(signal, end))
"""


@pytest.mark.parametrize(
    ("policy", "ends", "codes"),
    [
        ("always", "0 1 SIGSEGV stay", [0, 1, -11, 0]),
        ("on-failure", "1 SIGKILL 0", [1, -9, 0]),
        ("never", "1", [1]),
        ("never", "0", [0]),
    ],
)
def test_a_worker_is_restarted_by_its_policy(application, policy, ends, codes) -> None:
    """`stay` is the generation that lives until the system is stopped."""
    application.write("ends.py", ENDS)
    application.configure(worker("stays"), worker("ends", "ends.py", restart=policy, environment={"ENDS": ends}))
    application.start()
    if "stay" in ends:
        application.log.wait(event="worker_ready", worker="ends", generation=len(codes))
    else:
        application.log.wait(event="worker_exited", worker="ends", generation=len(codes))
        application.ready("stays")
    assert application.stop() == (1 if policy == "never" and ends == "1" else 0)
    exits = application.log.find(event="worker_exited", worker="ends")
    assert [(each["generation"], each["code"]) for each in exits] == [*enumerate(codes, 1)]


def test_a_worker_that_fails_too_often_is_given_up_and_the_rest_runs_on(application) -> None:
    """With its last words; when nothing is left to run, the exit code is 1."""
    application.write("ends.py", ENDS)
    application.configure(
        worker("stays", capabilities=["hear"]),
        worker("ends", "ends.py", environment={"ENDS": "7"}, restart_limit={"times": 2}),
        capability("hear", events={"listen": ["core:worker/exited"]}),
    )
    application.start()
    stays = application.puppet("stays")
    given_up = application.log.wait(event="worker_given_up", worker="ends", generation=3)
    assert given_up["lines"] == ["my last words"]
    assert given_up["reason"].startswith("exit status 7; 2 restarts in ")
    assert stays.do("core.ping() > 0")
    stays.begin("import os; os._exit(0)")
    assert application.wait() == 1
    assert application.log.find()[-1]["event"] == "stopped"


def test_when_the_last_worker_has_ended_well_the_system_ends_with_0(application) -> None:
    """A script is a worker too."""
    application.write("ends.py", ENDS)
    application.configure(worker("ends", "ends.py", environment={"ENDS": "0"}))
    assert application.start().wait() == 0


def test_a_worker_that_never_says_hello_is_ended_and_in_the_end_given_up(application) -> None:
    """The start limit counts from when it could be heard; its stderr is shown with its failure."""
    application.write("mute.py", "import sys, time\nprint('I wait', file=sys.stderr)\ntime.sleep(1000)\n")
    application.configure(worker("stays"), worker("mute", "mute.py", start_limit=0.3, restart_limit={"times": 1}))
    application.start()
    application.ready("stays")
    given_up = application.log.wait(event="worker_given_up", worker="mute", generation=2)
    assert given_up["reason"].startswith("never said hello in 0.3 s")
    assert given_up["lines"] == ["I wait"]
    ended = application.log.find(event="worker_exited", worker="mute")
    assert [(each["code"], each["reason"]) for each in ended] == [(-9, "never said hello in 0.3 s")] * 2
    assert ended[0]["lines"] == ["I wait"]
    assert application.stop() == 1


def test_a_program_that_is_no_program_is_a_failure_of_its_worker_alone(application) -> None:
    """It is found, but cannot be executed."""
    application.write("tool", "#!/no/such/interpreter\n").chmod(0o755)
    table = worker("tool", restart_limit={"times": 1}).replace('["python", "puppet.py"]', '["./tool"]')
    application.configure(worker("stays"), table)
    application.start()
    application.ready("stays")
    failed = application.log.wait(event="worker_given_up", worker="tool")
    assert "tool: No such file or directory" in failed["reason"]
    assert application.puppet("stays").do("core.ping() > 0")


@pytest.mark.parametrize(
    "program",
    [
        "from stockade_frontend import connect\nconnect()",
        "import asyncio\nfrom stockade_frontend import aio\nasyncio.run(aio.connect().__aenter__())",
    ],
    ids=["blocking", "asyncio"],
)
def test_started_by_hand_a_worker_explains_itself(program) -> None:
    """In two lines, with exit code 2, whichever stub it uses."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert "stockade run" in done.stderr
