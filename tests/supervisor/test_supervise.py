"""A real supervisor with real children: what must hold when processes crash, hang, flood and are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from supervised import OBEDIENT, System, is_running, make_plan, until, worker

#: Runs until it is killed, whatever it is sent.
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up')\nwhile True: time.sleep(60)"
#: Starts a child that ignores TERM, holds the pipes and does not tell whose it is; says its pid.
PARENT = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-S', '-c', {STUBBORN!r}], env={{}}).pid); "
#: The same, but the child is a daemon: a session of its own, and its parent gone.
DAEMONS = (
    "import os, sys, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        print(os.getpid())\n"
    "        time.sleep(600)\n"
    "    os._exit(0)\n"
    "os.wait()\n"
)

Start = Callable[..., System]


def printed_pid(system: System, source: str = "a@1") -> int:
    """The number that a worker has printed."""
    lines = until(lambda: [r for r in system.records(source=source) if r["message"].isdigit()], "a pid in the log")
    return int(lines[0]["message"])


def test_worker_is_given_its_environment_and_secret_and_nothing_else(start: Start, folder: Path) -> None:
    """The variables of the protocol, a private TMPDIR, three open descriptors, 64 hexadecimal digits on stdin."""
    code = (
        "import os, sys, json, signal\n"
        "print(json.dumps({'env': dict(os.environ), 'fds': sorted(map(int, os.listdir('/proc/self/fd')))[:-1],\n"
        " 'cwd': os.getcwd(), 'secret': sys.stdin.readline(), 'sid': os.getsid(0) == os.getpid(),\n"
        " 'modes': [os.stat(p).st_mode & 0o777 for p in\n"
        " (os.environ['TMPDIR'], os.environ['STOCKADE_SOCKETS'][6:])]})); sys.stdin.read()"
    )
    system = start(make_plan(folder, worker("a", code)))
    said = json.loads(until(lambda: system.records(source="a@1"), "its words")[0]["message"])
    spawned = until(lambda: system.heard("Spawned"), "Spawned")[0]
    assert said["secret"] == spawned["secret"] + "\n"
    assert len(said["secret"]) == 65
    assert said["env"] == {
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "LC_CTYPE": said["env"].get("LC_CTYPE", ""),  # Python's own doing (PEP 538)
        "STOCKADE_PROTOCOL": "1",
        "STOCKADE_WORKER": "a",
        "STOCKADE_GENERATION": "1",
        "STOCKADE_CORE_PID": str(system.records("core_started")[0]["pid"]),
        "STOCKADE_SOCKETS": f"ipc://{spawned['directory']}",
        "STOCKADE_DEBUGGABLE": "1",
        "TMPDIR": said["env"]["TMPDIR"],
    }
    assert len(spawned["directory"] + "/commands") <= 107
    assert (said["fds"], said["cwd"], said["sid"], said["modes"]) == ([0, 1, 2], str(folder), True, [0o700, 0o700])
    assert system.stop() == 0


def test_worker_starts_with_default_signals_and_without_new_privileges(start: Start, folder: Path) -> None:
    """Nothing blocked, nothing ignored: Python ignores SIGPIPE, and `worker | head` would never end."""
    system = start(
        make_plan(folder, worker("a", argv=("grep", "-E", "^(Sig(Blk|Ign)|NoNewPrivs)", "/proc/self/status")))
    )
    assert system.exit_code() == 0
    said = dict(record["message"].split(":\t") for record in system.records(source="a@1"))
    # 32 and 33 are glibc's own: its posix_spawn, which make uses, ignores them in what it starts.
    ignored = int(said["SigIgn"], 16) & ~(0b11 << 31)
    assert (int(said["SigBlk"], 16), ignored, said["NoNewPrivs"]) == (0, 0, "1")


def test_failed_worker_is_restarted_and_at_last_given_up_with_its_last_words(start: Start, folder: Path) -> None:
    """The exit code is 1 when nothing is left, and the log names the culprit, the reason and its last stderr lines."""
    code = "import sys; print('alas', file=sys.stderr); sys.exit(3)"
    system = start(make_plan(folder, worker("a", code), worker("b", "pass")))
    assert system.exit_code() == 1
    given_up = system.wait("worker_given_up")
    assert given_up["worker"] == "a"
    assert given_up["reason"] == "exit status 3; 3 restarts in 60 s were not enough"
    assert given_up["lines"] == ["alas"]
    assert len(system.records("worker_started", worker="a")) == 4
    assert [heard["restart_in"] is None for heard in system.heard("Exited") if heard["label"] == "a"][-1]
    assert system.heard("Failed")[0]["label"] == "a"


@pytest.mark.parametrize(
    ("restart", "code", "starts"),
    [("never", "pass", 1), ("on-failure", "pass", 1), ("always", "pass", 4), ("never", "import os; os.abort()", 1)],
)
def test_restart_policies(start: Start, folder: Path, restart: str, code: str, starts: int) -> None:
    """A worker is started as often as its policy says."""
    system = start(make_plan(folder, worker("a", code, restart=restart)))
    system.exit_code()
    assert len(system.records("worker_started")) == starts


def test_program_that_is_not_there_is_a_failure_with_its_reason(start: Start, folder: Path) -> None:
    """exec's own words, no traceback of ours."""
    system = start(make_plan(folder, worker("a", argv=("no-such-program",))))
    assert system.exit_code() == 1
    assert system.wait("worker_not_started")["reason"] == "no-such-program: No such file or directory"
    assert "Traceback" not in system.log


