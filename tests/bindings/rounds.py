"""Runs the shop with two programs as its workers, to the editor's end. Knows no language."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

__all__ = ["run_shop"]

_LINE = re.compile(r"editor@1 \| (.*)$")


def run_shop(shop: Path, editor: list[str], thumbs: list[str], **environment: str) -> list[str]:
    """What the editor prints. Fails where it, or the core, does not end well."""
    for name, argv in (("editor", editor), ("thumbs", thumbs)):
        program = shop / name
        program.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in argv) + "\n")
        program.chmod(0o755)
    toml = shop / "stockade.toml"
    toml.write_text(toml.read_text().replace("run = [", f"inherit = {sorted(environment)!r}\nrun = ["))
    said: list[str] = []
    log: list[str] = []
    command = [sys.executable, "-m", "stockade", "run"]
    with subprocess.Popen(
        command, cwd=shop, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            for line in running.stderr or ():
                log.append(line)
                said += _LINE.findall(line.rstrip("\n"))
                if "worker ended worker=editor" in line:
                    break
        finally:  # also where the test's time is over
            running.send_signal(signal.SIGTERM)
        log += running.stderr or ()
    assert said, "".join(log)
    assert said[-1] == "done", "".join(log)
    return said
