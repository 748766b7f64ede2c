"""A worker that exports, and says in files of its working directory how far each call has come.

``begun.X.L`` when worker L begins to handle call X, ``stopped.X.L`` when it notices that nobody waits for it any more;
a call that is to hold does so until there is ``go.X``. Its commands begin with its label, without a replica's number.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from stockade_frontend import CommandError, connect

LABEL = os.environ["STOCKADE_WORKER"]
FAMILY = LABEL.partition(".")[0]
#: Between two looks at a file, in seconds.
PAUSE = 0.005


def mark(what, name):
    Path(f"{what}.{name}.{LABEL}").touch()


with connect() as core:

    def hold(name):
        """Until the test lets it go, or nobody waits any more."""
        while not Path(f"go.{name}").exists():
            if core.handling.cancelled:
                mark("stopped", name)
            core.handling.check()
            time.sleep(PAUSE)

    @core.export(f"{FAMILY}.make")
    def make(name, held=False):
        mark("begun", name)
        if held:
            hold(name)
        return LABEL

    @core.export(f"{FAMILY}.safe", idempotent=True)
    def safe(name, held=False):
        return make(name, held)

    @core.export(f"{FAMILY}.who")
    def who():
        return [core.handling.caller, core.handling.deadline]

    @core.export(f"{FAMILY}.echo")
    def echo(data):
        return data

    @core.export(f"{FAMILY}.nest")
    def nest(name, command, arguments):
        mark("begun", name)
        try:
            return core.invoke(command, **arguments)
        except CommandError as error:
            mark(f"caught-{error.code}", name)
            raise

    @core.export(f"{FAMILY}.count")
    def count(upto, fails=False):
        try:
            yield from range(upto)
            if fails:
                raise CommandError("it fails in the end", code="thumbs.torn")
        except GeneratorExit:
            mark("stopped", "count")
            raise

    @core.export(f"{FAMILY}.total")
    def total(numbers):
        return sum(numbers)

    @core.export(f"{FAMILY}.double")
    def double(numbers, doubled):
        for number in numbers:
            doubled.send(2 * number)
        doubled.end()

    @core.export(f"{FAMILY}.exit")
    def end(name):
        mark("begun", name)
        os._exit(3)

    core.run()
