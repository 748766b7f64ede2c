#!/usr/bin/env node
/** The echo worker that `stockade certify` leads through the protocol (docs/certify.md). Knows only the public face. */

import { setImmediate } from "node:timers/promises";
import {
  type CallOptions,
  CommandError,
  type Core,
  connect,
  type Event,
  type Handling,
  type ReceiveChannel,
  type SendChannel,
  type Subscription,
} from "./index.js";

const OFFERS = [
  ...["together", "cancel", "timeout", "retry", "stream", "channels", "raw", "events", "emits"],
  ...["exports", "export-streams", "nested", "floats"],
];

type Arguments = Record<string, unknown>;
type Task = any;

/** What has come in of events. */
const kept: Event[] = [];
const subscriptions = new Map<string, Subscription>();
/** Somebody waits for an event, or for the call of `echo.enough`. */
let stir = () => {};

function change(): Promise<void> {
  return new Promise((resolve) => {
    stir = resolve;
  });
}

function errorOf(error: unknown) {
  if (!(error instanceof CommandError)) throw error;
  return { code: error.code, message: error.message, data: error.data };
}

async function outcome(result: Promise<unknown>) {
  try {
    return { value: await result };
  } catch (error) {
    return { error: errorOf(error) };
  }
}

/** `outcome` of what may throw before it is sent. */
function attempt(ask: () => Promise<unknown>) {
  return outcome((async () => ask())());
}

async function collect(items: ReceiveChannel, take: number | null | undefined) {
  const report: { items: unknown[]; error?: unknown } = { items: [] };
  try {
    for await (const item of items) {
      report.items.push(item);
      if (report.items.length === take) break;
    }
  } catch (error) {
    report.error = errorOf(error);
  }
  return report;
}

function optionsOf({ timeout, wait, idempotent, trace }: Task): CallOptions {
  return {
    ...(timeout != null && { timeout: Number(timeout) }),
    ...(wait != null && { wait }),
    ...(idempotent != null && { idempotent }),
    ...(trace != null && { trace }),
  };
}

type Doing = (core: Core, task: Task) => Promise<unknown>;

const DOINGS: Record<string, Doing> = {
  invoke: (core, task) => attempt(() => core.invoke(task.command, task.arguments ?? {}, optionsOf(task))),

  async calls(core, { command, each }) {
    const begun = each.map((args: Arguments) => attempt(() => core.invoke(command, args)));
    return { outcomes: await Promise.all(begun) };
  },

  async cancel(core, task) {
    const call = core.call(task.command, task.arguments ?? {});
    await core.invoke("certify.now");
    call.cancel();
    return outcome(call.result);
  },

  echo: async (_, { values }) => ({ values }),

  bytes(core, { command, argument, size }) {
    const bytes = Uint8Array.from({ length: Number(size) }, (_, index) => index % 251);
    return attempt(() => core.invoke(command, { [argument]: bytes }));
  },

  async stream(core, task) {
    const items = core.receiveChannel();
    const call = core.call(task.command, { ...task.arguments, yield: items });
    const report = await collect(items, task.take);
    const end = await outcome(call.result);
    return "error" in end && task.take == null ? { error: end.error, ...report } : report;
  },

  async send(core, { command, arguments: args, items, finish }) {
    const channel = core.sendChannel();
    const call = core.call(command, { ...args, items: channel });
    const sent = await sendItems(channel, items, finish);
    return { ...(await outcome(call.result)), sent };
  },

  async receive(core, { command, arguments: args, credit, take }) {
    const items = core.receiveChannel(credit == null ? {} : { credit: Number(credit) });
    const call = core.call(command, { ...args, items });
    const { items: received, error } = await collect(items, take);
    return { ...(await outcome(call.result)), items: received, ...(error !== undefined && { ended: error }) };
  },

  async listen(core, { topic, once }) {
    const keep = (event: Event) => {
      kept.push(event);
      stir();
    };
    try {
      subscriptions.set(topic, await (once ? core.once(topic, keep) : core.listen(topic, keep)));
      return {};
    } catch (error) {
      return { error: errorOf(error) };
    }
  },

  async unlisten(_, { topic }) {
    subscriptions.get(topic)?.close();
    return {};
  },

  async events(core, { count }) {
    while (kept.length < count) await change();
    const events = kept.splice(0).map(({ name, source, payload }) => ({ name, source, payload }));
    return { events, missed: core.missed };
  },

  async emit(core, { event, payload, to }) {
    try {
      await core.emit(event, payload, { to: to ?? undefined });
      return {};
    } catch (error) {
      return { error: errorOf(error) };
    }
  },

  async serve() {
    while (!isEnough) await change();
    isEnough = false;
    return {};
  },

  async run(core) {
    await core.run();
    return leave(core);
  },

  leave,
};

let isEnough = false;

async function leave(core: Core): Promise<never> {
  await core.close();
  process.exit(0);
}

async function sendItems(channel: SendChannel, items: unknown[], finish: string): Promise<number> {
  let sent = 0;
  try {
    for (const item of items) {
      await channel.send(item);
      sent++;
    }
    if (finish === "end") await channel.end();
    if (finish === "fail") channel.fail(new CommandError("certify.stopped", "as asked"));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error; // the call has the same answer, or the core dropped it
  }
  return sent;
}

// -- exports ----------------------------------------------------------------------------------------------------------

function exportAll(core: Core): void {
  core.export("echo.value", ({ value }) => value, { idempotent: true, args: ["value"] });
  core.export("echo.fail", ({ code, message, data }) => {
    throw new CommandError(code, message, data);
  });
  core.export("echo.crash", () => {
    throw new Error("what no handler should throw");
  });
  core.export("echo.wait", (_, handling: Handling) => {
    return new Promise((_resolve, reject) => {
      handling.signal.addEventListener("abort", () => reject(handling.signal.reason));
    });
  });
  core.export("echo.call", ({ command, arguments: args }) => core.invoke(command, args));
  core.export("echo.emit", ({ event, payload }) => core.emit(event, payload));
  core.export("echo.enough", () => {
    isEnough = true;
    stir();
    return null;
  });
  core.export("echo.count", function* ({ n }) {
    for (let at = 0; at < n; at++) yield at;
  });
  core.export("echo.break", async function* ({ n }) {
    for (let at = 0; at < n; at++) yield at;
    throw new CommandError("echo.broken", "as asked");
  });
  core.export("echo.sum", async ({ items }: { items: ReceiveChannel<number> }) => {
    let sum = 0;
    for await (const item of items) sum += Number(item);
    return sum;
  });
  core.export("echo.send", async ({ n, items }: { n: number; items: SendChannel<number> }) => {
    for (let at = 0; at < n; at++) await items.send(at);
    await items.end();
    return n;
  });
}

// -- being told -------------------------------------------------------------------------------------------------------

async function doTask(core: Core, task: Task): Promise<unknown> {
  const doing = DOINGS[task.do];
  if (doing === undefined) return { error: { code: "certify.unknown", message: `no task ${task.do}`, data: null } };
  return doing(core, task);
}

const core = await connect({ floats: true });
exportAll(core);
core.ready();
let task: Task = await core.invoke("certify.next", { offers: OFFERS }, { timeout: null });
for (;;) {
  const report = await doTask(core, task);
  await setImmediate(); // an answer that a handler gave is on its way before the report
  task = await core.invoke("certify.next", { report }, { timeout: null });
}
