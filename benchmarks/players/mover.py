"""A worker that moves large payloads to the core and back, from one order to the next.

``python -m benchmarks.players.mover``.
"""

from __future__ import annotations

from time import perf_counter_ns

from benchmarks.players.orders import Orders
from stockade_frontend import connect


def main() -> None:
    with connect() as core:
        orders = Orders({"mover": ["move", "stop"]})
        for order in orders:
            began, moved = perf_counter_ns(), 0
            if order.operation == "move":
                payload = b"\1" * order.numbers[0]
                while not orders.wait(0):
                    moved += core.invoke("bench.take", data=payload)
                    moved += len(core.invoke("bench.give", size=len(payload)))
            order.answer(began, [moved])


main()
