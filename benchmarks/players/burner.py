"""Burns so much of a processor and does nothing else, from one order to the next.

``python -m benchmarks.players.burner SIDE``.
"""

from __future__ import annotations

import sys
from time import perf_counter, perf_counter_ns

from benchmarks.players.orders import Orders

#: Seconds of one period of burning and sleeping.
PERIOD = 0.002


def main(side: str) -> None:
    orders = Orders({side: ["burn", "stop"]})
    for order in orders:
        began = perf_counter_ns()
        if order.operation == "burn":
            burning = PERIOD * order.numbers[0] / 1000
            while not orders.wait(PERIOD - burning):
                end = perf_counter() + burning
                while perf_counter() < end:
                    pass
        order.answer(began, None)


main(*sys.argv[1:])
