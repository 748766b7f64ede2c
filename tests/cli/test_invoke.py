"""`stockade invoke`: one call through a real supervisor and core, as one worker would make it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[bytes]"]


# -- answers ------------------------------------------------------------------------------------------------------


def test_the_answer_is_json_on_standard_output(stockade: Run, folder: Path) -> None:
    """Exit code 0, and nothing else is shown, though another worker's program is missing."""
    done = stockade("invoke", "editor", "notes.read", "name=texts/todo")
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, "buy milk\n", "")


def test_it_is_the_worker_that_calls(stockade: Run, folder: Path) -> None:
    """The core sees its label; its own program is not started, nor any other worker's."""
    (folder / "editor.py").write_text("open('started', 'w')")
    done = stockade("invoke", "editor", "notes.who")
    assert json.loads(done.stdout) == "editor"
    assert not (folder / "started").exists()


def test_the_core_knows_the_other_workers(stockade: Run, folder: Path) -> None:
    """A command that emits to a worker that is not started meets the same core as ever."""
    done = stockade("invoke", "editor", "notes.tell", "label=reader")
    assert (done.returncode, done.stdout) == (0, "null\n"), done.stderr


@pytest.mark.parametrize(("label", "code"), [("editor", 0), ("editor.2", 0), ("editor.3", 2)])
def test_a_replica_calls_under_its_own_label(stockade: Run, folder: Path, label: str, code: int) -> None:
    """All of them, and the family as a whole, may do what their worker may; there are no more than configured."""
    text = (folder / "stockade.toml").read_text()
    (folder / "stockade.toml").write_text(text.replace('label = "editor"', 'label = "editor"\nreplicas = 2'))
    done = stockade("invoke", label, "notes.who")
    assert (done.returncode, done.stdout) == (code, f'"{label}"\n' if code == 0 else ""), done.stderr


def test_what_only_another_worker_could_answer_is_unavailable(stockade: Run, folder: Path) -> None:
    """At once: no other worker is started for a trial."""
    text = (folder / "stockade.toml").read_text().replace('label = "reader"', 'label = "reader"\nexports = ["read.*"]')
    (folder / "stockade.toml").write_text(text.replace('["notes.*"]', '["notes.*", "read.*"]'))
    done = stockade("invoke", "editor", "read.aloud")
    assert (done.returncode, done.stderr.split(":")[0]) == (3, "unavailable"), done.stderr
    assert "no other worker runs in a trial" in done.stderr


#: How an argument is written, and the value that the command got and gave back.
VALUES: dict[str, tuple[str, Any]] = {
    "text": ("buy milk", "buy milk"),
    "nothing": ("", ""),
    "a number": ("3", 3),
    "a fraction": ("0.5", 0.5),
    "a digit as text": ('"3"', "3"),
    "true": ("true", True),
    "null": ("null", None),
    "a list": ('[1, "a"]', [1, "a"]),
    "a table": ('{"a": {"b": 1}}', {"a": {"b": 1}}),
    "what begins like JSON": ("[todo] = done", "[todo] = done"),
    "a constant of Python's": ("NaN", "NaN"),
    "a number beyond floats": ("1e999", "1e999"),
    "bytes": ('{"$bytes": "aGVsbG8="}', {"$bytes": "aGVsbG8="}),
    "bytes within": ('[{"$bytes": ""}]', [{"$bytes": ""}]),
    "no number": ('{"$float": "nan"}', {"$float": "nan"}),
}


def test_values_go_and_come_back(stockade: Run, folder: Path) -> None:
    """Each of many ways to write an argument reaches the command as what it says, and is printed as JSON."""
    written = {f"value{number}": text for number, (text, _) in enumerate(VALUES.values())}
    command = "from typing import Any\nfrom stockade import command\n@command('notes.all')\n"
    parameters = ", ".join(f"{name}: Any" for name in written)
    returned = ", ".join(f"'{name}': {name}" for name in written)
    (folder / "notes.py").write_text(f"{command}def all_({parameters}) -> Any:\n    return {{{returned}}}\n")
    done = stockade("invoke", "editor", "notes.all", *(f"{name}={text}" for name, text in written.items()))
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout).values()) == [value for _, value in VALUES.values()]


@pytest.mark.parametrize(
    ("written", "printed"),
    [("buy milk", "buy milk"), ('{"$bytes": "aGVsbG8="}', "hello"), ("[1, 2]", "[1, 2]\n")],
    ids=["text", "bytes", "a list"],
)
def test_raw_answers(stockade: Run, folder: Path, written: str, printed: str) -> None:
    """Text and bytes as they are, to be written into a file; anything else as JSON."""
    assert stockade("invoke", "editor", "notes.echo", f"value={written}", "--raw").stdout == printed


