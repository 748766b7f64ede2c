"""An indexer: counts the words of a file for whoever calls `text.count`, and tells all who listen how far it is.

stockade.toml starts several of these. The core gives each call to one that has nothing to do; who calls need not know
how many there are, nor which it was.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from typing import Any

from stockade_frontend import CommandError, connect

WORD = re.compile(r"[^\W\d_]+")
#: Why a file is left out: it has gone since it was listed, or a reason of the library's.
UNREADABLE = ("not_found", "files.unreadable", "files.too_large")


def words_of(content: bytes) -> Counter[str] | None:
    """How often each word stands in a text; None if it is none."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else Counter(word.lower() for word in WORD.findall(text))


with connect() as core:

    def read(name: str) -> bytes:
        """The content of a file; b"\\0", which is no text, for one that cannot be read."""
        try:
            content: bytes = core.invoke("files.read", name=name)
        except CommandError as error:
            if error.code not in UNREADABLE:
                raise
            return b"\0"
        return content

    @core.export("text.count", idempotent=True)  # counting twice does no harm: if an indexer dies, another may do it
    def count(name: str) -> dict[str, Any] | None:
        """The size of a file and how often each word stands in it; None if it is no text."""
        begin = time.perf_counter()
        content = read(name)
        microseconds = int((time.perf_counter() - begin) * 1e6)
        words = words_of(content)
        total = None if words is None else words.total()
        core.emit("progress/indexed", {"name": name, "words": total, "microseconds": microseconds})
        return None if words is None else {"size": len(content), "words": dict(words)}

    # Who serves has to be told when to go: here by an event, and by asking whether that has come already.
    core.listen("report/written", lambda event: sys.exit())
    if not core.invoke("report.is_written"):
        core.run()
