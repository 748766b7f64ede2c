"""Applications that cannot run: who is told what, with which exit code, and that nothing is left."""

from __future__ import annotations

import pytest
from applications.application import capability, table, worker


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ("x = 1\n\nraise RuntimeError('no database')\n", ["commands.py:3", "no database"]),
        ("import nowhere_to_be_found\n", ["commands.py:1", "nowhere_to_be_found"]),
        ("def broken(:\n", ["commands.py:1"]),
        ("from stockade import command\n@command('a')\ndef a(x): ...\n", ["commands.py:", "x"]),
        ("from stockade import command\n@command('a')\ndef a() -> None: ...\n@command('a')\ndef b() -> None: ...\n",
         ["commands.py:4", "commands.py:2"]),
        ("import sys\nsys.exit('not today')\n", ["commands.py:2"]),
    ],
    ids=["raises", "imports-nothing", "is-no-python", "no-hint", "twice", "exits"],
)  # fmt: skip
def test_a_module_that_cannot_be_loaded_is_told_with_its_line(application, commands, words) -> None:
    """Exit code 2; no restart would mend it, and no worker is left that had been started beside."""
    application.configure(worker("idle"), commands=commands)
    assert application.start().wait() == 2
    said = str(application.log)
    for word in words:
        assert word in said
    assert not application.log.find(event="core_restarting")
    application.check_that_nothing_is_left()


def test_all_modules_that_cannot_be_loaded_are_told(application) -> None:
    """Not the first alone."""
    application.write("one.py", "raise ValueError('one')\n")
    application.write("two.py", "\n\nraise ValueError('two')\n")
    application.write("stockade.toml", table("[app]", name="bad", commands=["one", "two"]) + worker("idle"))
    assert application.start().wait() == 2
    assert "one.py:1" in str(application.log)
    assert "two.py:3" in str(application.log)


def test_settings_that_do_not_fit_are_told_by_their_key(application) -> None:
    """Nothing is coerced here either."""
    commands = "import attrs\nfrom stockade import settings\n@settings\n@attrs.frozen\nclass S:\n    size: int\n"
    application.configure(worker("idle"), commands=commands, size="5")
    assert application.start().wait() == 2
    assert "app.settings.size" in str(application.log)


def test_a_lifespan_that_raises_at_its_start_is_told(application) -> None:
    """The core cannot run without it."""
    commands = (
        "import threading\nfrom collections.abc import Iterator\nfrom stockade import lifespan\n"
        "@lifespan\ndef database() -> Iterator[threading.Event]:\n    raise OSError('no such disk')\n    yield 1\n"
    )
    application.configure(worker("idle"), commands=commands)
    assert application.start().wait() == 2
    assert "no such disk" in str(application.log)


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        ("one", table("[[worker]]", label="two", run=["python", "missing.py"]), "missing.py"),
        ("one", table("[[worker]]", label="two", run=["no-such-program"]), "no-such-program"),
        ("one", table("[[worker]]", label="Two", run=["python", "puppet.py"]), "Two"),
        ("one", table("[[worker]]", label="two", run=["python", "puppet.py"], restrat="never"), "restart"),
        ("one", table("[[worker]]", label="two", run=["python", "puppet.py"], capabilities=["nots"]), "notes"),
        ("two", table("[[worker]]", label="two", run=["python", "puppet.py"]), "two"),
    ],
    ids=["no-script", "no-program", "no-label", "misspelt", "no-capability", "same-label"],
)
def test_one_worker_that_is_configured_wrongly_and_nothing_runs(application, good, bad, words) -> None:
    """Told as `file:line: what is wrong; what to write instead`, before anything has started."""
    application.configure(worker(good), capability("notes"), bad)
    assert application.start().wait() == 2
    [line] = [record["line"] for record in application.log.find()]
    assert line.startswith("stockade.toml:")
    assert words in line
    assert "; " in line


def test_without_a_stockade_toml_it_says_what_to_write(application) -> None:
    """And where one can be seen at work."""
    assert application.start().wait() == 2
    assert "stockade demo" in str(application.log)
    assert "[[worker]]" in str(application.log)


def test_a_core_that_crashes_at_each_start_is_given_up(application) -> None:
    """Not for ever: the exit code is 4, and nothing is left."""
    application.configure(
        worker("idle"),
        commands="import os, sys\nprint('I fall', file=sys.stderr, flush=True)\nos.abort()\n",
        core={"restart_limit": {"times": 1}},
    )
    assert application.start().wait() == 4
    ended = application.log.find(event="core_exited")
    assert [each["reason"] for each in ended] == ["signal SIGABRT"] * 2
    assert ended[0]["lines"][0] == "I fall"
    assert application.log.find(event="core_given_up")
