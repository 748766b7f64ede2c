"""Entry of the core process: ``python -m stockade.core IN OUT LOG``, started by the supervisor alone."""

from __future__ import annotations

import gc
import sys

# Nothing that importing makes is garbage. Collecting meanwhile takes 8 ms of 200; and what is frozen here no later
# collection looks through, while calls wait.
gc.disable()

from stockade.core.main import main  # noqa: E402 (the collector rests first)

gc.freeze()
gc.enable()

main(sys.argv[1:])
