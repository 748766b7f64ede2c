"""grpcio over a unix socket: https://grpc.io/docs/guides/performance/#python.

Generic handlers whose messages are bytes, so that no protobuf is encoded; the channel is kept. The synchronous stack
one by one, where it is the faster; asyncio, which that page recommends, for many and for streams.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from time import perf_counter_ns
from typing import Any

import grpc
import grpc.aio

from benchmarks.peers.service import payload, payloads, served
from benchmarks.players.orders import Operations, Orders, one_by_one

OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
ITEM = b'{"id": 1000, "name": "item"}'


class Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # it has no types
    """The service, on bytes."""

    def service(self, call: Any) -> Any:
        return METHODS[call.method]


async def echo(request: bytes, _: Any) -> bytes:
    return request


async def take(request: bytes, _: Any) -> bytes:
    return len(request).to_bytes(8, "little")


async def give(request: bytes, _: Any) -> bytes:
    return payload(int.from_bytes(request, "little"))


async def items(request: bytes, _: Any) -> AsyncIterator[bytes]:
    for _number in range(int.from_bytes(request, "little")):
        yield ITEM


METHODS = {
    "/bench/echo": grpc.unary_unary_rpc_method_handler(echo),
    "/bench/take": grpc.unary_unary_rpc_method_handler(take),
    "/bench/give": grpc.unary_unary_rpc_method_handler(give),
    "/bench/items": grpc.unary_stream_rpc_method_handler(items),
}


async def serve(path: str) -> None:
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Handlers(),))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    await server.wait_for_termination()


async def main(folder: str) -> None:
    with served(__spec__.name, folder) as (path, server):
        address = f"unix:{path}"
        one, many = grpc.insecure_channel(address, OPTIONS), grpc.aio.insecure_channel(address, OPTIONS)
        blocking = {name: one.unary_unary(f"/bench/{name}") for name in ("echo", "take", "give")}
        begin, items = many.unary_unary("/bench/echo"), many.unary_stream("/bench/items")

        async def pipeline(count: int, flight: int) -> None:
            numbers = iter(range(count))

            async def call_on() -> None:
                for number in numbers:
                    await begin(number.to_bytes(8, "little"))

            await asyncio.gather(*(call_on() for _ in range(flight)))

        async def read(count: int) -> None:
            async for _ in items(count.to_bytes(8, "little")):
                pass

        await play(blocking, {"pipeline": pipeline, "stream": read}, server)


async def play(blocking: dict[str, Any], waiting: dict[str, Any], server: int) -> None:
    """As `orders.play`, with operations that are coroutines."""
    operations: Operations = {
        "call": one_by_one(lambda number: blocking["echo"](number.to_bytes(8, "little"))),
        **payloads(blocking["take"], lambda size: blocking["give"](size.to_bytes(8, "little"))),
    }
    for order in Orders({"grpc": [*operations, *waiting]}, [server]):
        began, each = perf_counter_ns(), None
        if order.operation in waiting:
            await waiting[order.operation](*order.numbers)
        else:
            each = operations[order.operation](*order.numbers)
        order.answer(began, each)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(sys.argv[2]))
    else:
        asyncio.run(main(*sys.argv[1:]))
