"""A worker with the asyncio stub that does what a test says."""

from __future__ import annotations

import asyncio
import inspect

from puppet_strings import answer, answer_raised, connect_to_test, prepare

from stockade_frontend import aio


async def main() -> None:
    test = connect_to_test()
    said: asyncio.Queue[tuple[str, dict[str, object]]] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(test.fileno(), lambda: said.put_nowait(test.recv()))
    async with aio.connect() as core:
        names = {"core": core, "asyncio": asyncio, "heard": []}
        obeying = asyncio.create_task(obey(test, said, names))
        await core.run()
        obeying.cancel()


async def obey(test, said, names) -> None:
    while True:
        code, more = await said.get()
        names.update(more)
        try:
            outcome = prepare(code, names)()
            if inspect.isawaitable(outcome):
                await outcome
        except Exception as error:
            answer_raised(test, error)
        else:
            answer(test, names["_value"])


asyncio.run(main())
