"""`stockade demo` for real: its report, its summary, and what it refuses to begin."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

TEXTS = {
    "a.txt": "The fox and the hen. The fox wins!\n" * 4000,  # large enough to travel beside the message
    "deep/er/b.md": "Ünïcode wörds, 12 numbers, under_score; don't.\n" * 7,
    "empty.txt": "",
    "a|b`c\nd.txt": "",
    "c.py": "def fox(hen):\n    return hen\n",
}
WORD = re.compile(r"[^\W\d_]+")


#: Where the languages of the workers are not what is tested.
PYTHON = "--python-only"
HAS_COMPILERS = all(map(shutil.which, ("cc", "c++", "pkg-config"))) and not subprocess.call(
    ["pkg-config", "--exists", "libzmq", "libcbor"]
)
needs_compilers = pytest.mark.skipif(not HAS_COMPILERS, reason="this machine has no compilers, libzmq and libcbor")


def demo(working: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `stockade demo` in a working directory, without a terminal."""
    command = [sys.executable, "-m", "stockade", "demo", *arguments]
    return subprocess.run(
        command, cwd=working, env=os.environ | environment, capture_output=True, text=True, timeout=110, check=False
    )


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """A folder of text files, and one that is none."""
    folder = tmp_path / "texts"
    for name, text in TEXTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "picture.bin").write_bytes(b"\x00\xff\x00")
    return folder


@pytest.fixture
def working(tmp_path: Path) -> Path:
    """The current directory, which is not the folder that is read."""
    folder = tmp_path / "working"
    folder.mkdir()
    return folder


def listing(folder: Path) -> dict[str, tuple[int, float]]:
    """Every file below `folder` with its size and time."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("arguments", "languages"),
    [
        pytest.param((PYTHON,), {}, id="Python"),
        pytest.param((), {"reporter": "C++", "crasher": "C"}, id="compiled", marks=needs_compilers),
    ],
)
def test_the_report_has_what_a_recount_finds(
    texts: Path, working: Path, arguments: tuple[str, ...], languages: dict[str, str]
) -> None:
    """Words and sizes are counted again here, independently; and nothing is written into the folder."""
    before = listing(texts)
    done = demo(working, str(texts), "--json", *arguments)
    assert done.returncode == 0, done.stderr
    words = Counter(word.lower() for text in TEXTS.values() for word in WORD.findall(text))
    summary: dict[str, Any] = json.loads(done.stdout)
    assert (summary["files"], summary["skipped"], summary["words"]) == (len(TEXTS), 1, words.total())
    report = (working / "report.md").read_text(encoding="utf-8")
    frequent = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:20]
    cells = re.findall(r"^\| (`+) ?(.+?) ?\1 \| ([\d,]+) \|$", report, re.MULTILINE)
    names = {r"a\|b`c\nd.txt": "a|b`c\nd.txt"}
    rows = [(names.get(name, name), int(number.replace(",", ""))) for _, name, number in cells]
    sizes = {name: len(text.encode()) for name, text in TEXTS.items()}
    assert rows == [*frequent, *sorted(sizes.items(), key=lambda item: (-item[1], item[0]))]
    assert listing(texts) == before
    assert sorted(os.listdir(working)) == ["report.md"]
    assert sum(summary["files_of_each"].values()) == len(TEXTS) + 1
    assert set(summary["files_of_each"]) <= {"indexer.1", "indexer.2"}
    assert (summary["refusals"], summary["breaches"], summary["restarts"]) == (10, 5, 7)
    assert 0 < summary["call_p50_ms"] <= summary["call_p99_ms"]
    assert (summary["languages"], summary["not_compiled"]) == (languages, [])


@needs_compilers
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("environment", "languages", "words"),
    [
        ({"CXX": "false"}, {"crasher": "C"}, ["The reporter is written in Python: false failed"]),
        (
            {"CC": "no-such-compiler"},
            {},
            [
                "The reporter is written in Python: this machine lacks a compiler for C",
                "The crasher is written in Python: this machine lacks a compiler for C",
            ],
        ),
        ({"PKG_CONFIG_LIBDIR": "/nonexistent"}, {}, ["All workers are written in Python: to compile others"]),
    ],
    ids=["no C++", "no C", "no libraries"],
)
def test_what_cannot_be_compiled_is_said_and_is_python(
    texts: Path, working: Path, environment: dict[str, str], languages: dict[str, str], words: list[str]
) -> None:
    """One line for each part, and the demonstration comes out as ever."""
    done = demo(working, str(texts), "--json", **environment)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["languages"] == languages
    assert [said[: len(begin)] for said, begin in zip(summary["not_compiled"], words, strict=True)] == words
    assert (summary["files"], summary["restarts"]) == (len(TEXTS), 7)


@needs_compilers
@pytest.mark.timeout(120)
def test_people_are_told_what_was_compiled(texts: Path, working: Path) -> None:
    """In one line, before anything else."""
    done = demo(working, str(texts))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Compiled the reporter in C++ and the crasher in C, in ")


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_an_indexer_that_is_killed_loses_nothing(working: Path, tmp_path: Path) -> None:
    """The other one reads its file again, and a new one goes on: no word is missing, none is counted twice."""
    (tmp_path / "books").mkdir()
    for number in range(60):
        (tmp_path / "books" / f"{number}.txt").write_text("The fox and the hen. " * 20_000)
    command = [sys.executable, "-m", "stockade", "demo", str(tmp_path / "books"), "--json", PYTHON]
    with subprocess.Popen(command, cwd=working, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        said = child.stderr.readline()
        assert said.startswith("reading: ")
        (supervisor,) = children(child.pid)
        workers = {worker: Path(f"/proc/{worker}/cmdline").read_bytes() for worker in children(supervisor)}
        os.kill(next(worker for worker, program in workers.items() if b"indexer.py" in program), signal.SIGKILL)
        summary = json.loads(child.stdout.read())
        assert child.wait(timeout=50) == 0, child.stderr.read()
    assert (summary["files"], summary["words"], summary["restarts"]) == (60, 60 * 20_000 * 5, 8)
    assert re.search(r"^60 files, 6000000 words", (working / "report.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_our_own_sources_are_read_by_default_and_shown_in_plain_lines(working: Path) -> None:
    """No terminal, no bar; a table at the end, and the rogue's refusals with their reasons."""
    done = demo(working, PYTHON)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reading: " in done.stdout
    assert "Summary" in done.stdout
    assert "not_allowed" not in done.stdout  # reasons, not codes
    assert "another worker's name" not in done.stdout  # all checks came out
    assert re.search(r"stockade.toml:\d+", done.stdout)  # which rule it was fits into 80 columns
    assert "waiting for the " in done.stdout
    assert "\x1b" not in done.stdout
    assert (working / "report.md").exists()


