"""A worker that has nothing to do."""

from __future__ import annotations

from stockade_frontend import connect

with connect() as core:
    core.run()
