/** A worker as a program writes it, in a process of its own, against a core that is scripted here. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, describe, test } from "node:test";
import { VERSION } from "../dist/version.js";
import { ScriptedCore } from "./core.js";

let core;

afterEach(() => core?.close());

/** A worker that has said `ready` and does what `source` says. */
async function worker(source, welcome) {
  core = await new ScriptedCore().start(`const core = await connect(); ${source}`);
  return (await core.connect()).welcome(welcome);
}

test("the version is that of the package", () => {
  assert.equal(VERSION, JSON.parse(readFileSync(new URL("../package.json", import.meta.url))).version);
});

describe("calls", () => {
  test("what one turn asks is one batch, and each has its answer", async () => {
    await worker(`
      const answers = await Promise.all([1, 2, 3].map((value) => core.invoke("echo", { value })));
      console.log(JSON.stringify(answers)); await core.close();`);
    const calls = [await core.next(), await core.next(), await core.next()];
    assert.equal(core.batch.length, 3);
    await core.say(...calls.reverse().map(([, id, , { value }]) => ["result", id, value * 10]));
    assert.equal(await core.farewell(), 0);
    await core.printed("[10,20,30]\n");
  });

  test("an argument that is undefined is left out, and others keep their kinds", async () => {
    await worker(`await core.invoke("echo", { gone: undefined, when: 2 ** 40, big: 2n ** 60n, zero: -0, half: 0.5 });`);
    const [, , , values] = await core.next();
    assert.deepEqual(values, { when: 2 ** 40, big: 2n ** 60n, zero: -0, half: 0.5 });
  });

  test("large bytes go in a frame of their own, and a copy of them", async () => {
    await worker(`
      const data = new Uint8Array(20000).fill(7);
      const asked = core.invoke("size", { data }); data.fill(8);
      await asked;`);
    const [, , , values, options] = await core.next();
    assert.deepEqual([values, options], [{}, { raw: { data: 1 } }]);
    assert.deepEqual(core.raw[0], Buffer.alloc(20000, 7));
  });

  test("a value that cannot be sent says where it stands", async () => {
    await worker(`
      await core.invoke("echo", { list: [1, { when: new Date() }] }).catch(({ name, path }) => console.log(name, path));
      await core.invoke("echo", { text: "\\ud800" }).catch(({ name, path }) => console.log(name, path));
      await core.close();`);
    assert.equal(await core.farewell(), 0);
    await core.printed("EncodeError list[1].when\nEncodeError text\n");
  });

  test("a signal that aborts cancels the call, and its answer is awaited no more", async () => {
    await worker(`
      const abort = new AbortController();
      const asked = core.invoke("hang", {}, { signal: abort.signal });
      setTimeout(() => abort.abort(new Error("enough")), 10);
      await asked.catch((error) => console.log(error.message));
      await core.close();`);
    const [, id] = await core.next();
    assert.deepEqual(await core.next(), ["cancel", id]);
    await core.say(["error", id, { code: "cancelled", message: "" }]);
    assert.equal(await core.farewell(), 0);
    await core.printed("enough\n");
  });

  test("a call whose time is over is cancelled, whatever the core does", async () => {
    await worker(`
      await core.invoke("hang", {}, { timeout: 20 }).catch((error) => console.log(error.code));
      await core.close();`);
    const [, id, , , options] = await core.next();
    assert.ok(options.deadline <= 20 && options.deadline >= 0);
    assert.deepEqual(await core.next(), ["cancel", id]);
    assert.equal(await core.farewell(), 0);
    await core.printed("deadline_exceeded\n");
  });

  test("busy is tried again under the next id, but not with wait: false", async () => {
    await worker(`
      console.log(await core.invoke("echo"));
      await core.invoke("echo", {}, { wait: false }).catch((error) => console.log(error.code));
      await core.close();`);
    for (const id of [1, 2]) {
      assert.equal((await core.next())[1], id);
      await core.say(["error", id, { code: "busy", message: "" }]);
    }
    assert.equal((await core.next())[1], 3);
    await core.say(["result", 3, "at last"]);
    await core.next();
    await core.say(["error", 4, { code: "busy", message: "" }]);
    assert.equal(await core.farewell(), 0);
    await core.printed("at last\nbusy\n");
  });

  test("calls above the limit wait for room, and what is not granted is not sent", async () => {
    const grants = { commands: { allow: ["echo"], deny: [] } };
    await worker(
      `await core.invoke("other").catch((error) => console.log(error.code));
      console.log((await Promise.all([1, 2, 3].map((value) => core.invoke("echo", { value })))).join());
      await core.close();`,
      { limits: { calls: 1 }, grants },
    );
    for (const id of [1, 2, 3]) {
      const call = await core.next();
      assert.deepEqual(call, ["call", id, "echo", { value: id }]);
      assert.equal(core.batch.length, 1);
      await core.say(["result", id, id]);
    }
    assert.equal(await core.farewell(), 0);
    await core.printed("not_allowed\n1,2,3\n");
  });
});

