"""From a file to a Configuration."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from stockade.config.load import MINIMAL, load, load_text, survey
from stockade.config.specs import Backoff, EventRules, Grace, LoopKind, Place, Restart, Rule, Rules
from stockade.errors import ConfigurationError

CASES = Path(__file__).parent


def test_everything_that_is_written_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each key of a file that has them all is where it belongs, with the type it should have."""
    monkeypatch.chdir(CASES / "good" / "everything")
    configuration = load("stockade.toml")
    assert configuration.folder == str(CASES / "good" / "everything")
    assert configuration.app.name == "ü: notes"
    assert configuration.app.settings == {
        "when": "2020-01-01T00:00:00+00:00",
        "deep": {"er": [{"a": 1}, [1.5, True]]},
    }
    core = configuration.core
    assert (core.loop, core.threads, core.silence, core.debuggable) == (LoopKind.ASYNCIO, 4, 5.0, True)
    assert isinstance(core.silence, float)
    assert core.deadline == math.inf
    first, second = configuration.workers
    assert first.run == ("python", "editor.py", "--a\n    b")
    assert (first.restart, first.backoff, first.grace) == (Restart.ALWAYS, Backoff(1.0, 1.0), Grace(0.0, 0.0, 600.0))
    assert (first.limits.message, first.limits.outbox, first.environment) == (1024, 1024, {"A": ""})
    assert (first.place, second.place) == (Place("stockade.toml", 20), Place("stockade.toml", 51))
    assert (first.limits.rate, first.limits.channels, first.limits.waiting) == (2.5, 0, 1)
    assert (first.exports, first.labels) == (("thumbs.*", "editor.**.show"), ("editor.1", "editor.2", "editor.3"))
    assert (second.replicas, second.limits.rate) == (len(os.sched_getaffinity(0)), math.inf)
    assert second.environment == {"PATH": "/nowhere"}


def test_what_is_not_said_has_its_default() -> None:
    """A worker is one, exports nothing and is bounded; a call that nobody bounds is bounded all the same."""
    configuration = load_text(MINIMAL.replace("editor.py", "-V"), "f", "/")
    (worker,) = configuration.workers
    assert (worker.labels, worker.exports, worker.limits.rate) == (("editor",), (), math.inf)
    assert (worker.limits.channels, worker.limits.waiting, configuration.core.deadline) == (64, 256, 60.0)


def test_rules_remember_their_lines() -> None:
    """Each pattern has the line it stands on, so that a decision can say where it comes from."""
    text = MINIMAL + '[[capability]]\nname = "notes"\ncommands = [\n  "a.*",\n  "b",\n]\nevents.emit.deny = ["x/**"]\n'
    (capability,) = load_text(text.replace("editor.py", "-V"), "f", "/").capabilities
    assert capability.commands == Rules((Rule("a.*", Place("f", 10)), Rule("b", Place("f", 11))))
    assert capability.events == EventRules(emit=Rules(deny=(Rule("x/**", Place("f", 13)),)))
    assert capability.place == Place("f", 7)


def test_a_list_is_short_for_allow() -> None:
    """The two ways to write rules give the same rules."""
    head = MINIMAL.replace("editor.py", "-V") + '[[capability]]\nname = "notes"\n'
    (short,) = load_text(head + 'commands = ["a"]\n', "f", "/").capabilities
    (long,) = load_text(head + 'commands = { allow = ["a"] }\n', "f", "/").capabilities
    assert short == long


def test_all_faults_are_raised_at_once() -> None:
    """A ConfigurationError has every fault, in the order of the file."""
    with pytest.raises(ConfigurationError) as raised:
        load_text('[app]\nname = 1\n[[worker]]\nlabel = "E"\n', "f", "/")
    assert [fault.line for fault in raised.value.faults] == [2, 3, 4]
    assert str(raised.value).startswith('f:2: "name" in [app] is the number 1; write "1"\n')


def test_the_minimal_file_is_good(tmp_path: Path) -> None:
    """What is told to those who have no file yet works once its worker is there."""
    (tmp_path / "stockade.toml").write_text(MINIMAL)
    (tmp_path / "editor.py").write_text("")
    assert load(tmp_path / "stockade.toml").workers[0].label == "editor"


@pytest.mark.parametrize("name", ["none.toml", "folder", "/dev/null", "a\x00b"])
def test_what_cannot_be_read_is_a_fault(tmp_path: Path, name: str) -> None:
    """A file that is missing, no file, or no name at all is told like any other fault."""
    (tmp_path / "folder").mkdir()
    surveyed = survey(tmp_path / name)
    (fault,) = surveyed.faults
    assert fault.line == 0
    assert fault.instead


def test_a_missing_file_points_to_the_demo(tmp_path: Path) -> None:
    """Who has nothing yet is told what to try first."""
    with pytest.raises(ConfigurationError, match="stockade demo"):
        load(tmp_path / "stockade.toml")


def test_programs_are_looked_for_on_the_path_of_the_worker(tmp_path: Path) -> None:
    """A PATH that the worker is given counts, that of `stockade run` does not."""
    (tmp_path / "tool").write_text("")
    (tmp_path / "tool").chmod(0o755)
    text = '[app]\nname = "a"\n[[worker]]\nlabel = "a"\nrun = ["tool"]\n'
    path = f'environment.PATH = "{tmp_path}"\n'
    assert load_text(text + path, "f", tmp_path, {"PATH": "/bin"}).workers
    assert load_text(text, "f", tmp_path, {"PATH": str(tmp_path)}).workers
    with pytest.raises(ConfigurationError, match="no program"):
        load_text(text, "f", tmp_path, {"PATH": "/bin"})
