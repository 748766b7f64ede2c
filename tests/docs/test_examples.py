"""The code in README.md and docs/howto runs as it stands there, and prints what stands there."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: A fenced block, with the last `name.ext` in backticks that the text before it speaks of.
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"`([\w-]+\.(?:py|toml))`")


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """(language, the text since the block before, the block) for each fenced block."""
    text, found, end = page.read_text(encoding="utf-8"), [], 0
    for match in BLOCK.finditer(text):
        found.append((match[1], text[end : match.start()], match[2]))
        end = match.end()
    return found


def application(page: Path, folder: Path) -> None:
    """Write the files that a page shows into `folder`."""
    for language, before, block in blocks(page):
        names = NAME.findall(before)
        if language in ("python", "toml") and names:
            (folder / names[-1]).write_text(block, encoding="utf-8")


def expected_lines(page: Path) -> list[str]:
    """The lines of output that a page promises."""
    return [line for _, _, block in blocks(page) for line in block.splitlines() if line.startswith("editor@1 | ")]


def stockade(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in `folder`, both outputs together."""
    command = [sys.executable, "-m", "stockade", *arguments]
    return subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=50, check=False
    )


@pytest.mark.parametrize("page", ["README.md", "docs/howto/first-application.md"])
def test_an_example_prints_what_it_promises(page: str, tmp_path: Path) -> None:
    """In this order, among the log lines; the application is checked first, and ends by itself with 0."""
    application(ROOT / page, tmp_path)
    (tmp_path / "texts" / "private").mkdir(parents=True)
    (tmp_path / "texts" / "hello.txt").write_text("Hello from the core.")
    (tmp_path / "texts" / "private" / "diary.txt").write_text("Dear diary")
    checked = stockade(tmp_path, "check")
    assert checked.returncode == 0, checked.stdout
    done = stockade(tmp_path, "run")
    assert done.returncode == 0, done.stdout
    promised = expected_lines(ROOT / page)
    assert len(promised) == 3
    said = [line[line.index("editor@1 | ") :] for line in done.stdout.splitlines() if "editor@1 | " in line]
    assert said == promised


def test_the_first_application_answers_as_the_page_says(tmp_path: Path) -> None:
    """`explain` and `invoke` as they stand there."""
    application(ROOT / "docs/howto/first-application.md", tmp_path)
    explained = stockade(tmp_path, "explain", "editor", "notes.save")
    assert explained.returncode == 0, explained.stdout
    assert "notes.*" in explained.stdout
    invoked = stockade(tmp_path, "invoke", "editor", "notes.read", "name=todo")
    assert invoked.returncode == 0, invoked.stdout
    assert "buy milk" in invoked.stdout


def test_a_debugger_can_be_reached_over_a_socket(tmp_path: Path) -> None:
    """The function of the page on debugging waits, answers who connects, and lets the program go on."""
    ((_, _, code),) = [block for block in blocks(ROOT / "docs/howto/debug-a-worker.md") if block[0] == "python"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = tmp_path / "program.py"
    program.write_text(f"{code}\n\nwait_for_debugger({port})\nprint('went on')\n")
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as running:
        with connect_when_listening(port) as connection, connection.makefile("rw") as stream:
            stream.write("p 6 * 7\ncontinue\n")
            stream.flush()
            assert "42" in stream.read()
        assert running.communicate(timeout=20)[0] == "went on\n"


def connect_when_listening(port: int) -> socket.socket:
    """A connection to a port that a process will listen to in a moment."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_every_link_between_the_pages_leads_somewhere() -> None:
    """Relative links in all Markdown of the tree, but for what stands in code and what others have written."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("frontend_stub/**/*.md")]
    pages = [page for page in found if not {"node_modules", "target", "build"} & set(page.parts)]
    assert len(pages) > 10
    lost = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(
            r"\]\((?!https?:|#|mailto:)([^)#\s]+)", BLOCK.sub("", page.read_text(encoding="utf-8"))
        )
        if not (page.parent / target).exists()
    ]
    assert lost == []