describe("channels", () => {
  test("leaving a stream's loop drops it", async () => {
    await worker(`
      for await (const row of core.stream("rows", {}, { credit: 3 })) { console.log(row); if (row === 1) break; }
      await core.close();`);
    const [, id, , , { channels }] = await core.next();
    assert.deepEqual(channels, { yield: { id: 1, to: "caller", credit: 3 } });
    await core.say(["item", 1, 0], ["item", 1, 1], ["item", 1, 2]);
    assert.deepEqual(await core.next(), ["credit", 1, 2]);
    assert.deepEqual(await core.next(), ["drop", 1]);
    await core.say(["result", id, null]);
    assert.equal(await core.farewell(), 0);
    await core.printed("0\n1\n");
  });

  test("what is sent without waiting goes in its order, within the credit, before the end", async () => {
    await worker(`
      const items = core.sendChannel();
      const call = core.call("sum", { items });
      for (let at = 0; at < 5; at++) void items.send(at);
      void items.end();
      console.log(await call.result); await core.close();`);
    const [, id] = await core.next();
    const got = [];
    for (let at = 0; at < 5; at++) {
      await core.say(["credit", 1, 1]);
      got.push(await core.next());
    }
    assert.deepEqual(
      got,
      [0, 1, 2, 3, 4].map((at) => ["item", 1, at]),
    );
    assert.deepEqual(await core.next(), ["end", 1]);
    await core.say(["result", id, 10]);
    assert.equal(await core.farewell(), 0);
    await core.printed("10\n");
  });

  test("a source that fails ends its channel with an error", async () => {
    await worker(`
      const items = core.sendChannel();
      const call = core.call("sum", { items });
      await items.sendAll((async function* () { yield 1; throw new Error("no more"); })()).catch((e) => console.log(e.message));
      await call.result.catch((e) => console.log(e.code)); await core.close();`);
    const [, id] = await core.next();
    await core.say(["credit", 1, 8]);
    assert.deepEqual(await core.next(), ["item", 1, 1]);
    assert.deepEqual(await core.next(), ["end", 1, { code: "failed", message: "no more" }]);
    await core.say(["error", id, { code: "failed", message: "" }]);
    assert.equal(await core.farewell(), 0);
    await core.printed("no more\nfailed\n");
  });
});

describe("exports", () => {
  test("what a handler calls belongs to the call it handles, also behind an await", async () => {
    await worker(`
      core.export("thumbs.make", async ({ name }) => { await null; return core.invoke("pictures.read", { name }); });
      await core.run(); await core.close();`);
    assert.deepEqual(await core.next(), [
      "ready",
      { exports: { "thumbs.make": { concurrency: 1, idempotent: false } } },
    ]);
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await core.say(["call", 1, "thumbs.make", { name: "a" }, { caller: "core", trace }]);
    assert.deepEqual(await core.next(), ["call", 1, "pictures.read", { name: "a" }, { parent: 1, trace }]);
    await core.say(["result", 1, "picture"]);
    assert.deepEqual(await core.next(), ["result", 1, "picture"]);
    await core.say(["stop", { grace: 1000 }]);
    assert.equal(await core.farewell(), 0);
  });

  test("a handler that goes on behind its cancellation keeps its place", async () => {
    await worker(`
      let finish; let begun = 0;
      core.export("slow", (_, { signal }) => new Promise((resolve) => {
        console.log("begun", ++begun); signal.addEventListener("abort", () => { console.log(signal.reason.code); finish = resolve; });
      }));
      core.export("finish", () => { finish(); return null; });
      await core.run();`);
    await core.next();
    await core.say(["call", 1, "slow", {}]);
    await core.say(["cancel", 1]);
    assert.equal((await core.next())[2].code, "cancelled");
    await core.say(["call", 2, "slow", {}, { deadline: 30 }]);
    assert.equal((await core.next())[2].code, "deadline_exceeded"); // it never began
    await core.say(["call", 3, "finish", {}], ["call", 4, "slow", {}]);
    assert.deepEqual(await core.next(), ["result", 3, null]);
    await core.say(["cancel", 4]);
    assert.equal((await core.next())[2].code, "cancelled");
    await core.printed("begun 1\ncancelled\nbegun 2\ncancelled\n");
  });

  test("what a handler throws is logged, and its reference answered", async () => {
    await worker(`core.export("fails", () => { throw new Error("the reason"); }); await core.run();`);
    await core.next();
    await core.say(["call", 1, "fails", {}]);
    const [verb, id, error] = await core.next();
    assert.deepEqual([verb, id, error.code, error.data], ["error", 1, "failed", { reference: "editor/1" }]);
    assert.equal(error.message, "the command failed; the log of its worker has the reason as editor/1");
    await core.printed(/reference editor\/1[^]*Error: the reason/);
  });
});

