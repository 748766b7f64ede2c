/** A core that a test scripts: it starts a worker as a supervisor would, connects to it, and says what it is told. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Context, Dealer, Reply, Subscriber, XPublisher } from "zeromq";
import { decode, encode } from "../dist/wire.js";

const EVERYTHING = { allow: ["**"], deny: [] };
const LIMITS = {
  message: 1 << 20,
  event: 1 << 16,
  batch: 1024,
  calls: 256,
  topics: 64,
  depth: 32,
  channels: 8,
  frames: 63,
};
const PATIENCE = 20_000;

export class ScriptedCore {
  #folder = mkdtempSync(join(tmpdir(), "stockade-"));
  #secret = randomBytes(32).toString("hex");
  #context = new Context();
  #zap = new Reply({ context: this.#context, linger: 0 });
  #waiting = [];
  worker;
  output = "";

  /** Start a worker whose program is `source`, in a module that has `connect` and more of the package. */
  async start(source) {
    await this.#zap.bind("inproc://zeromq.zap.01");
    void this.#admit();
    const program = `import * as stockade from "stockade-frontend"; const { connect, CommandError } = stockade; ${source}`;
    // Node would give it a socket; a supervisor gives a pipe, as this does.
    const pipe = 'exec 3<&0; mkfifo "$0"; cat <&3 >"$0" & exec 3<&-; exec "$@" <"$0"';
    const argv = ["-c", pipe, join(this.#folder, "lifeline"), process.execPath, "--input-type=module", "-e", program];
    this.worker = spawn("/bin/sh", argv, {
      cwd: new URL("..", import.meta.url),
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        ...process.env,
        STOCKADE_PROTOCOL: "1",
        STOCKADE_WORKER: "editor",
        STOCKADE_GENERATION: "1",
        STOCKADE_CORE_PID: String(process.pid),
        STOCKADE_SOCKETS: `ipc://${this.#folder}`,
      },
    });
    this.exited = once(this.worker, "exit").then(([status]) => status);
    for (const stream of [this.worker.stdout, this.worker.stderr]) stream.on("data", (data) => (this.output += data));
    this.worker.stdin.on("error", () => {}).write(`${this.#secret}\n`);
    return this;
  }

  /** Connect, and take its hello. */
  async connect() {
    const server = () => ({ context: this.#context, plainServer: true, zapDomain: "test", linger: 0 });
    this.commands = new Dealer(server());
    this.events = new XPublisher(server());
    this.emits = new Subscriber(server());
    this.emits.subscribe("");
    for (const name of ["commands", "events", "emits"]) {
      const until = Date.now() + PATIENCE;
      while (!existsSync(join(this.#folder, name))) {
        assert.ok(Date.now() < until && this.worker.exitCode === null, `no socket ${name}: ${this.output}`);
        await pause(5);
      }
      this[name].connect(`ipc://${this.#folder}/${name}`);
    }

    const [verb, { protocol, stub }] = await this.next();
    assert.deepEqual([verb, protocol], ["hello", 1]);
    assert.match(stub, /^javascript\/\d/);
    return this;
  }

  async welcome({ limits = {}, grants = {} } = {}) {
    const everything = { commands: EVERYTHING, listen: EVERYTHING, emit: EVERYTHING };
    const who = { protocol: 1, worker: "editor", generation: 1, core: "test/0" };
    await this.say(["welcome", { ...who, limits: { ...LIMITS, ...limits }, grants: { ...everything, ...grants } }]);
    return this;
  }

  /** Send these messages as one batch. */
  async say(...messages) {
    await this.commands.send(Buffer.from(encode(messages)));
  }

  async event(topic, ...body) {
    await this.events.send(Buffer.concat([Buffer.from(topic), encode(body)]));
  }

  /** The next message of the worker's. */
  async next() {
    if (this.#waiting.length === 0) {
      const [batch, ...raw] = await soon(this.commands.receive(), () => `no message: ${this.output}`);
      this.raw = raw;
      this.batch = decode(batch);
      this.#waiting.push(...this.batch);
    }
    return this.#waiting.shift();
  }

  /** The worker takes its leave. */
  async farewell() {
    const [verb, { emitted }] = await this.next();
    assert.equal(verb, "bye");
    await this.say(["bye", { emitted }]);
    return this.status();
  }

  /** What the worker has printed is this, or matches this: its pipes may bring it later than its sockets and its end. */
  async printed(expected) {
    const isAll = () =>
      typeof expected === "string" ? this.output.length >= expected.length : expected.test(this.output);
    for (const until = Date.now() + PATIENCE; !isAll() && Date.now() < until;) await pause(5);
    if (typeof expected === "string") assert.equal(this.output, expected);
    else assert.match(this.output, expected);
  }

  /** The exit status of the worker. */
  async status() {
    return soon(this.exited, () => `it does not exit: ${this.output}`);
  }

  close() {
    this.worker?.stdin.destroy(); // which ends the worker
    for (const socket of [this.commands, this.events, this.emits, this.#zap]) socket?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Admit whoever has the secret. */
  async #admit() {
    for await (const [version, request, , , , mechanism, name, secret] of this.#zap) {
      const isRight = `${mechanism} ${name} ${secret}` === `PLAIN editor@1 ${this.#secret}`;
      await this.#zap.send([version, request, isRight ? "200" : "400", "", "editor", ""]);
    }
  }
}

export async function soon(promise, why) {
  const abort = new AbortController();
  const late = pause(PATIENCE, undefined, { signal: abort.signal }).then(() => assert.fail(why()));
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    abort.abort();
  }
}
