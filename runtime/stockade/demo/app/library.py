"""The demonstration's commands: all that the core does for its workers, and so all that they can make it do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import attrs

from stockade import Caller, CommandError, Event, Events, command, lifespan, listener, settings

log = logging.getLogger("demo")
MOST_BYTES = 2 * 1024 * 1024  # with room to spare in a message, which may have 4 MiB


@settings
@attrs.frozen
class Settings:
    """What [app.settings] says."""

    report: Path
    overwrite: bool = False


@attrs.define
class Progress:
    """How far the work is, as the workers' events tell. Listeners are `async`, so they run one at a time: no lock."""

    total: int = 0  # files; 0 until the reporter has listed them
    done: set[str] = attrs.field(factory=set)
    skipped: int = 0  # of those that are done: no text, or not readable
    words: int = 0
    is_reported: bool = False


@lifespan
def progress() -> Iterator[Progress]:
    """One account of the progress, for as long as the core lives: whoever asks for a `Progress` gets this one."""
    yield Progress()


@command("files.list")
def list_files(caller: Caller) -> Iterator[str]:
    """Yield the names of all files in the caller's scope: a stream, since there may be more than fit into a message."""
    yield from caller.scope.walk()


@command("files.read")
def read_file(caller: Caller, name: str) -> bytes:
    """Return the content of one file in the caller's scope; large ones travel as they are, beside the message."""
    try:
        with caller.scope.open(name, "rb") as file:
            content: bytes = file.read(MOST_BYTES + 1)
    except PermissionError as error:
        raise CommandError("files.unreadable", f"the core itself may not read {name}") from error
    if len(content) > MOST_BYTES:
        raise CommandError("files.too_large", f"{name} has more than {MOST_BYTES} bytes")
    return content


@listener("progress/listed")
async def begin(event: Event, progress: Progress) -> None:
    """The reporter knows how many files there are."""
    progress.total = event.payload["files"]


@listener("progress/indexed")
async def go_on(event: Event, progress: Progress) -> None:
    """An indexer is done with a file. `stockade demo` draws its bar from the lines that this logs."""
    name, words = event.payload["name"], event.payload["words"]
    if name in progress.done:
        return  # an indexer has died between its event and its answer, and another did the same again
    progress.done.add(name)
    progress.skipped += words is None
    progress.words += words or 0
    fields = {
        "done": len(progress.done),
        "total": progress.total,
        "skipped": progress.skipped,
        "words": progress.words,
        "indexer": event.source,
        "microseconds": event.payload["microseconds"],
    }
    log.info("%d of %d files", len(progress.done), progress.total, extra={"event": "demo_progress", "fields": fields})


@command("report.write")
def write_report(settings: Settings, progress: Progress, events: Events, text: str) -> str:
    """Write the report and return its path: where it stands is the core's to say, not the worker's."""
    try:
        with settings.report.open("w" if settings.overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError("report.exists", f"{settings.report} is there already") from None
    log.info("wrote %s", settings.report, extra={"event": "demo_report", "fields": {"path": str(settings.report)}})
    progress.is_reported = True
    events.emit_to("indexer", "report/written")  # to all of its replicas
    return str(settings.report)


@command("report.is_written", inline=True)
def is_written(progress: Progress) -> bool:
    """Whether the report has been written: for who begins to listen for `report/written` when that may be over."""
    return progress.is_reported