def test_a_report_that_is_there_is_left_alone(texts: Path, working: Path) -> None:
    """Without --force nothing begins; with it the report is written anew."""
    (working / "report.md").write_text("mine")
    refused = demo(working, str(texts))
    assert refused.returncode == 2
    assert "report.md is there already" in refused.stderr
    assert (working / "report.md").read_text() == "mine"
    assert demo(working, str(texts), "--force", PYTHON).returncode == 0
    assert (working / "report.md").read_text().startswith("# Report")


def test_a_folder_that_cannot_be_read_is_refused(working: Path, tmp_path: Path) -> None:
    """Missing, empty, no folder at all: one line that says so, exit code 2, no report."""
    (tmp_path / "empty" / "below").mkdir(parents=True)
    (tmp_path / "file").write_text("x")
    for name, words in {"missing": "does not exist", "empty": "has no file in it", "file": "is no folder"}.items():
        done = demo(working, str(tmp_path / name))
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert os.listdir(working) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_left_out(texts: Path, working: Path) -> None:
    """So is one that is too large: the others make the report."""
    (texts / "closed.txt").touch(mode=0)
    with (texts / "large.txt").open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    done = demo(working, str(texts), "--json", PYTHON)
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["files"], json.loads(done.stdout)["skipped"]) == (len(TEXTS), 3)


def test_files_without_a_text_among_them_still_make_a_report(working: Path, tmp_path: Path) -> None:
    """Nothing but pictures: everything is left out, and said so."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.bin").write_bytes(b"\0")
    done = demo(working, str(tmp_path / "pictures"), "--json", PYTHON)
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["files"], json.loads(done.stdout)["skipped"]) == (0, 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_folder_is_refused(working: Path, tmp_path: Path) -> None:
    """The system's own words stand in the line."""
    (tmp_path / "closed").mkdir(mode=0)
    done = demo(working, str(tmp_path / "closed"))
    assert done.returncode == 2
    assert "Permission denied" in done.stderr