def test_worker_that_never_says_hello_is_killed_after_the_start_limit(start: Start, folder: Path) -> None:
    """It is failed with its last stderr lines, and its neighbour runs on."""
    code = f"import sys; print('waiting for nothing', file=sys.stderr)\n{STUBBORN}"
    silent = worker("a", code, start_limit=0.3, restarts=0)
    system = start(make_plan(folder, silent, worker("b"), configuration={"unheard": ["a"]}))
    given_up = system.wait("worker_given_up")
    assert given_up["reason"].startswith("never said hello in 0.3 s")
    assert given_up["lines"] == ["waiting for nothing"]
    assert system.stop() == 1
    assert system.records("worker_exited", worker="b")[0]["code"] == 0


def test_worker_in_breach_is_killed(start: Start, folder: Path) -> None:
    """The core says End: the worker is gone shortly after, by our hand, and that is a failure."""
    plan = make_plan(folder, worker("a", STUBBORN, restarts=0), configuration={"breaches": {"a": "no CBOR"}})
    system = start(plan)
    assert system.exit_code() == 1
    assert system.heard("Exited")[0]["reason"] == "breach bad_frame: no CBOR"


def test_worker_that_said_bye_and_does_not_end_is_killed(start: Start, folder: Path) -> None:
    """It heeds neither the end of its stdin nor TERM; one that heeds its stdin's end has not failed."""
    plan = make_plan(
        folder,
        worker("deaf", STUBBORN, restart="never", stop_grace=1.5, stdin_grace=0.5),
        worker("slow", stop_grace=0.1),
        configuration={"leave": ["deaf", "slow"]},
    )
    system = start(plan)
    assert system.exit_code() == 1
    assert system.wait("worker_lingers", worker="deaf")["seconds"] == 1.5
    ended = system.wait("worker_exited", worker="deaf")
    assert (ended["code"], ended["reason"], ended["left"]) == (-signal.SIGKILL, "said bye and did not end", True)
    ended = system.wait("worker_exited", worker="slow")
    assert (ended["code"], ended["reason"]) == (0, "exit status 0")


def test_killed_core_is_restarted_and_the_workers_with_new_generations(start: Start, folder: Path) -> None:
    """kill -9 of the core: everything comes back, the suspects are named, the old directories are gone."""
    system = start(make_plan(folder, worker("a"), worker("b")))
    system.wait("worker_ready", worker="b")
    old = system.heard("Spawned")
    os.kill(system.wait("core_started")["pid"], signal.SIGKILL)
    system.wait("worker_ready", worker="a", generation=2)
    system.wait("worker_ready", worker="b", generation=2)
    assert sorted(system.records("core_exited")[0]["suspects"]) == ["a@1", "b@1"]
    assert not any(is_running(spawned["pid"]) for spawned in old)
    until(lambda: not any(os.path.exists(spawned["directory"]) for spawned in old), "the old directories gone")
    new = system.heard("Spawned")[2:]
    assert {spawned["secret"] for spawned in new}.isdisjoint(spawned["secret"] for spawned in old)
    assert system.stop() == 0
    assert not any(spawned["secret"] in system.log for spawned in old + new)


