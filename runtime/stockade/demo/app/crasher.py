"""The crasher: reads address zero in its first two lives, and is started again each time."""

from __future__ import annotations

import ctypes

from stockade_frontend import connect

with connect() as core:
    core.ready()
    if core.generation <= 2:
        print("reading address zero, in life", core.generation)
        ctypes.string_at(0)
    print("this time all is well")
