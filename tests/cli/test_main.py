"""What all of the command line has in common: help, errors, completion; and `check` and `explain` as commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stockade import demo
from stockade.cli.main import COMMANDS
from stockade.exits import Exit

Run = Callable[..., "subprocess.CompletedProcess[str]"]

#: What is wrong, and the one line that says so.
WRONG_USES = {
    "a command that is none": (["chekc"], 'stockade: there is no command "chekc"; write check'),
    "a command like no other": (
        ["frobnicate"],
        (
            'stockade: there is no command "frobnicate"; '
            "write run, check, explain, invoke, demo, new, certify, bindings, schema or completion"
        ),
    ),
    "an option that is none": (
        ["run", "--log-leve", "x"],
        "stockade run: there is no option --log-leve; write --log-level",
    ),
    "an option like no other": (
        ["check", "--frobnicate"],
        'stockade check: there is no option --frobnicate; see "stockade check --help"',
    ),
    "a value that is none": (
        ["run", "--log-format", "xml"],
        "stockade run: --log-format: 'xml' is not one of 'human', 'json'; see \"stockade run --help\"",
    ),
    "an argument that is missing": (
        ["invoke", "editor"],
        'stockade invoke: COMMAND is missing; see "stockade invoke --help"',
    ),
    "an argument too many": (
        ["check", "a.toml", "b.toml"],
        'stockade check: got unexpected extra argument (b.toml); see "stockade check --help"',
    ),
    "nothing asked": (
        ["explain", "editor"],
        'stockade explain: ask one thing: a COMMAND, --listen EVENT or --emit EVENT; see "stockade explain --help"',
    ),
    "a worker that is none": (["explain", "editr", "notes.read"], 'stockade: there is no worker "editr"; write editor'),
    "a worker like no other": (
        ["invoke", "xyz", "notes.read"],
        'stockade: there is no worker "xyz"; write editor or reader',
    ),
    "an argument without a name": (
        ["invoke", "editor", "notes.read", "todo"],
        'stockade: "todo" is no argument; write name=value',
    ),
    "an argument that the command has not": (
        ["explain", "editor", "notes.read", "--arg", "nam=texts/todo"],
        'stockade: notes.read has no argument "nam"; write name',
    ),
    "an argument of a command that has none": (
        ["explain", "editor", "notes.who", "--arg", "caller=x"],
        'stockade: notes.who has no argument "caller"; it takes none',
    ),
    "an event that is none": (
        ["explain", "editor", "--emit", "editor opened"],
        (
            'stockade: "editor opened" is no event; write at most 128 of A to Z, a to z, 0 to 9 and _ / : . -, '
            "as in notes/changed"
        ),
    ),
    "no event at all": (
        ["explain", "editor", "--listen", ""],
        (
            'stockade: "" is no event; write at most 128 of A to Z, a to z, 0 to 9 and _ / : . -, as in notes/changed, '
            "and for all that begin so a slash at the end"
        ),
    ),
    "a command that could be none": (
        ["explain", "editor", "notes.*"],
        'stockade: "notes.*" is no command; write letters, digits, _ and -, joined by dots: notes.read',
    ),
    "a file that is none": (
        ["explain", "editor", "notes.read", "--file", "none.toml"],
        (
            "none.toml: there is no such file; write one (docs/configuration.md begins with an example), "
            'or see one run: "stockade demo"'
        ),
    ),
}


@pytest.mark.parametrize(("arguments", "line"), WRONG_USES.values(), ids=WRONG_USES)
def test_wrong_use_is_one_line_that_says_what_to_write(
    stockade: Run, folder: Path, arguments: list[str], line: str
) -> None:
    """On standard error, with exit code 2, and nothing on standard output."""
    done = stockade(*arguments)
    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (2, "", [line])


@pytest.mark.parametrize("arguments", [[], ["--help"]], ids=["nothing", "--help"])
def test_help_lists_every_command(stockade: Run, arguments: list[str]) -> None:
    """So does `stockade` alone."""
    done = stockade(*arguments)
    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)
    assert all(f"\n  {code.value} " in done.stdout for code in Exit)
    assert "\n  128 + n " in done.stdout
    assert "Examples:" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_each_command_has_an_example(stockade: Run, name: str) -> None:
    """One that begins with the command itself."""
    done = stockade(name, "--help")
    assert done.returncode == 0
    _, _, examples = done.stdout.partition("Examples:")
    assert f"stockade {name}" in examples


def test_the_console_script_is_the_module(stockade: Run) -> None:
    """`stockade` beside the interpreter and ``python -m stockade`` say the same."""
    script = Path(sys.executable).with_name("stockade")
    if not script.exists():
        pytest.skip("this environment has the tree on its path, and no console script")
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True, timeout=50)
    assert done.stdout == stockade("--help").stdout


def test_run_loads_neither_zmq_nor_what_others_need(folder: Path) -> None:
    """`stockade run` stands in the way of every start."""
    (folder / "missing.py").touch()
    code = (
        "import os, sys\n"
        "from stockade.cli.main import main\n"
        "def stop(*arguments): print(*sys.modules); sys.stdout.flush(); os._exit(0)\n"
        "os.execv = stop\n"
        "main(['run'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False, timeout=50
    )
    loaded = set(done.stdout.split())
    assert "stockade.config.load" in loaded, done.stderr
    assert not loaded & {"zmq", "cbor2", "rich", "asyncio", "cattrs", "stockade.core", "notes"}


def test_output_that_nobody_reads_ends_without_a_traceback(folder: Path) -> None:
    """As ``stockade check | head -0`` has it."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "stockade", "check"],
        cwd=folder, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=50,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