def test_core_that_dies_again_and_again_is_given_up(start: Start, folder: Path) -> None:
    """Exit code 4, with the core's last words."""
    system = start(make_plan(folder, worker("a"), configuration={"dies": 1, "noise": "ouch"}, core_restarts=1))
    assert system.exit_code() == 4
    assert len(system.records("core_started")) == 2
    assert system.records("core_exited")[0]["lines"] == ["ouch"]
    assert system.left_over() == []


def test_core_that_refuses_to_start_ends_everything_with_its_reason(start: Start, folder: Path) -> None:
    """Exit code 2, and nothing is tried again."""
    system = start(make_plan(folder, worker("a"), configuration={"refuses": "no module named notes"}))
    assert system.exit_code() == 2
    assert system.records("core_refused")[0]["reason"] == "no module named notes"
    assert len(system.records("core_started")) == 1


def test_silent_core_is_killed_and_restarted(start: Start, folder: Path) -> None:
    """A core that no longer answers has failed."""
    silence = folder / "silence"
    plan = make_plan(folder, worker("a"), configuration={"silent_if": str(silence)}, silence=1.0)
    system = start(plan)
    system.wait("worker_ready")
    silence.touch()
    assert system.wait("core_exited")["reason"] == "no answer for 1 s"
    silence.unlink()
    system.wait("worker_ready", generation=2)
    assert system.stop() == 0


def test_core_that_garbles_its_control_pipe_is_killed(start: Start, folder: Path) -> None:
    """A line that is no control line ends that core."""
    system = start(make_plan(folder, configuration={"garbles": 1}, core_restarts=0))
    assert system.exit_code() == 4
    assert "no control line" in system.records("core_exited")[0]["reason"]


def test_workers_stop_in_reverse_order_then_the_core(start: Start, folder: Path) -> None:
    """Each is asked when the one after it in the plan has ended."""
    system = start(make_plan(folder, *(worker(label) for label in "abc")))
    for label in "abc":
        system.wait("worker_ready", worker=label)
    assert system.stop() == 0
    assert [record["worker"] for record in system.records("worker_exited")] == ["c", "b", "a"]
    assert [heard["label"] for heard in system.heard("StopWorker")] == ["c", "b", "a"]
    assert system.heard("Shutdown") == [{"grace": 2.0}]
    assert system.left_over() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_stop_signal_stops(start: Start, folder: Path, number: signal.Signals) -> None:
    """SIGINT, SIGTERM and SIGHUP mean the same."""
    system = start(make_plan(folder, worker("a")))
    system.wait("worker_ready")
    system.send(number)
    assert system.exit_code() == 0


def test_worker_that_ignores_term_is_killed_with_its_children(start: Start, folder: Path) -> None:
    """The whole ladder, on a worker with a child that ignores TERM too and holds its pipes."""
    stubborn = worker("a", PARENT + STUBBORN, stop_grace=0.1, stdin_grace=0.1, term_grace=0.1)
    system = start(make_plan(folder, stubborn))
    child = printed_pid(system)
    system.wait("worker_ready")
    assert system.stop() == 0
    assert system.records("worker_exited")[0]["code"] == -signal.SIGKILL
    assert not is_running(child)


def test_stopped_worker_stops_all_the_same(start: Start, folder: Path) -> None:
    """SIGSTOP does not save it: SIGTERM comes with SIGCONT."""
    system = start(make_plan(folder, worker("a", stop_grace=0.1, stdin_grace=0.1, term_grace=10.0)))
    os.kill(system.wait("worker_ready")["pid"], signal.SIGSTOP)
    assert system.stop() == 0
    assert system.records("worker_exited")[0]["code"] in (0, -signal.SIGTERM)


def test_second_signal_kills_at_once(start: Start, folder: Path) -> None:
    """No grace is waited for, and the exit code tells which signal it was."""
    patient = worker("a", STUBBORN, stop_grace=600.0)
    system = start(make_plan(folder, patient))
    system.wait("worker_ready")
    system.send(signal.SIGINT)
    system.wait("stopping")
    system.send(signal.SIGTERM)
    assert system.exit_code() == 128 + signal.SIGTERM
    assert system.left_over() == []


def test_child_of_a_worker_that_ended_is_killed(start: Start, folder: Path) -> None:
    """Its end is seen though the child holds the pipes; the child goes with its group."""
    system = start(make_plan(folder, worker("a", PARENT), worker("b")))
    child = printed_pid(system)
    assert system.wait("worker_exited", worker="a")["code"] == 0
    until(lambda: not is_running(child), "the child gone")
    assert system.stop() == 0


