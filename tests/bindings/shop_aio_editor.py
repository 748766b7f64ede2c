"""A worker with asyncio that uses its bindings, `api`, for each kind of call; prints what it finds."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import api

from stockade_frontend import Event, aio


async def main() -> None:
    async with aio.connect() as core:
        heard: asyncio.Queue[str] = asyncio.Queue()

        def changed(item: api.Item, event: Event) -> None:
            heard.put_nowait(f"{item.name} of {event.source}")

        await api.on_shop_changed(core, changed, once=True)
        items = await asyncio.gather(*(api.shop_buy(core, name=name) for name in ("cup", "lid")))
        print([item.name for item in items])
        print([row.name async for row in api.shop_rows(core, after=1)])
        data = api.Sending[api.ItemInput | api.Item](core.send_channel())
        back = api.Receiving[api.Item | None](core.receive_channel())
        begun = api.shop_load(core, data=data, back=back)
        async with data:
            await data.send(api.ItemInput(name="sent", price=Decimal(1)))
        print([each.name if each else None async for each in back], await begun)
        await api.emit_editor_opened(core, api.Person(name="eve"), to=None)
        await core.poll(5.0)
        print(await heard.get())
    print("done")


asyncio.run(main())
