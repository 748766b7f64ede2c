"""The application of the page on typed bindings runs as it stands there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "typed-bindings.md"
BLOCK = re.compile(r"`([\w-]+\.(?:py|toml))`[^`]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMISED = re.compile(r"^editor@1 \| .*$", re.MULTILINE)
BIND = re.compile(r"^\$ stockade (bindings .*)$", re.MULTILINE)


def test_the_page_prints_what_it_promises(tmp_path: Path) -> None:
    """Its files have no fault, its bindings are written and are fresh then, and its editor prints what it says."""
    page = PAGE.read_text(encoding="utf-8")
    files = BLOCK.findall(page)
    assert {name for name, _ in files} == {"notebook.py", "stockade.toml", "editor.py", "words.py"}
    for name, text in files:
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "stockade"]
    written = BIND.findall(page)
    assert [line.endswith("--check") for line in written] == [False, True]
    for arguments in (["check"], *(line.split() for line in written)):
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    promised = PROMISED.findall(page)
    said: list[str] = []
    with subprocess.Popen([*command, "run"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            said += PROMISED.findall(line[max(0, line.find("editor@1 | ")) :])
            if "worker ended worker=editor" in line or len(said) == len(promised):
                break
        running.send_signal(signal.SIGTERM)
        running.stderr.read()
    assert sorted(said) == sorted(promised)
    assert running.returncode == 0
