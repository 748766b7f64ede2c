"""How a life ends, in a step: with which exit status, and with words on standard error or without."""

from __future__ import annotations

from stockade.certify.fault import Fault, require
from stockade.certify.life import NEXT, Life
from stockade.certify.notation import written

__all__ = ["breaks", "exits"]

#: What a worker exits with whose core has broken the protocol (frontend_stub/python/README.md, "How a worker ends").
_BROKEN = 70


async def exits(life: Life, status: int, *, words: bool = False) -> None:
    """Await the end of the process: with this exit status, and with `words` on its standard error."""
    life.expect_end()
    wanted = f"its end, with exit status {status}"
    (came,) = await life.until(lambda: _status(life), wanted)
    require(came == status, wanted, f"exit status {came}")
    if words:
        require(bool(life.program.words()), f"{wanted}, and a word on standard error why", "nothing was said")


async def breaks(life: Life) -> None:
    """Await that the worker, to which the core has just said what it may not, says so and exits with status 70."""
    life.asked = None
    life.expect_end()
    await life.until(lambda: _status_unless_it_goes_on(life), f"its end, with exit status {_BROKEN}")
    await exits(life, _BROKEN, words=True)


def _status(life: Life) -> tuple[int] | None:
    status = life.program.status()
    return None if status is None else (status,)


def _status_unless_it_goes_on(life: Life) -> tuple[int] | None:
    wanted = f"its end, with exit status {_BROKEN}"
    if life.asked is not None:
        raise Fault(wanted, f"a call of {NEXT}: {written(life.asked.arguments)}")
    life.quiet(wanted)
    return _status(life)
