"""The store of the page on commands runs as it stands there, and prints what stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "write-a-command.md"
BLOCK = re.compile(r"`([\w-]+\.(?:py|toml))`[^`]*?\n```(?:python|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_store_prints_what_the_page_promises(tmp_path: Path) -> None:
    """The core closes the endless stream, and hears of the end."""
    text = PAGE.read_text(encoding="utf-8")
    for name, block in BLOCK.findall(text):
        (tmp_path / name).write_text(block, encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["editor.py", "stockade.toml", "store.py"]
    (tmp_path / "files" / "kept").mkdir(parents=True)
    promised = [line for line in text.splitlines() if line.startswith("editor@1 | ")]
    assert len(promised) == 4
    command = [sys.executable, "-m", "stockade"]
    checked = subprocess.run([*command, "check"], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert checked.returncode == 0, checked.stdout
    done = subprocess.run([*command, "run"], cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    said = re.findall(r"(?:editor@1|core) \| .*", done.stderr)
    assert [line for line in said if line.startswith("editor@1")] == promised, done.stderr
    assert "core | ticks: closed" in said
    assert "core | editor: editor/done all of it" in said