describe("events", () => {
  test("emits from before the core listens wait for it, and are counted", async () => {
    core = await new ScriptedCore().start(`
      const core = await connect();
      for (let at = 0; at < 300; at++) void core.emit("editor/at", at);
      await core.close();`);
    await core.connect();
    await core.welcome();
    for (let at = 0; at < 300; at++) {
      const [frame] = await core.emits.receive();
      assert.equal(frame.subarray(0, 10).toString(), "editor/at|");
    }
    const [, { emitted }] = await core.next();
    assert.equal(emitted, 300);
  });

  test("handlers run one after the other, and what one throws comes out of run", async () => {
    await worker(`
      await core.listen("notes/", async ({ payload }) => {
        await new Promise((resolve) => setTimeout(resolve, 20 - payload * 10));
        console.log(payload);
        if (payload === 2) throw new Error("of a handler");
      });
      await core.run().catch((error) => console.log(error.message)); await core.close();`);
    await core.events.receive();
    await core.say(["listening", "notes/"]);
    await core.next();
    for (const at of [1, 2]) await core.event("notes/changed|", at, "core", at);
    assert.equal(await core.farewell(), 0);
    await core.printed("1\n2\nof a handler\n");
  });

  test("a denial is an error, and the subscription is ended", async () => {
    await worker(
      `await core.listen("notes/changed", () => {}).catch((error) => console.log(error.code)); await core.close();`,
    );
    assert.equal((await core.events.receive())[0].toString("latin1"), "\x01notes/changed|");
    await core.say(["denied", "notes/changed|", { code: "not_allowed", message: "" }]);
    assert.equal((await core.events.receive())[0].toString("latin1"), "\x00notes/changed|");
    assert.equal(await core.farewell(), 0);
    await core.printed("not_allowed\n");
  });
});

describe("the end", () => {
  test("at the end of the lifeline the process ends with 0, and says nothing", async () => {
    await worker(`core.ready(); await core.invoke("hang");`);
    await core.next();
    core.worker.stdin.end();
    assert.equal(await core.status(), 0);
    await core.printed("");
  });

  test("before the core has connected too", async () => {
    core = await new ScriptedCore().start("await connect();");
    core.worker.stdin.end();
    assert.equal(await core.status(), 0);
  });

  test("standard input is empty for the program and its children", async () => {
    await worker(`
      import { execFileSync } from "node:child_process";
      import { readFileSync } from "node:fs";
      console.log(readFileSync(0).length, execFileSync("cat", { stdio: ["inherit", "pipe", "inherit"] }).length);
      await core.close();`);
    assert.equal(await core.farewell(), 0);
    await core.printed("0 0\n");
  });

  for (const [status, kind, message] of [
    [1, "refused", ["refused", { code: "unavailable", message: "no" }]],
    [1, "breached", ["breach", { code: "bad_frame", reason: "no" }]],
    [70, "core_broken", ["ping"]],
  ]) {
    test(`${kind} is ${status}`, async () => {
      core = await new ScriptedCore().start("await connect();");
      await core.connect();
      await core.say(message);
      assert.equal(await core.status(), status);
      await core.printed(/^stockade-frontend: .+\n$/);
    });

    test(`${kind} is an error for who asked for it`, async () => {
      core = await new ScriptedCore().start(`
        try { await connect({ exit: false }); } catch (error) { console.log(error.kind, error.exitCode); }`);
      await core.connect();
      await core.say(message);
      assert.equal(await core.status(), 0);
      await core.printed(new RegExp(`${kind} ${status}\n`));
    });
  }

  test("a core that has gone is 1", async () => {
    await worker(`core.ready(); await core.invoke("hang");`);
    await core.next();
    for (const name of ["commands", "events", "emits"]) core[name].close();
    assert.equal(await core.status(), 1);
    await core.printed(/the core closed its connection/);
  });

  test("started by hand it says in two lines who starts it, and exits with 2", () => {
    const program = 'import { connect } from "stockade-frontend"; await connect();';
    const cwd = new URL("..", import.meta.url);
    const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { cwd });
    assert.equal(status, 2);
    assert.match(String(stderr), /^stockade-frontend: .*STOCKADE_SOCKETS is not set.*\n.*stockade run.*\n$/);
  });
});
