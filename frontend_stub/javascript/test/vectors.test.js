/** Every vector of the protocol that concerns a worker. A count at the end says that none was passed over. */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Ended } from "../dist/errors.js";
import { emitOf, isEvent, readEvent, topicOf } from "../dist/events.js";
import { Grant } from "../dist/grants.js";
import { read } from "../dist/messages.js";
import { Frames } from "../dist/raw.js";
import { Session } from "../dist/session.js";
import { DecodeError, decode, encode, write } from "../dist/wire.js";
import { bytesOf, VECTORS, valueOf } from "./notation.js";

const TOLD = { stop() {}, asked() {} };
let count = 0;

/** A test of each of these vectors. */
function each(vectors, check) {
  for (const vector of vectors) {
    test(vector.name, () => {
      check(vector);
      count++;
    });
  }
}

function isBroken(error) {
  return error instanceof Ended && error.exitCode === 70;
}

describe("decode", () => {
  each(VECTORS.decode, ({ hex, value }) => assert.deepEqual(decode(bytesOf(hex), true), valueOf(value)));
});

describe("decode, floats as numbers", () => {
  each(VECTORS.decode, ({ hex }) => assert.doesNotThrow(() => decode(bytesOf(hex))));
});

describe("encode", () => {
  each(VECTORS.encode, ({ hex, value }) => assert.equal(Buffer.from(encode(valueOf(value))).toString("hex"), hex));
});

describe("refuse", () => {
  each(VECTORS.refuse, ({ hex }) => assert.throws(() => decode(bytesOf(hex)), DecodeError));
});

describe("messages of the core", () => {
  const ofTheCore = VECTORS.messages.filter(({ from }) => from === "core");
  each(
    ofTheCore.filter(({ valid }) => valid),
    ({ hex, value, frames = [] }) => {
      const batch = decode(bytesOf(hex), true);
      const raw = new Frames(frames.map(bytesOf));
      for (const [at, message] of batch.entries()) {
        const { verb, elements } = read(message);
        assert.equal(verb, value[at][0]);
        const options = elements[2];
        if (options?.raw !== undefined && verb !== "call") raw.of(elements[1], options);
        if (verb === "call") for (const index of elements[3]?.raw.values() ?? []) raw.take(index);
      }
      raw.checkAllTaken();
    },
  );
  each(
    ofTheCore.filter(({ valid }) => !valid),
    ({ hex, frames = [] }) => {
      const session = greeted();
      void session.calls.call("echo", {}, undefined, undefined, 0).promise.catch(() => {});
      assert.throws(() => session.receive([bytesOf(hex), ...frames.map(bytesOf)], 0), isBroken);
    },
  );
});

describe("events", () => {
  each(VECTORS.events, ({ topic, hex, valid, value }) => {
    if (!valid) return assert.throws(() => readEvent(bytesOf(hex), true), isBroken);
    const event = readEvent(bytesOf(hex), true);
    const [seq, source, payload] = valueOf(value);
    assert.deepEqual([`${event.name}|`, event.seq, event.source], [topic, Number(seq), source]);
    assert.deepEqual(event.payload, payload);
  });
});

describe("emits", () => {
  each(VECTORS.emits, ({ topic, hex, valid, value, to }) => {
    if (!valid) {
      // What no worker of this stub can say: a name that is none, or a frame that its own reader refuses too.
      const name = Buffer.from(hex, "hex").toString("latin1").split("|")[0];
      if (isEvent(name)) assert.doesNotThrow(() => emitOf(name, null, undefined, undefined, 32));
      else assert.throws(() => emitOf(name, null, undefined, undefined, 32), RangeError);
      return;
    }
    const [seq, payload, options] = valueOf(value);
    const emit = emitOf(topic.slice(0, -1), payload, to ?? undefined, textOr(options?.trace), 32);
    const said = Buffer.concat([emit.before, write(Number(seq)), emit.behind]);
    const body = decode(said.subarray(said.indexOf("|") + 1), true);
    assert.deepEqual(body.slice(0, 2), [Number(seq), payload]);
    assert.equal(body[2]?.to, to ?? undefined);
  });
});

function textOr(value) {
  return typeof value === "string" ? value : undefined;
}

