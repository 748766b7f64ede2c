"""Runs this folder with `stockade run`, and waits until the worker has said what it should."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Timer

HERE = Path(__file__).parent
SAID = {"guests: 1", "refused: not_allowed", "@@label has signed"}
PATIENCE = 60.0  # seconds, on a busy machine


def test_the_worker_signs_is_refused_and_hears_of_it() -> None:
    """Its call is answered, what it may not do is refused, and the event reaches it."""
    command = [sys.executable, "-m", "stockade", "run", str(HERE)]
    missing, lines = set(SAID), []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        late = Timer(PATIENCE, running.kill)
        late.start()
        for line in running.stdout:
            lines.append(line)
            missing = {said for said in missing if not line.endswith(f"| {said}\n")}
            if not missing:
                break
        running.terminate()  # ends it gracefully, as Ctrl-C does
        lines.append(running.stdout.read())
        late.cancel()
    assert not missing, "".join(lines)