def test_daemon_of_a_worker_that_ended_is_killed_and_that_of_another_is_not(start: Start, folder: Path) -> None:
    """What has left its worker's group is found by the subreaper, and whose it is by its environment."""
    system = start(make_plan(folder, worker("a", DAEMONS + OBEDIENT), worker("b", DAEMONS + OBEDIENT)))
    dead, alive = printed_pid(system, "a@1"), printed_pid(system, "b@1")
    os.kill(system.wait("worker_started", worker="a")["pid"], signal.SIGKILL)
    until(lambda: not is_running(dead), "the dead worker's daemon gone")
    assert is_running(alive)
    assert system.stop() == 0
    assert not is_running(alive)


def test_killed_supervisor_takes_its_workers_with_it(start: Start, folder: Path) -> None:
    """PDEATHSIG: kill -9 of the supervisor, and no worker is left; the core sees its control pipe end."""
    system = start(make_plan(folder, worker("a", STUBBORN), worker("b", STUBBORN)))
    pids = [system.wait("worker_ready", worker=label)["pid"] for label in "ab"] + [system.wait("core_started")["pid"]]
    system.send(signal.SIGKILL)
    until(lambda: not any(is_running(pid) for pid in pids), "no process left")


def test_directory_of_a_killed_run_is_swept_by_the_next_and_that_of_a_live_one_is_not(
    start: Start, folder: Path
) -> None:
    """The lock tells the dead from the living."""
    first = start(make_plan(folder, worker("a")))
    first.wait("worker_ready")
    [dead] = first.left_over()
    (folder / "runs" / dead / "deep").mkdir()
    first.send(signal.SIGKILL)
    first.exit_code()
    second = start(make_plan(folder, worker("a")))
    until(lambda: dead not in second.left_over(), "the dead run's directory gone")
    third = start(make_plan(folder, worker("a")))
    until(lambda: len(third.records("core_ready")) >= 3, "both running")
    assert len(third.left_over()) == 2
    assert (second.stop(), third.stop(), third.left_over()) == (0, 0, [])


def test_deep_and_wide_directory_of_a_dead_worker_is_removed_beside_the_loop(start: Start, folder: Path) -> None:
    """3000 directories deep and 2000 files wide, left in TMPDIR; the worker's next generation does not wait for it."""
    code = (
        "import os, sys\n"
        "os.chdir(os.environ['TMPDIR'])\n"
        "for n in range(2000): open(f'file-{n}', 'w').close()\n"
        "for n in range(3000): os.mkdir('d'); os.chdir('d')\n"
        "sys.exit(1)\n"
    )
    system = start(make_plan(folder, worker("a", code, restarts=1)))
    assert system.exit_code() == 1
    assert system.records("not_removed") == []
    assert system.left_over() == []


def test_megabytes_without_a_newline_are_shown_in_pieces(start: Start, folder: Path) -> None:
    """Nothing grows, nothing waits for the newline, and the last piece is there too."""
    code = f"import sys; sys.stdout.write('x' * 3_000_000 + 'END'); sys.stdout.flush(); {OBEDIENT}"
    system = start(make_plan(folder, worker("a", code)))
    until(lambda: len(system.records(source="a@1")) > 300, "the pieces")
    assert system.stop() == 0
    pieces = [record["message"] for record in system.records(source="a@1")]
    assert "".join(piece.removesuffix(" [continues]") for piece in pieces) == "x" * 3_000_000 + "END"
    assert max(map(len, pieces)) <= 8 * 1024 + len(" [continues]")


def test_flood_of_lines_is_dropped_with_a_count_and_disturbs_nobody(start: Start, folder: Path) -> None:
    """A worker that prints without end: a thousand lines a second, the number of the others, and a stop that works."""
    flood = "import os\nblock = b'y\\n' * 4096\nwhile True: os.write(1, block)"
    system = start(make_plan(folder, worker("a", flood), worker("b")))
    assert system.wait("output_dropped", worker="a")["lines_dropped"] > 1000
    system.wait("worker_ready", worker="b")
    began = time.monotonic()
    assert system.stop() == 0
    shown = len(system.records(source="a@1"))
    seconds = time.monotonic() - began + len(system.records("output_dropped", worker="a")) + 2
    assert shown <= 1000 * seconds