@pytest.mark.parametrize(
    ("raw", "printed"),
    [((), '["a", 1]\n"b\\u009b"\n{"$bytes": "Yw=="}\n'), (("--raw",), '["a", 1]\nb\x9bc')],
    ids=["written", "raw"],
)
def test_a_stream_is_one_line_for_each_item(stockade: Run, folder: Path, raw: tuple[str, ...], printed: str) -> None:
    """As it would be for a worker that streams it; text and bytes as they are with --raw."""
    values = 'values=[["a", 1], "b\x9b", {"$bytes": "Yw=="}]'
    done = stockade("invoke", "editor", "notes.stream", values, *raw)
    assert (done.returncode, done.stdout, done.stderr) == (0, printed, "")


def test_a_stream_that_fails_prints_what_came_before(stockade: Run, folder: Path) -> None:
    """Then the error, and it is a refusal as any."""
    done = stockade("invoke", "editor", "notes.stream", "values=[1, 2]", "fault=true")
    assert (done.returncode, done.stdout, done.stderr) == (3, "1\n2\n", "notes.torn: a page is missing\n")


def test_an_endless_stream_ends_when_nobody_reads_it(start: Start, folder: Path) -> None:
    """Items come as they are sent; a reader that has enough, such as `head`, ends the command."""
    with start("invoke", "editor", "notes.endless") as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b'"' + b"x" * 1000 + b'"\n'
        running.stdout.close()
        assert running.wait(50) != 0


def test_a_channel_cannot_be_given(stockade: Run, folder: Path) -> None:
    """It is said to be one, and where such a command can be called."""
    done = stockade("invoke", "editor", "notes.import", "pages=one")
    assert (done.returncode, done.stdout) == (3, "")
    assert "stockade invoke: pages is a channel, which a command line cannot give" in done.stderr


def test_an_answer_cannot_move_the_cursor(stockade: Run, folder: Path) -> None:
    """Control characters are escaped, those too that JSON would let through."""
    done = stockade("invoke", "editor", "notes.echo", "value=a\x9b2Jb\u202ec")
    assert done.stdout == '"a\\u009b2Jb\\u202ec"\n'


# -- refusals and failures ----------------------------------------------------------------------------------------


def test_a_refusal_and_its_rule(stockade: Run, folder: Path) -> None:
    """Exit code 3; the worker is told little, who tries it the rule and its line."""
    done = stockade("invoke", "editor", "notes.purge")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("not_allowed: ")
    assert "stockade.toml:17" in done.stderr
    assert done.stderr.count("not_allowed") == 1


def test_a_worker_without_capabilities_may_nothing(stockade: Run, folder: Path) -> None:
    """The capabilities are those of the worker named."""
    done = stockade("invoke", "reader", "notes.who")
    assert (done.returncode, done.stderr.splitlines()[0][:12]) == (3, "not_allowed:")


def test_a_replica_without_capabilities_is_not_to_be_given_its_own(stockade: Run, folder: Path) -> None:
    """They are the worker's: the way out names no label that the configuration cannot have."""
    text = (folder / "stockade.toml").read_text()
    (folder / "stockade.toml").write_text(text.replace('label = "reader"', 'label = "reader"\nreplicas = 2'))
    done = stockade("invoke", "reader.2", "notes.who")
    assert done.stderr.splitlines()[0].endswith('and list it in the "capabilities" of that worker')


def test_a_path_out_of_the_scope(stockade: Run, folder: Path) -> None:
    """The core opens nothing; the line below says which rule is missing."""
    done = stockade("invoke", "editor", "notes.read", "name=stockade.toml")
    assert done.returncode == 3
    assert done.stderr.startswith("not_allowed: notes.read may not use the path 'stockade.toml': ")
    assert 'scopes."notes.read"' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_command_that_is_none_and_the_nearest(stockade: Run, folder: Path) -> None:
    """What may have been meant is named."""
    done = stockade("invoke", "editor", "notes.raed")
    assert done.returncode == 3
    assert done.stderr.startswith("not_found: ")
    assert "notes.read" in done.stderr


def test_an_error_of_the_application(stockade: Run, folder: Path) -> None:
    """Its code, its message, and its data as JSON."""
    done = stockade("invoke", "editor", "notes.lock")
    assert (done.returncode, done.stdout) == (3, "")
    first, _, data = done.stderr.partition("\n")
    assert first == "notes.locked: it is locked"
    assert json.loads(data) == {"by": "me"}


def test_a_command_that_raises_shows_its_traceback(stockade: Run, folder: Path) -> None:
    """No worker may see it, but who tries the command wrote it."""
    done = stockade("invoke", "editor", "notes.fail")
    assert done.returncode == 3
    assert done.stderr.startswith("failed: ")
    assert "RuntimeError: the reason" in done.stderr


def test_arguments_that_do_not_fit(stockade: Run, folder: Path) -> None:
    """The core says which."""
    done = stockade("invoke", "editor", "notes.read", "nam=texts/todo")
    assert done.returncode == 3
    assert done.stderr.startswith("invalid_args: nam: ")


