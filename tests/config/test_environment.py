"""What a worker finds in its environment."""

from __future__ import annotations

from stockade.config.environment import core_environment, worker_environment

USER = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "LANG": "C.UTF-8",
    "LC_TIME": "de_DE",
    "TZ": "UTC",
    "VIRTUAL_ENV": "/venv",
    "TMPDIR": "/tmp/mine",
    "AWS_SECRET_ACCESS_KEY": "hush",
    "SSH_AUTH_SOCK": "/run/agent",
    "LD_PRELOAD": "/evil.so",
    "PYTHONPATH": "/mine",
}


def test_a_worker_gets_what_is_listed_and_nothing_else() -> None:
    """Secrets, and what changes how programs load, stay outside unless they are asked for."""
    assert worker_environment(USER, [], {}) == {
        "PATH": "/bin",
        "HOME": "/home/me",
        "LANG": "C.UTF-8",
        "LC_TIME": "de_DE",
        "TZ": "UTC",
        "VIRTUAL_ENV": "/venv",
        "PYTHONUNBUFFERED": "1",
    }


def test_what_is_inherited_is_taken_over_if_it_is_there() -> None:
    """`inherit` adds by name; a name that is not set is not invented."""
    given = worker_environment(USER, ["SSH_AUTH_SOCK", "NOT_SET"], {})
    assert given["SSH_AUTH_SOCK"] == "/run/agent"
    assert "NOT_SET" not in given


def test_what_is_chosen_beats_all() -> None:
    """`environment` has the last word."""
    given = worker_environment(USER, ["SSH_AUTH_SOCK"], {"PATH": "/mine", "SSH_AUTH_SOCK": "", "PYTHONUNBUFFERED": ""})
    assert (given["PATH"], given["SSH_AUTH_SOCK"], given["PYTHONUNBUFFERED"]) == ("/mine", "", "")


def test_the_core_has_everything() -> None:
    """The core is trusted like any program the user starts."""
    assert core_environment(USER) == {**USER, "PYTHONUNBUFFERED": "1"}