def test_worker_cannot_forge_a_line_or_paint_the_screen(start: Start, folder: Path) -> None:
    """Control characters come out as escapes, in lines that begin with the worker's name."""
    code = "import sys; print('\\x1b[2J\\r12:00:00 error core: forged\\u2028x\\x9b31m')"
    system = start(make_plan(folder, worker("a", code), log_format="human"))
    assert system.exit_code() == 0
    [line] = [line for line in system.log.splitlines() if "forged" in line]
    assert r"a@1 | \x1b[2J\x0d12:00:00 error core: forged\u2028x\x9b31m" in line


def test_reader_that_does_not_read_stops_nothing(start: Start, folder: Path) -> None:
    """`stockade run 2>&1 | less`: the pipe is full, the system runs and stops, and the pipe's flags are untouched."""
    read, write = os.pipe()
    flood = "import sys, time\nwhile True: print('y' * 1000); time.sleep(0.0005)"
    system = start(make_plan(folder, worker("a", flood), worker("b")), stderr=write)
    until(lambda: len(system.heard("Spawned")) == 2, "both workers")
    os.kill(system.heard("Spawned")[1]["pid"], signal.SIGKILL)
    until(lambda: len(system.heard("Spawned")) == 3, "a restart beside the full pipe")
    time.sleep(0.2)  # for the pipe to fill
    assert os.get_blocking(write)
    assert system.stop() == 0
    os.close(write)
    os.close(read)


def test_reader_that_goes_away_stops_nothing(start: Start, folder: Path) -> None:
    """`stockade run 2>&1 | head -1`: no SIGPIPE, no error; the log is lost and the system runs."""
    read, write = os.pipe()
    head = subprocess.Popen(["head", "-1"], stdin=read, stdout=subprocess.PIPE)
    system = start(make_plan(folder, worker("a", restart="always", restarts=100)), stderr=write)
    os.close(read)
    os.close(write)
    out, _ = head.communicate()
    assert json.loads(out)["event"] == "core_started"
    until(lambda: system.heard("Spawned"), "the worker")
    os.kill(system.heard("Spawned")[0]["pid"], signal.SIGKILL)
    until(lambda: len(system.heard("Spawned")) == 2, "its next generation")
    assert system.stop() == 0


def test_lines_dropped_before_a_slow_reader_are_counted_and_said(start: Start, folder: Path) -> None:
    """When the reader reads again, it is told how many lines it has missed."""
    read, write = os.pipe()
    block = "import sys\nfor n in range(900): print('y' * 8000)\nsys.stdin.readline(); sys.stdin.read()"
    system = start(make_plan(folder, worker("a", block)), stderr=write)
    os.close(write)
    until(lambda: system.heard("Spawned"), "the worker")
    pid = system.heard("Spawned")[0]["pid"]
    until(lambda: "read" in Path(f"/proc/{pid}/wchan").read_text() or not is_running(pid), "it has printed all")
    system.send(signal.SIGTERM)
    with open(read, "rb") as pipe:
        text = pipe.read().decode()
    assert system.exit_code() == 0
    records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    lost = sum(record["lines_dropped"] for record in records if record.get("event") == "output_dropped")
    shown = sum(record["source"] == "a@1" for record in records)
    assert lost > 100
    assert shown + lost >= 900


def test_supervisor_loads_nothing_that_it_does_not_need(start: Start, folder: Path) -> None:
    """No socket library, no codec, no command line: what it does not load, nobody can attack in it."""
    found = folder / "modules"
    system = start(make_plan(folder, worker("a", "pass")), MODULES_TO=str(found))
    assert system.exit_code() == 0
    loaded = {name.partition(".")[0] for name in found.read_text().split()}
    unwanted = {"zmq", "cbor2", "cattrs", "click", "rich", "tree_sitter", "asyncio", "tomllib", "logging"}
    assert loaded & unwanted == set()
    ours = {name for name in found.read_text().split() if name.startswith("stockade.")}
    assert not any(name.startswith(("stockade.core", "stockade.cli", "stockade.config")) for name in ours)


def test_program_explains_itself_when_it_is_started_by_hand() -> None:
    """Without a plan there is nothing to run."""
    done = subprocess.run([sys.executable, "-m", "stockade.supervisor"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "stockade.supervisor is started by `stockade run`, with its plan on a descriptor\n"
