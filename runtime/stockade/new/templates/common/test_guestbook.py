"""The commands: as functions, and as the worker may call them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from guestbook import Guests, all_guests

HERE = Path(__file__).parent
REFUSED = 3  # the exit code of `stockade invoke` for an answer that is an error


def invoke(*call: str) -> subprocess.CompletedProcess[str]:
    """Make a call as the worker would: by a real core, under the policy of stockade.toml, without the worker."""
    command = [sys.executable, "-m", "stockade", "invoke", "--file", str(HERE), "@@label", *call]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_guests_come_in_order() -> None:
    """A command is a function: what it needs no core for is tested without one."""
    assert list(all_guests(Guests(["Ada", "Grace"]))) == ["Ada", "Grace"]


def test_a_guest_is_counted() -> None:
    """The worker may sign."""
    done = invoke("guests.sign", "name=Ada")
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr


def test_a_guest_has_a_name() -> None:
    """The refusal has a code that workers can rely on."""
    done = invoke("guests.sign", "name= ")
    assert done.returncode == REFUSED
    assert "guests.nameless" in done.stderr


def test_the_worker_may_not_clear() -> None:
    """The policy refuses it before the command would run."""
    done = invoke("guests.clear")
    assert done.returncode == REFUSED
    assert "not_allowed" in done.stderr
