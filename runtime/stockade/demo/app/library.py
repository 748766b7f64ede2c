"""The demonstration's commands: what the core does for its workers, and all that they can make it do."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import attrs

from stockade import Caller, CommandError, Event, command, lifespan, listener, settings

log = logging.getLogger("demo")
MOST_BYTES = 4 * 1024 * 1024


@settings
@attrs.frozen
class Settings:
    """What [app.settings] says."""

    report: Path
    overwrite: bool = False


@attrs.frozen
class Indexed:
    """What an indexer found in one file."""

    name: str
    size: int  # bytes
    words: dict[str, int]  # word -> how often
    microseconds: list[int]  # how long each call for this file took


@attrs.frozen
class Progress:
    """How far the work is, in files."""

    done: int
    total: int


@attrs.frozen
class Totals:
    """What was found in all files together."""

    progress: Progress
    words: int
    most_frequent: list[tuple[str, int]]
    largest: list[tuple[str, int]]
    skipped: list[str]


@attrs.define
class Library:
    """Who reads which file, and what was found. Its commands are `async`, so they run one at a time: no lock."""

    names: list[str] | None = None  # None until the first indexer has asked
    claims: dict[str, str] = attrs.field(factory=dict)  # file -> the indexer that reads it
    sizes: dict[str, int] = attrs.field(factory=dict)
    skipped: list[str] = attrs.field(factory=list)
    words: Counter[str] = attrs.field(factory=Counter)

    def progress(self) -> Progress:
        return Progress(len(self.sizes) + len(self.skipped), len(self.names or ()))

    def finish(self, name: str, caller: Caller) -> None:
        """End a claim; whoever holds none has no say."""
        if self.claims.pop(name, None) != caller.worker:
            raise CommandError("work.not_claimed", f"{caller.worker} has not claimed {name}")


@lifespan
def library() -> Iterator[Library]:
    """One library, for as long as the core lives."""
    yield Library()


@command("files.list")
def list_files(caller: Caller) -> list[str]:
    """Return the names of all files in the caller's scope."""
    return list(caller.scope.walk())


@command("files.read")
def read_file(caller: Caller, name: str) -> str:
    """Return the text of one file in the caller's scope."""
    with caller.scope.open(name, "rb") as file:
        content: bytes = file.read(MOST_BYTES + 1)
    try:
        if len(content) > MOST_BYTES or b"\0" in content:
            raise CommandError("files.not_text", f"{name} is no text of at most {MOST_BYTES} bytes")
        return content.decode()
    except UnicodeDecodeError as error:
        raise CommandError("files.not_text", f"{name} is not UTF-8") from error


@command("work.begin")
async def begin(library: Library, names: list[str]) -> Progress:
    """Take note of the files that there are; who comes second changes nothing."""
    if library.names is None:
        library.names = names
    return library.progress()


@command("work.claim")
async def claim(caller: Caller, library: Library, name: str) -> bool:
    """Whether the caller is the one to read this file."""
    if name in library.claims or name in library.sizes or name in library.skipped:
        return False
    library.claims[name] = caller.worker
    return True


@command("work.store")
async def store(caller: Caller, library: Library, found: Indexed) -> Progress:
    """Keep what the caller found in a file that it has claimed."""
    library.finish(found.name, caller)
    library.sizes[found.name] = found.size
    library.words.update(found.words)
    return report_progress(library, found.microseconds)


@command("work.skip")
async def skip(caller: Caller, library: Library, name: str) -> Progress:
    """Leave out a file that cannot be read."""
    library.finish(name, caller)
    library.skipped.append(name)
    return report_progress(library, [])


def report_progress(library: Library, microseconds: list[int]) -> Progress:
    """Log how far the work is: `stockade demo` draws its bar from these lines."""
    progress = library.progress()
    done, total = progress.done, progress.total
    fields = {"done": done, "total": total, "skipped": len(library.skipped), "microseconds": microseconds}
    log.info("indexed %d of %d", done, total, extra={"event": "demo_progress", "fields": fields})
    return progress


@listener("core:worker/exited")
async def release(event: Event, library: Library) -> None:
    """Give back what an indexer had claimed when it died: it, or the other one, claims it again."""
    gone = event.payload["worker"]
    library.claims = {name: worker for name, worker in library.claims.items() if worker != gone}


@command("report.totals")
async def totals(library: Library) -> Totals:
    """Return what was found so far."""
    return Totals(
        progress=library.progress(),
        words=library.words.total(),
        most_frequent=sorted(library.words.items(), key=lambda item: (-item[1], item[0]))[:20],
        largest=sorted(library.sizes.items(), key=lambda item: (-item[1], item[0]))[:10],
        skipped=sorted(library.skipped),
    )


@command("report.write")
def write_report(settings: Settings, library: Library, text: str) -> str:
    """Write the report and return its path: where it stands is the core's to say, not the worker's."""
    try:
        with settings.report.open("w" if settings.overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError("report.exists", f"{settings.report} is there already") from None
    fields = {"path": str(settings.report), "words": library.words.total()}
    log.info("wrote %s", settings.report, extra={"event": "demo_report", "fields": fields})
    return str(settings.report)
