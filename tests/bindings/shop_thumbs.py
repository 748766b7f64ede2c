"""The worker that exports what the shop declares."""

from __future__ import annotations

from collections.abc import Iterator

from stockade_frontend import connect

with connect() as core:

    @core.export("thumbs.make")
    def make(name: str, size: int = 8) -> dict[str, object]:
        return {"name": f"{name} at {size}", "price": "0", "color": "red", "tags": []}

    @core.export("thumbs.all")
    def every(first: str) -> Iterator[bytes]:
        yield first.encode()

    @core.export("bare.call")
    def bare(**arguments: object) -> object:
        return arguments

    core.run()