def test_an_answer_that_does_not_come_in_time(stockade: Run, folder: Path) -> None:
    """It is not waited for."""
    done = stockade("invoke", "editor", "notes.hang", "--timeout", "0.1")
    assert done.returncode == 3
    assert done.stderr.startswith("deadline_exceeded: ")


UNSENDABLE = {
    "an integer of 77 bits": ("value=99999999999999999999999", "stockade invoke: this cannot be sent: value: "),
    "bytes that are no base64": ('value={"$bytes": "*"}', 'stockade: "$bytes" in "value" cannot be read; '),
    "a float that is none": ('value=[{"$float": "much"}]', 'stockade: "$float" in "value" cannot be read; '),
    "a name given twice": ("value=1 value=2", 'stockade: "value" is given twice; '),
}


@pytest.mark.parametrize(("written", "said"), UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_cannot_be_sent(stockade: Run, folder: Path, written: str, said: str) -> None:
    """Wrong use: exit code 2, one line."""
    words = written.split(" v") if written.count("value") > 1 else [written]
    done = stockade("invoke", "editor", "notes.echo", words[0], *(f"v{word}" for word in words[1:]))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith(said)


# -- the log, and the end -----------------------------------------------------------------------------------------


def test_the_log_is_shown_when_asked_for(stockade: Run, folder: Path) -> None:
    """On standard error, so that the answer stays alone."""
    done = stockade("invoke", "editor", "notes.who", "--log-level", "info")
    assert json.loads(done.stdout) == "editor"
    assert "core started" in done.stderr


def test_the_log_is_shown_when_nothing_answers(stockade: Run, folder: Path) -> None:
    """A core that cannot start says why, once, with the exit code of `stockade run`."""
    (folder / "notes.py").write_text("import stockade\n1 / 0\n")
    done = stockade("invoke", "editor", "notes.who")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("notes.py:2") == 1
    assert done.stderr.endswith("stockade invoke: there was no answer\n")


@pytest.mark.parametrize(("body", "how"), [("os._exit(0)", "exit status 0"), ("ctypes.string_at(0)", "signal SIGSEGV")])
def test_a_command_that_ends_the_core(stockade: Run, folder: Path, body: str, how: str) -> None:
    """It is said that it was in this call, and how; the exit code is that of a core that failed."""
    with (folder / "notes.py").open("a") as file:
        file.write(f'import ctypes, os\n@command("notes.end")\ndef end() -> None:\n    {body}\n')
    done = stockade("invoke", "editor", "notes.end")
    assert (done.returncode, done.stdout) == (4, "")
    assert f'reason="{how}"' in done.stderr
    assert done.stderr.splitlines()[-1].startswith("stockade invoke: the core ended in this call: notes.end, ")


def test_a_module_that_ends_the_core_is_not_the_calls_doing(stockade: Run, folder: Path) -> None:
    """It ended before."""
    (folder / "notes.py").write_text("import os\nos._exit(0)\n")
    done = stockade("invoke", "editor", "notes.who")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.endswith("stockade invoke: there was no answer\n")


def descendants(pid: int) -> list[int]:
    """The processes below `pid`."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [one for child in children for one in [child, *descendants(child)]]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture
def own_tmp() -> Iterator[Path]:
    """A folder for temporary files that is nobody else's, and short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="cli-") as name:
        yield Path(name)


@pytest.fixture
def hanging(start: Start, folder: Path, own_tmp: Path) -> subprocess.Popen[bytes]:
    """A call that is being handled and will not end."""
    handler = "async def hang() -> None:\n    open('handling', 'w').close()\n"
    (folder / "notes.py").write_text((folder / "notes.py").read_text().replace("async def hang() -> None:\n", handler))
    child = start("invoke", "editor", "notes.hang", TMPDIR=str(own_tmp), XDG_RUNTIME_DIR=str(own_tmp))
    wait_until((folder / "handling").exists)
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_call_and_all_that_was_started(
    hanging: subprocess.Popen[bytes], number: signal.Signals
) -> None:
    """The exit code is the signal's, as shells have it, and nothing stays behind."""
    below = descendants(hanging.pid)
    assert len(below) >= 3  # the supervisor, its core, its worker
    hanging.send_signal(number)
    _, said = hanging.communicate(timeout=30)
    assert (hanging.returncode, said) == (128 + number, b"")
    assert alive(below) == []


def test_killing_it_leaves_nothing(hanging: subprocess.Popen[bytes], own_tmp: Path) -> None:
    """The supervisor stops when the command line that started it has gone; no file stays, with what was asked."""
    below = descendants(hanging.pid)
    assert list(own_tmp.iterdir()) != []
    os.kill(hanging.pid, signal.SIGKILL)
    hanging.wait()
    wait_until(lambda: alive(below) == [])
    assert list(own_tmp.iterdir()) == []
