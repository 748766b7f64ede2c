"""From a configuration to what supervisor and core are given."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from stockade import control
from stockade.config.load import load, load_text
from stockade.config.plan import from_json, plan, to_json
from stockade.config.specs import Configuration
from stockade.errors import StartError

CASES = Path(__file__).parent / "good"


@pytest.fixture
def everything() -> Configuration:
    return load(CASES / "everything" / "stockade.toml")


@pytest.mark.parametrize("name", ["everything", "smallest", "programs", "example", "commands_alone"])
def test_a_configuration_survives_the_way_to_the_core(name: str) -> None:
    """What the core reads is what was loaded, types and places included."""
    configuration = load(CASES / name / "stockade.toml")
    assert from_json(json.loads(json.dumps(to_json(configuration)))) == configuration


def test_a_plan_survives_the_way_to_the_supervisor(everything: Configuration) -> None:
    """The plan is JSON through and through."""
    planned = plan(everything, environment={"PATH": "/bin"})
    assert control.Plan.from_json(planned.to_json()) == planned


def test_the_plan_has_what_the_file_says(everything: Configuration) -> None:
    """Times, programs and environments reach the supervisor ready for use."""
    planned = plan(everything, environment={"PATH": "/bin", "SSH_AUTH_SOCK": "/run/agent", "SECRET": "x"}, color=True)
    assert (planned.silence, planned.core_grace, planned.core_restarts, planned.debuggable) == (5.0, 0.0, 0, True)
    assert (planned.color, planned.log_format, planned.log_level) == (True, "human", "info")
    assert planned.core_environment["SECRET"] == "x"
    first, second = planned.workers[0], planned.workers[-1]
    assert first.argv == (sys.executable, "editor.py", "--a\n    b")
    assert first.environment == {"PATH": "/bin", "SSH_AUTH_SOCK": "/run/agent", "PYTHONUNBUFFERED": "1", "A": ""}
    assert (first.restart, first.restarts, first.within) == ("always", 3, 60.0)
    assert type(first.restart) is str
    assert (first.stop_grace, first.stdin_grace, first.term_grace, first.start_limit) == (0.0, 0.0, 600.0, 0.5)
    assert second.environment["PATH"] == "/nowhere"


def test_each_replica_is_a_worker_of_its_own(everything: Configuration) -> None:
    """The supervisor knows no families: it starts so many workers, alike but for their labels."""
    planned = plan(everything, environment={"PATH": "/bin"}).workers
    assert [worker.label for worker in planned[:3]] == ["editor.1", "editor.2", "editor.3"]
    assert planned[1] == attrs.evolve(planned[0], label="editor.2")


def test_labels_lead_to_their_specification(everything: Configuration) -> None:
    """That of a replica, and that of all replicas together."""
    specs = everything.by_label()
    assert specs["editor"] is specs["editor.1"] is specs["editor.3"] is everything.workers[0]
    assert "editor.4" not in specs


def test_programs_are_whole_paths() -> None:
    """The supervisor looks nothing up: every argv begins with the path of a program."""
    planned = plan(load(CASES / "programs" / "stockade.toml"))
    assert all(Path(worker.argv[0]).is_absolute() for worker in planned.workers)
    assert planned.workers[4].argv == (str(CASES / "programs" / "worker.sh"),)


def test_a_program_that_has_gone_since_is_told(tmp_path: Path) -> None:
    """Between check and start a program may vanish: that is no traceback."""
    (tmp_path / "tool").write_text("")
    (tmp_path / "tool").chmod(0o755)
    text = '[app]\nname = "a"\n[[worker]]\nlabel = "a"\nrun = ["./tool"]\n'
    configuration = load_text(text, "stockade.toml", tmp_path)
    (tmp_path / "tool").unlink()
    with pytest.raises(StartError, match=r"worker a \(stockade.toml:3\): there is no program"):
        plan(configuration)


def test_the_core_reads_its_configuration_without_the_parser() -> None:
    """Reading a handed-on configuration loads no TOML parser, and nothing of ZeroMQ."""
    code = "import stockade.config.plan, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert "stockade" in roots
    assert not roots & {"tree_sitter", "tree_sitter_toml", "tomllib", "zmq"}
