"""The application of the page on heavy work runs as it stands there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "heavy-work.md"
BLOCK = re.compile(r"`([\w-]+\.(?:py|toml))`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMISED = re.compile(r"^editor@1 \| .*$", re.MULTILINE)


def test_the_page_prints_what_it_promises(tmp_path: Path) -> None:
    """Its files have no fault, and its editor gets the answers of the replicas."""
    page = PAGE.read_text(encoding="utf-8")
    files = BLOCK.findall(page)
    assert {name for name, _ in files} == {"counter.py", "stockade.toml", "editor.py", "digests.py"}
    for name, text in files:
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "stockade"]
    checked = subprocess.run([*command, "check"], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert checked.returncode == 0, checked.stdout
    promised = PROMISED.findall(page)
    said: list[str] = []
    with subprocess.Popen([*command, "run"], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        for line in running.stderr:
            said += PROMISED.findall(line[max(0, line.find("editor@1 | ")) :])
            if ("editor@1" in line and "worker ended" in line) or len(said) == len(promised):
                break
        running.send_signal(signal.SIGTERM)
        running.stderr.read()
    assert said == promised
    assert running.returncode == 0
