"""A worker with a child of its own, that calls and emits without pause."""

from __future__ import annotations

import subprocess

from stockade_frontend import connect

child = subprocess.Popen(["sleep", "1000"])
with connect() as core:
    core.ready()
    print("my child is", child.pid)
    while not core.stopping:
        core.emit("a/x", "busy")
        core.invoke("add", a=1, b=2)
        core.poll()
child.kill()
