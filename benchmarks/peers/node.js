// Node's own IPC with a child process: https://nodejs.org/api/child_process.html#child_processforkmodulepath-args-options
//
// One child for small messages, in JSON as it comes, which is the faster there; one with `advanced` serialization for
// payloads, since JSON has no bytes. `node node.js FOLDER`; what it obeys stands in benchmarks/conductor.py.
"use strict";

const { fork } = require("node:child_process");
const net = require("node:net");
const readline = require("node:readline");

if (process.argv[2] === "child") serve();
else main();

function serve() {
  let payload = Buffer.alloc(0);
  const give = (size) => (payload.length === size ? payload : (payload = Buffer.alloc(size, 1)));
  const items = (id, from, count) => {
    for (let number = from; number < count; number++) {
      // `send` says false when much waits already: then let that go first.
      if (!process.send({ id, item: { id: number, name: "item" } })) return setImmediate(items, id, number + 1, count);
    }
    process.send({ id, end: true });
  };
  process.on("message", ({ id, command, value }) => {
    if (command === "echo") process.send({ id, value });
    else if (command === "take") process.send({ id, value: value.length });
    else if (command === "give") process.send({ id, value: give(value) });
    else items(id, 0, value);
  });
}

function start(serialization) {
  const child = fork(__filename, ["child"], { serialization });
  const waiting = new Map();
  let last = 0;
  child.on("message", (message) => {
    const { id, value, item } = message;
    if (item !== undefined) return;
    const done = waiting.get(id);
    waiting.delete(id);
    done(value);
  });
  const begin = (command, value, done) => {
    waiting.set(++last, done);
    child.send({ id: last, command, value });
  };
  const call = (command, value) => new Promise((done) => begin(command, value, done));
  return { pid: child.pid, begin, call };
}

function main() {
  const small = start("json"), large = start("advanced");
  const now = () => Number(process.hrtime.bigint());
  const operations = {
    async call(count) {
      const each = [];
      for (let number = 1000; number < 1000 + count; number++) {
        const began = now();
        await small.call("echo", number);
        each.push(now() - began);
      }
      return each;
    },
    pipeline: (count, flight) => new Promise((resolve) => {
      let sent = 0, come = 0;
      const more = () => {
        if (++come === count) resolve([]);
        else if (sent < count) small.begin("echo", sent++, more);
      };
      while (sent < flight && sent < count) small.begin("echo", sent++, more);
    }),
    async send(count, size) {
      const payload = Buffer.alloc(size, 1);
      for (; count; count--) await large.call("take", payload);
      return [];
    },
    async receive(count, size) {
      for (; count; count--) await large.call("give", size);
      return [];
    },
    async stream(count) {
      await small.call("items", count);
      return [];
    },
  };
  const conductor = net.connect(process.env.BENCHMARK_CONDUCTOR);
  conductor.write(JSON.stringify({ pid: process.pid, sides: { node: Object.keys(operations) }, servers: [small.pid, large.pid] }) + "\n");
  const lines = readline.createInterface({ input: conductor });
  lines.on("line", async (line) => {
    const [, operation, ...numbers] = line.split(" ");
    const began = now();
    const each = await operations[operation](...numbers.map(Number));
    conductor.write(JSON.stringify({ began, ended: now(), each }) + "\n");
  });
  lines.on("close", () => process.exit());
}
