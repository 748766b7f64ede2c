"""A worker that uses its bindings, `api`, for each kind of call; prints what it finds."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from uuid import UUID

import api

from stockade_frontend import CommandError, Event, connect

heard: list[tuple[api.Item, str]] = []


def on_changed(item: api.Item, event: Event) -> None:
    heard.append((item, event.source))


EVERYTHING = api.Everything(
    number=-(2**63),
    real=1.5,
    text="ü",
    raw=b"\x00\xff",
    flag=True,
    nothing=None,
    when=datetime(2024, 5, 1, 10, 0, tzinfo=UTC),
    day=date(2024, 5, 1),
    hour=time(10, 30),
    wait=timedelta(seconds=1.5),
    id=UUID(int=7),
    amount=Decimal("1.50"),
    path=PurePosixPath("notes/todo"),
    color=api.Color.LIGHT_BLUE,
    level=api.Level.HIGH,
    mode="fast",
    digit=2,
    names={"a", "b"},
    pair=(1, "one"),
    days=[date(2024, 5, 1)],
    table={"a": [api.Level.LOW]},
    maybe=timedelta(1),
    either="7",
    shape=api.Square(kind="square", side=2.0),
    shapes=[api.Circle(kind="circle", radius=1.0), 7],
    anything={"a": [1]},
    type="a word of many languages",
)

with connect() as core:
    api.on_shop_changed(core, on_changed)
    print(api.shop_same(core, everything=EVERYTHING) == EVERYTHING)
    item = api.shop_buy(core, name="cup", count=2)
    print(item.name, item.price, item.color is api.Color.RED, item.tags)
    try:
        api.shop_buy(core.options(timeout=10.0), name="cup", count=0)
    except CommandError as error:
        print(error.code, error.data)
    box = api.BoxInput(items=[api.ItemInput(name="lid", price=Decimal(2)), item], boxes=[api.BoxInput(items=[])])
    put = api.shop_box(core, box=box, person=api.Person(name="ada"))
    print([each.name for each in put.items], put.boxes[0].boxes, put.items[0].color is api.Color.RED)
    ada, eve = api.Person(name="ada"), api.Person(name="eve", age=None)
    print(api.shop_person(core, person=ada) == ada, api.shop_person(core, person=eve) == eve != ada)
    print([row.name for row in api.shop_rows(core, after=1)])
    with api.shop_rows(core, limit=1_000_000, credit=2) as rows:
        print(next(rows).price)
    print(api.shop_page(core, class_="a", max_rows=1).rows[0].name, api.shop_when(core))
    data = api.Sending[api.ItemInput | api.Item](core.send_channel())
    back = api.Receiving[api.Item | None](core.receive_channel())
    begun = api.shop_load(core, data=data, back=back, factor=10)
    with data:
        data.send(api.ItemInput(name="sent", price=Decimal(1)))
    print([each.name if each else None for each in back], begun.result())
    print(
        api.thumbs_make(core, name="cat").name,
        list(api.thumbs_all(core, first="a")),
        api.shop_thumb(core, name="dog").name,
    )
    print(api.bare_call(core, any_name=1))
    api.emit_editor_opened(core, api.Person(name="eve"))
    while not api.shop_opened(core):
        pass
    api.on_shop_closed(core, lambda event: print("closed", event.payload, heard[0][0] == item, heard[0][1]))
    api.shop_close(core)
    while core.poll(None) == 0 or len(heard) < 1:
        pass
    core.poll(1.0)
    print("done")