# -- completion ---------------------------------------------------------------------------------------------------


def completions(run: Run, line: str) -> list[str]:
    """What bash would offer for the last word of `line`."""
    words = line.split(" ")
    done = run(_STOCKADE_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert done.stderr == ""
    return [item.partition(",")[2] for item in done.stdout.split()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_stockade(stockade: Run, shell: str) -> None:
    """Each names the variable by which it asks, and nothing is warned of."""
    done = stockade("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_STOCKADE_COMPLETE={shell}_complete" in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_takes_its_script(stockade: Run) -> None:
    """It has no fault of syntax, and binds the completion to `stockade`."""
    script = stockade("completion", "bash").stdout
    done = subprocess.run(
        ["bash", "-c", script + "\ncomplete -p stockade"], capture_output=True, text=True, check=False, timeout=20
    )
    assert "-F _stockade_completion stockade" in done.stdout, done.stderr


def test_what_may_stand_is_offered(stockade: Run, folder: Path) -> None:
    """Commands, options, labels of workers, and commands that a capability names."""
    assert completions(stockade, "stockade ex") == ["explain"]
    assert completions(stockade, "stockade run --log-f") == ["--log-format"]
    assert completions(stockade, "stockade explain ") == ["editor", "reader"]
    assert completions(stockade, "stockade invoke editor notes.r") == ["notes.read"]


def test_the_help_says_what_is_not_offered(stockade: Run) -> None:
    """A command that only a pattern allows is not known without running the application's code."""
    said = " ".join(stockade("completion", "--help").stdout.split())
    assert "a command that only a pattern allows (notes.*) is not offered" in said


def test_replicas_are_offered(stockade: Run, folder: Path) -> None:
    """By the label of all, and by that of each."""
    text = (folder / "stockade.toml").read_text()
    (folder / "stockade.toml").write_text(text.replace('label = "reader"', 'label = "reader"\nreplicas = 2'))
    assert completions(stockade, "stockade explain r") == ["reader", "reader.1", "reader.2"]


def test_nothing_is_offered_where_no_configuration_is(stockade: Run) -> None:
    """And nothing is printed into the user's line."""
    assert completions(stockade, "stockade explain ") == []


# -- check --------------------------------------------------------------------------------------------------------


def test_check_prints_faults_on_standard_output(stockade: Run, folder: Path) -> None:
    """A line each, exit code 2."""
    done = stockade("check")
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith('stockade.toml:13: there is no file "missing.py"; ')
    assert len(done.stdout.splitlines()) == 1


def test_check_says_what_it_found(stockade: Run, whole: Path) -> None:
    """One line, exit code 0; the file may be named."""
    done = stockade("check", str(whole / "stockade.toml"))
    assert (done.returncode, done.stdout) == (0, "2 workers, 11 commands, 1 capability: no faults\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "."],
        ["explain", "editor", "notes.read", "--file", "."],
        ["invoke", "editor", "notes.who", "--file", "../{}"],
    ],
)
def test_a_folder_stands_for_the_configuration_in_it(stockade: Run, whole: Path, arguments: list[str]) -> None:
    """As with cargo and npm; faults then name the file."""
    arguments = [word.format(whole.name) for word in arguments]
    assert stockade(*arguments).returncode == 0
    (whole / "stockade.toml").rename(whole / "other.toml")
    done = stockade(*arguments)
    assert (done.returncode, (done.stdout + done.stderr).count("stockade.toml: there is no such file; ")) == (2, 1)


def test_check_for_programs(stockade: Run, folder: Path) -> None:
    """One JSON object, with the same exit code."""
    done = stockade("check", "--json")
    assert done.returncode == 2
    assert [fault["line"] for fault in json.loads(done.stdout)["faults"]] == [13]


# -- schema -------------------------------------------------------------------------------------------------------


def test_the_schema_is_printed_and_stands_where_it_is_said_to(stockade: Run) -> None:
    """Editors are pointed at a copy, or at the installed file."""
    path = Path(stockade("schema", "--path").stdout.removesuffix("\n"))
    printed = stockade("schema").stdout
    assert path.read_text(encoding="utf-8") == printed
    assert json.loads(printed)["properties"].keys() >= {"app", "worker"}


def test_the_demonstrations_first_line_leads_to_the_schema(stockade: Run) -> None:
    """Also where it is installed."""
    application = Path(demo.__file__).with_name("app") / "stockade.toml"
    first = application.read_text(encoding="utf-8").splitlines()[0]
    named = application.parent / first.removeprefix("#:schema ")
    assert named.resolve() == Path(stockade("schema", "--path").stdout.strip()).resolve()


# -- explain ------------------------------------------------------------------------------------------------------


EXPLAINED = {
    "a call": (["notes.read"], 0),
    "a path within the scope": (["notes.read", "--arg", "name=texts/todo"], 0),
    "a path out of it": (["notes.read", "--arg", "name=../todo"], 3),
    "a denied call": (["notes.purge"], 3),
    "a command that is none": (["notes.raed"], 3),
    "an event to hear": (["--listen", "notes/changed"], 0),
    "a prefix to hear": (["--listen", "notes/"], 0),
    "an event not to hear": (["--listen", "other"], 3),
    "an event to emit": (["--emit", "editor/opened"], 0),
    "an event of the core's": (["--emit", "core:worker/started"], 3),
}


@pytest.mark.parametrize(("asked", "code"), EXPLAINED.values(), ids=EXPLAINED)
def test_explain_answers_by_its_exit_code(stockade: Run, folder: Path, asked: list[str], code: int) -> None:
    """0 allowed, 3 refused, in words and as JSON; the program of another worker need not be there."""
    done = stockade("explain", "editor", *asked)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith("allowed" if code == 0 or "--arg" in asked else "refused")
    assert stockade("explain", "editor", *asked, "--json").returncode == code


def test_explain_of_modules_that_cannot_be_imported(stockade: Run, folder: Path) -> None:
    """Without the commands there is no decision: the fault, exit code 2."""
    (folder / "notes.py").write_text("import stockade\n1 / 0\n")
    done = stockade("explain", "editor", "notes.read")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("notes.py:2: ")