describe("subscriptions", () => {
  each(VECTORS.subscriptions, ({ hex, valid, event, prefix }) => {
    const topic = Buffer.from(hex, "hex").subarray(1).toString("latin1");
    if (valid) assert.equal(topicOf(event ?? prefix), topic);
    else if (topic.endsWith("|")) assert.ok(!isEvent(topic.slice(0, -1)) || !/^[01]$/.test(hex[1]));
  });
});

describe("patterns", () => {
  each(VECTORS.patterns, ({ allow, deny, separator, asked, prefix, allowed }) => {
    const grant = new Grant(separator, allow, deny);
    assert.equal(asked === undefined ? grant.covers(prefix) : grant.allows(asked), allowed);
  });
});

// -- conversations ----------------------------------------------------------------------------------------------------

const SCENE = VECTORS.scene;
const LIMITS = { batch: 1024, depth: 32, frames: 63, ...SCENE.limits };

/** A session that the core of the vectors has welcomed. */
function greeted() {
  const session = new Session(SCENE.worker, SCENE.generation, "test/0", TOLD, 8, true);
  void session.hello();
  const welcome = { protocol: 1, worker: SCENE.worker, generation: SCENE.generation, core: "test/0", limits: LIMITS };
  const everything = { allow: ["**"], deny: [] }; // the scene's own grants would keep a session from what it tries
  const grants = { commands: everything, listen: everything, emit: everything };
  session.receive([encode([["welcome", { ...welcome, grants }]])], 0);
  session.outbox.take();
  return session;
}

/** What a worker's message is in a session; a verb, or an option, that is not here is not its own to choose. */
const DOINGS = {
  hello() {},
  ready: (session) => session.ready(),
  call(session, made, id, command, values, options = {}) {
    session.calls.last = id - 1;
    const { deadline, idempotent, trace } = options;
    const asked = session.calls.call(
      command,
      values,
      { timeout: deadline, idempotent, trace, wait: false },
      undefined,
      0,
    );
    asked.promise.then(
      (value) => made.set(id, ["result", id, value]),
      (error) => made.set(id, ["error", id, { code: error.code }]),
    );
    made.set(id, asked);
  },
  cancel(session, made, id) {
    const asked = made.get(id);
    if (asked?.promise !== undefined) session.calls.cancel(asked, new Error("cancelled here"));
  },
  pong() {},
  bye: (session) => void session.bye(),
};

function isPlayable({ live, ends, steps }) {
  return (
    !live &&
    ends === null &&
    steps.every(({ worker }) => worker === undefined || (worker.raw === undefined && worker.batch?.every(isOurs)))
  );
}

function isOurs([verb, id, , , options]) {
  const known = ["deadline", "idempotent", "trace"];
  const isWhole = verb !== "call" || Object.keys(options ?? {}).every((name) => known.includes(name));
  return verb in DOINGS && isWhole && (verb === "hello" || typeof id !== "object" || verb === "bye");
}

describe("conversations", () => {
  const playable = VECTORS.conversation.filter(isPlayable);
  assert.ok(playable.length >= 20, `${playable.length} conversations can be played`);
  for (const { name, steps } of playable) {
    test(name, async () => {
      await play(steps);
      count++;
    });
  }
});

/** The worker's part is played by a session, the core's as it is written; none of it is a fault to the session. */
async function play(steps) {
  const session = greeted();
  const made = new Map();
  for (const { worker, core } of steps) {
    for (const message of worker?.batch ?? []) {
      const [verb, ...elements] = valueOf(message);
      DOINGS[verb](session, made, ...elements);
    }
    for (const written of core?.messages ?? []) {
      const message = valueOf(written.$either?.[0] ?? written);
      if (message[0] === "welcome") continue;
      if (message[0] === "error") message[2] = { message: "", ...message[2] };
      session.receive([encode([message])], 0);
      await Promise.resolve();
      if (made.has(message[1]) && message[0] === "result" && !made.get(message[1]).done) {
        assert.deepEqual(made.get(message[1]), message);
      }
    }
  }
}

after(() => {
  const { decode, encode, refuse, messages, events, emits, subscriptions, patterns, conversation } = VECTORS;
  const ofTheCore = messages.filter(({ from }) => from === "core");
  const sections = [decode, decode, encode, refuse, ofTheCore, events, emits, subscriptions, patterns];
  const expected = sections.reduce((sum, { length }) => sum + length, 0) + conversation.filter(isPlayable).length;
  assert.equal(count, expected);
});
