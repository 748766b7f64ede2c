/** A worker that uses its bindings, `api`, for each kind of call; prints what it finds. */

import { deepStrictEqual } from "node:assert";
import { CommandError, connect } from "stockade-frontend";
import * as api from "./api.js";

const core = await connect();
const heard: string[] = [];
const once = new Promise<void>((resolve) => {
  void api.onShopChanged(core, (item, event) => {
    heard.push(`${item.name} ${item.price} of ${event.source}`);
    resolve();
  });
});
core.ready();

const everything: api.Everything = {
  number: -7,
  real: 1.5,
  text: "ü",
  raw: new Uint8Array([0, 255]),
  flag: true,
  nothing: null,
  when: "2024-05-01T10:00:00+00:00",
  day: "2024-05-01",
  hour: "10:30:00",
  wait: 1.5,
  id: "00000000-0000-0000-0000-000000000007",
  amount: "1.50",
  path: "notes/todo",
  color: api.Color.LIGHT_BLUE,
  level: 2,
  mode: "fast",
  digit: 2,
  names: ["a"],
  pair: [1, "one"],
  days: ["2024-05-01"],
  table: { a: [api.Level.LOW] },
  maybe: 86400.5,
  either: "7",
  shape: { kind: "square", side: 2.5 },
  shapes: [{ kind: "circle", radius: 1.5 }, 7],
  anything: { a: [1] },
  type: "a word of many languages",
};
deepStrictEqual(await api.shopSame(core, { everything }), everything);
const item: api.Item = await api.shopBuy(core, { name: "cup", count: 2 });
console.log(item.name, item.price, item.color === api.Color.RED, item.tags.join());
try {
  await api.shopBuy(core, { name: "cup", count: 0 }, { timeout: 10_000 });
} catch (error) {
  console.log(error instanceof CommandError && error.code);
}
const box = await api.shopBox(core, {
  box: { items: [{ name: "lid", price: "2" }, item], boxes: [{ items: [] }] },
  person: { name: "ada" },
});
console.log(box.items.map((each) => each.name).join(), box.boxes.length);
const ada: api.Person = await api.shopPerson(core, { person: { name: "ada" } });
console.log("age" in ada);
const rows: string[] = [];
for await (const row of api.shopRows(core, { after: 1 })) rows.push(row.name);
console.log(rows.join());
const data = core.sendChannel<api.ItemInput>();
const back = core.receiveChannel<api.Item | null>();
const begun = api.shopLoad(core, { data, back, factor: 10 });
await data.send({ name: "sent", price: "1" });
await data.end();
const sent: (string | undefined)[] = [];
for await (const each of back) sent.push(each?.name);
console.log(sent, await begun.result);
console.log((await api.thumbsMake(core, { name: "cat" })).name, await api.bareCall(core, { anyName: 1 }));
for await (const piece of api.thumbsAll(core, { first: "a" })) console.log(piece.length);
await api.emitEditorOpened(core, { name: "eve" });
await once;
console.log(heard[0]);
const closed = new Promise<void>((resolve) => {
  void api.onShopClosed(core, () => resolve(), { once: true }).then(() => api.shopClose(core));
});
await closed;
console.log("done");
await core.close();
