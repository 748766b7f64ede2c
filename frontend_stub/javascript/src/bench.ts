#!/usr/bin/env node
/** The worker that the benchmarks of this repository tell what to measure: calls of this stub, and the bare floor. */

import { Dealer } from "zeromq";
import { type Core, connect } from "./index.js";

/** Bytes of the frame of the floor: what a call of `bench.echo` and its answer have, about. */
const FRAME = 24;

type Task = any;

const TASKS: Record<string, (core: Core, task: Task) => Promise<unknown>> = {
  async stub(core, { count }) {
    return { ns: await timed(count, () => core.invoke("bench.echo", { value: 1 })) };
  },

  async floor(_, { count }) {
    const dealer = new Dealer({ linger: 0 });
    dealer.connect(process.env.BENCH_FLOOR as string);
    const frame = Buffer.alloc(FRAME, 1);
    const ns = await timed(count, async () => {
      await dealer.send(frame);
      await dealer.receive();
    });
    dealer.close();
    return { ns };
  },

  async pipelined(core, { count, window }) {
    let left = Number(count);
    const one = async () => {
      while (left-- > 0) await core.invoke("bench.echo", { value: 1 });
    };
    const began = process.hrtime.bigint();
    await Promise.all(Array.from({ length: window }, one));
    return { ns: Number(process.hrtime.bigint() - began) };
  },

  async leave(core) {
    await core.close();
    process.exit(0);
  },
};

/** The nanoseconds of each. */
async function timed(count: number, doOne: () => Promise<unknown>): Promise<number[]> {
  const ns: number[] = [];
  for (let at = 0; at < count; at++) {
    const began = process.hrtime.bigint();
    await doOne();
    ns.push(Number(process.hrtime.bigint() - began));
  }
  return ns;
}

const core = await connect();
core.ready();
let report: unknown = null;
for (;;) {
  const task: Task = await core.invoke("bench.next", { report }, { timeout: null });
  report = (await TASKS[task.do]?.(core, task)) ?? null;
}
