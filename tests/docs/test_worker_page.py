"""The gallery of the page on workers runs as it stands there, and prints what stands there."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "write-a-worker.md"
#: A block, and the file whose name stands last before it.
BLOCK = re.compile(r"`([\w-]+\.(?:py|toml))`[^`]*?\n```(?:python|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_gallery_prints_what_the_page_promises(tmp_path: Path) -> None:
    """In its order; the exporting worker stays until the application is asked to stop, which is no failure."""
    text = PAGE.read_text(encoding="utf-8")
    for name, block in BLOCK.findall(text):
        (tmp_path / name).write_text(block, encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["editor.py", "gallery.py", "stockade.toml", "thumbs.py"]
    promised = [line for line in text.splitlines() if line.startswith("editor@1 | ")]
    assert len(promised) == 3
    run = [sys.executable, "-m", "stockade", "run"]
    with subprocess.Popen(
        run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as application:
        assert application.stdout is not None
        said = []
        for line in application.stdout:
            if "editor@1 | " in line:
                said.append(line[line.index("editor@1 | ") :].rstrip())
            if "worker ended worker=editor" in line:
                application.send_signal(signal.SIGINT)
    assert said == promised
    assert application.returncode == 0
