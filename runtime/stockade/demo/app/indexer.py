"""An indexer: reads files through the core's commands, counts their words, and tells the reporter how far it is.

There are two of these. Each lists the files and goes through them; whoever claims a file first reads it.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

from stockade_frontend import CommandError, connect

WORD = re.compile(r"[^\W\d_]+")


class Indexer:
    """The core, and how long each call to it took."""

    def __init__(self, core: Any) -> None:
        self.core = core
        self.microseconds: list[int] = []

    def call(self, command: str, **arguments: Any) -> Any:
        """Invoke a command and note the time that it took."""
        begin = time.perf_counter()
        try:
            return self.core.invoke(command, **arguments)
        finally:
            self.microseconds.append(int((time.perf_counter() - begin) * 1e6))

    def index(self, name: str) -> Any:
        """Read one file and store what is in it; the progress after it."""
        try:
            text = self.call("files.read", name=name)
        except CommandError as error:
            if error.code not in ("files.not_text", "not_found", "failed"):
                raise
            return self.call("work.skip", name=name)
        words = Counter(word.lower() for word in WORD.findall(text))
        took, self.microseconds = self.microseconds, []
        found = {"name": name, "size": len(text.encode()), "words": dict(words), "microseconds": took}
        return self.call("work.store", found=found)


with connect() as core:
    indexer = Indexer(core)
    names = indexer.call("files.list")
    indexer.call("work.begin", names=names)
    core.ready()
    for name in names:
        if core.stopping:
            break
        if indexer.call("work.claim", name=name):
            progress = indexer.index(name)
            core.emit("progress/indexed", progress, to="reporter")
