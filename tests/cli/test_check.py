"""What `stockade check` says: counts, JSON, names of files, and what it leaves behind."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from stockade.cli.check import as_json, check, check_file, lines
from stockade.cli.importing import ProbeError, import_modules

COMMANDS = """
from stockade import Caller, command

@command("notes.read")
def read(caller: Caller, name: str) -> str:
    return name
"""


@pytest.fixture
def application(tmp_path: Path) -> Path:
    (tmp_path / "stockade.toml").write_text('[app]\nname = "notes"\ncommands = ["commands"]\n')
    (tmp_path / "commands.py").write_text(COMMANDS)
    return tmp_path


def test_a_good_application_is_counted(application: Path) -> None:
    """Without faults the check says how much it has looked at."""
    checked = check(application / "stockade.toml")
    assert checked.faults == ()
    assert lines(checked) == ["0 workers, 1 command, 0 capabilities: no faults"]


def test_check_file_gives_the_faults(application: Path) -> None:
    """`check_file` is the same check for who wants the faults alone."""
    (application / "commands.py").write_text("1 / 0\n")
    (fault,) = check_file(application / "stockade.toml")
    assert fault.line == 1
    assert "ZeroDivisionError" in fault.wrong


def test_json_has_every_fault_by_its_fields(application: Path) -> None:
    """Programs get the faults as fields, not as lines."""
    (application / "stockade.toml").write_text("[app]\nnam = 1\n")
    value = json.loads(as_json(check(application / "stockade.toml")))
    assert value["workers"] == 0
    assert [fault["line"] for fault in value["faults"]] == [1, 2]
    assert set(value["faults"][0]) == {"file", "line", "wrong", "instead"}


def test_modules_are_named_as_the_user_named_the_file(application: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in a module names it by the way that leads there from where the user is."""
    (application / "commands.py").write_text("1 / 0\n")
    monkeypatch.chdir(application.parent)
    named = os.path.join(application.name, "stockade.toml")
    assert check_file(named)[0].file == os.path.join(application.name, "commands.py")
    assert check_file(application / "stockade.toml")[0].file == str(application / "commands.py")


def test_modules_are_imported_in_a_process_of_their_own(application: Path) -> None:
    """What a module does while it is imported does not happen to the one who checks."""
    (application / "commands.py").write_text("import os\nos.environ['SEEN'] = '1'\nos.chdir('/')\n" + COMMANDS)
    before = os.getcwd()
    assert check(application / "stockade.toml").commands == 1
    assert os.getcwd() == before
    assert "SEEN" not in os.environ


def test_faults_keep_their_file_when_a_module_goes_elsewhere(application: Path) -> None:
    """A module that changes the working directory does not change how the others are named."""
    (application / "commands.py").write_text("import os\nos.chdir('/')\n" + COMMANDS.replace("notes.read", "no name"))
    (fault,) = check_file(application / "stockade.toml")
    assert fault.file == str(application / "commands.py")


def test_what_a_module_has_started_ends_with_the_check(application: Path) -> None:
    """A program that a module starts at import is killed, though it would run on."""
    started = "import subprocess, pathlib\nchild = subprocess.Popen(['sleep', '600'])\n"
    kept = "pathlib.Path('pid').write_text(str(child.pid))\n"
    (application / "commands.py").write_text(started + kept + COMMANDS)
    assert check(application / "stockade.toml").faults == ()
    pid = int((application / "pid").read_text())
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline, "it runs on"
        threading.Event().wait(0.01)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_what_a_module_prints_is_not_taken_for_the_report(application: Path) -> None:
    """A module may print what looks like the end of the report: it goes nowhere."""
    printing = "import os\nprint('[\"done\"]', flush=True)\nos.write(1, b'no json\\n')\n"
    (application / "commands.py").write_text(printing + COMMANDS)
    assert check(application / "stockade.toml").commands == 1


def test_a_module_may_have_the_name_of_one_that_we_need(application: Path) -> None:
    """The folder comes first for the application's imports, not for those of the check itself."""
    (application / "json.py").write_text("raise RuntimeError('not for you')\n")
    assert check(application / "stockade.toml").commands == 1


def test_a_thread_that_a_module_leaves_does_not_hold_the_check(application: Path) -> None:
    """A thread that never ends keeps a process from exiting, but not the check from being done."""
    thread = "import threading\nthreading.Thread(target=threading.Event().wait).start()\n"
    (application / "commands.py").write_text(thread + COMMANDS)
    assert check(application / "stockade.toml").commands == 1


def test_the_folder_of_the_file_comes_first(application: Path) -> None:
    """A module of the application wins over one that is installed, as it does in the core."""
    (application / "antigravity.py").write_text("OURS = True\n")
    (application / "commands.py").write_text("import antigravity\nassert antigravity.OURS\n" + COMMANDS)
    assert check_file(application / "stockade.toml") == []


def test_a_bug_of_the_probe_is_no_fault_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the child cannot even begin, its traceback is raised, not turned into a fault."""
    (tmp_path / "attrs.py").write_text("raise RuntimeError('no attrs here')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ProbeError, match="no attrs here"):
        import_modules(["commands"], str(tmp_path), 20)


def test_a_declared_command_that_no_worker_may_export_is_a_fault(application: Path) -> None:
    """At its declaration: nobody could answer it."""
    declared = 'from stockade import exported\n\n@exported("thumbs.make")\ndef make() -> None: ...\n'
    (application / "commands.py").write_text(declared)
    (fault,) = check_file(application / "stockade.toml")
    assert (os.path.basename(fault.file), fault.line) == ("commands.py", 3)
    assert fault.wrong == '"thumbs.make" is declared as exported, and no worker may export it'
    worker = '[[worker]]\nlabel = "thumbs"\nrun = ["python"]\nexports = ["thumbs.*"]\n'
    with (application / "stockade.toml").open("a") as configuration:
        configuration.write(worker)
    assert check_file(application / "stockade.toml") == []
