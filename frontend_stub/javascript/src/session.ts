/**
 * One worker's side of the conversation: what it may say, what it awaits, what the core's messages mean.
 *
 * Frames go in and come out; it knows no socket, clock or event loop. `now` is in milliseconds of a clock that never goes
 * back.
 */

import { Calls } from "./calls.js";
import { Channels } from "./channels.js";
import { type Closed, CommandError, coreBroken, Ended } from "./errors.js";
import { emitOf, Inbox, type Prepared, readEvent } from "./events.js";
import { type Grants, NO_GRANTS } from "./grants.js";
import { type Handled, HandledCalls } from "./handled.js";
import { BATCH, type Limits, message, NO_LIMITS, PROTOCOL, type Readings, read, type Verb } from "./messages.js";
import { Outbox } from "./outbox.js";
import { type Question, question } from "./question.js";
import { Frames } from "./raw.js";
import type { Statistics } from "./statistics.js";
import { Timers } from "./timers.js";
import { DecodeError, decode, write } from "./wire.js";

/** Where the conversation stands, as this side sees it. In `greeting` and `leaving` the core's answer is awaited. */
export type State = "born" | "greeting" | "open" | "leaving" | "left";

/** What is told to whoever has the sockets. */
export interface Told {
  /** The core asks this worker to finish. */
  stop(): void;
  /** There are calls to begin. */
  asked(): void;
}

/**
 * The worker's side of one link. `queue` bounds the events that wait for their handlers; `floats`: integral floats are
 * received as `Float`.
 *
 * Methods throw the CommandError that the core would answer with, as far as it can be known here, and `Ended` when the
 * conversation is over.
 */
export class Session {
  readonly label: string;
  readonly generation: number;
  state: State = "born";
  limits: Limits = NO_LIMITS;
  grants: Grants = NO_GRANTS;
  /** The core has asked this worker to finish, within so many milliseconds. */
  grace: number | undefined;
  isReady = false;
  emitted = 0;
  /** Once it has left: the emits that the core has handled. */
  emitsHandled: number | undefined;
  readonly outbox = new Outbox();
  readonly timers = new Timers();
  readonly channels = new Channels(this.outbox);
  readonly calls: Calls;
  readonly handled: HandledCalls;
  readonly inbox: Inbox;
  readonly #stub: string;
  readonly #floats: boolean;
  readonly #told: Told;
  readonly #hello = question();
  readonly #bye = question();
  readonly #pings = new Map<number, Question<void>>();
  #lastPing = 0;
  /** Subscriptions that await their answers; one topic may have been asked for, dropped, and asked for again. */
  readonly #subscribing = new Map<string, Question<void>[]>();
  #frames = new Frames([]);
  #now = 0;

  constructor(label: string, generation: number, stub: string, told: Told, queue = 1024, floats = false) {
    this.label = label;
    this.generation = generation;
    this.#stub = stub;
    this.#told = told;
    this.#floats = floats;
    this.inbox = new Inbox(queue);
    this.calls = new Calls(label, this.outbox, this.channels, this.timers);
    this.handled = new HandledCalls(label, this.outbox, this.channels, this.timers);
    this.handled.whenAsked = () => told.asked();
    this.handled.whenStopped = (handled: Handled) => this.calls.cancelNested(handled);
  }

  get stopping(): boolean {
    return this.grace !== undefined;
  }

  // -- what this worker says ------------------------------------------------------------------------------------------

  /** Begin. `limits` and `grants` hold when it is answered. */
  hello(): Promise<void> {
    this.state = "greeting";
    this.outbox.put(message("hello", { protocol: PROTOCOL, stub: this.#stub }));
    return this.#hello.promise;
  }

  /** Say, once, that this worker has set up what it needs, and what it exports. */
  ready(): void {
    if (this.isReady) return;
    this.isReady = true;
    const exports = this.handled.said();
    this.outbox.put(exports.size > 0 ? message("ready", { exports }) : message("ready"));
  }

  /** Ask whether the core is there. */
  ping(): Promise<void> {
    const asked = question();
    this.#pings.set(++this.#lastPing, asked);
    this.outbox.put(message("ping", this.#lastPing));
    return asked.promise;
  }

  /** This worker is about to subscribe to `topic`, with its bar or slash. Throws CommandError. */
  subscribe(topic: string): Promise<void> {
    const grant = this.grants.listen;
    if (!(topic.endsWith("/") ? grant.covers(topic) : grant.allows(topic.slice(0, -1)))) {
      const name = topic.endsWith("|") ? topic.slice(0, -1) : topic;
      throw new CommandError(
        "not_allowed",
        `${this.label} may not listen to "${name}" (its grants say so; nothing was sent)`,
      );
    }
    const asked = question();
    const same = this.#subscribing.get(topic);
    if (same === undefined) this.#subscribing.set(topic, [asked]);
    else same.push(asked);
    return asked.promise;
  }

  /** Check and encode an event. Throws RangeError, CommandError or EncodeError. */
  prepareEmit(name: string, payload: unknown, to: string | undefined, trace: string | undefined): Prepared {
    const prepared = emitOf(name, payload, to, trace, this.limits.depth);
    if (!this.grants.emit.allows(name)) {
      throw new CommandError(
        "not_allowed",
        `${this.label} may not emit "${name}" (its grants say so; nothing was sent)`,
      );
    }
    const size = prepared.before.length + 9 + prepared.behind.length;
    if (size > this.limits.event) {
      throw new CommandError(
        "too_large",
        `${size} bytes, where an event may have ${this.limits.event} (nothing was sent)`,
      );
    }
    return prepared;
  }

  /** The frame of a prepared event, as the next one; `emitted` is to be raised when it has gone. */
  numberEmit({ before, behind }: Prepared): Uint8Array {
    return Buffer.concat([before, write(this.emitted + 1), behind]);
  }

  /** Take leave. Nothing more may be said; the answer is the end. */
  bye(): Promise<void> {
    this.handled.stopAll(new CommandError("cancelled", "the worker leaves"));
    this.calls.close();
    this.channels.closeAll();
    this.state = "leaving";
    this.outbox.put(message("bye", { emitted: this.emitted }));
    return this.#bye.promise;
  }

  /** The conversation is over, for this reason: nobody waits in vain. */
  abandon(error: Ended | Closed): void {
    this.channels.closeAll(error);
    this.calls.abandon(error);
    const questions = [this.#hello, this.#bye, ...this.#pings.values(), ...[...this.#subscribing.values()].flat()];
    for (const asked of questions) asked.reject(error);
  }

  statistics(): Statistics {
    return {
      calls: this.calls.last,
      answered: this.calls.answered,
      late: this.calls.late,
      tries: this.calls.tries,
      inFlight: this.calls.flight.size,
      handled: this.handled.count,
      channels: this.channels.size,
      batches: this.outbox.batches,
      emitted: this.emitted,
      events: this.inbox.received,
      waiting: this.inbox.length,
      missed: this.inbox.missed,
    };
  }

  // -- what the core says ---------------------------------------------------------------------------------------------

  /** One message of the events socket. Throws `Ended`. */
  receiveEvent(frames: readonly Uint8Array[]): void {
    if (this.state === "born" || this.state === "greeting") throw coreBroken("an event before welcome");
    if (frames.length !== 1) throw coreBroken("an event of several frames");
    this.inbox.put(readEvent(frames[0] as Uint8Array, this.#floats));
  }

  /** One message of the emits socket: from now on the core takes emits. Throws `Ended`, also when the core has gone. */
  receiveSubscription(frames: readonly Uint8Array[]): void {
    const frame = frames[0] as Uint8Array;
    if (frames.length === 1 && frame.length === 1 && frame[0] === 1) return;
    // XPUB says so of itself when the last peer has gone.
    if (frames.length === 1 && frame.length === 1 && frame[0] === 0)
      throw new Ended("lost", "the core closed its connection");
    throw coreBroken("a subscription to some of the emits");
  }

  /** One message of the commands socket: a batch and the raw frames behind it. Throws `Ended` if it ends all. */
  receive(frames: readonly Uint8Array[], now: number): void {
    const batch = this.#decode(frames[0] as Uint8Array);
    this.#now = now;
    if (frames.length > 1) this.#frames = new Frames(frames.slice(1));
    const { flight } = this.calls;
    for (const message of batch) {
      // The one message that comes often: see to it here.
      if (Array.isArray(message) && message.length === 3 && message[0] === "result" && this.state === "open") {
        const id = message[1] as number;
        const asked = flight.get(id);
        if (asked !== undefined) {
          flight.delete(id);
          this.calls.succeeded(asked, message[2]);
          continue;
        }
      }
      this.#receiveOne(message);
    }
    if (frames.length > 1) this.#frames.checkAllTaken();
    this.calls.admit(now);
  }

  /** See to what is due by now; `timers` says when there is something. */
  wake(now: number): void {
    this.timers.wake(now);
    this.calls.admit(now);
  }

  #decode(frame: Uint8Array): unknown[] {
    let batch: unknown;
    try {
      batch = decode(frame, this.#floats);
    } catch (error) {
      if (error instanceof DecodeError) throw coreBroken(`a frame that cannot be read: ${error.message}`);
      throw error;
    }
    if (!Array.isArray(batch) || batch.length < 1 || batch.length > BATCH) {
      throw coreBroken(`a frame that is no batch of 1 to ${BATCH} messages`);
    }
    return batch;
  }

  #receiveOne(message: unknown): void {
    const { verb, elements } = read(message);
    const handle = MAY_COME[this.state][verb] as ((session: Session, ...elements: unknown[]) => void) | undefined;
    if (handle === undefined) throw coreBroken(`"${verb}" when the conversation is ${this.state}`);
    handle(this, ...elements);
  }

  static readonly #GREETING: Reactions = {
    welcome(session, welcome) {
      if (welcome.worker !== session.label || welcome.generation !== session.generation) {
        throw coreBroken(`a welcome for ${welcome.worker}@${welcome.generation}`);
      }
      session.limits = session.channels.limits = session.handled.limits = welcome.limits;
      session.grants = welcome.grants;
      session.calls.open(welcome.limits, welcome.grants.commands);
      session.outbox.messages = Math.min(BATCH, Math.max(1, welcome.limits.batch));
      session.outbox.size = welcome.limits.message;
      session.state = "open";
      session.#hello.resolve();
    },
    refused(_, error) {
      throw new Ended("refused", `the core refused this worker: ${error}`);
    },
    breach(_, reason) {
      throw new Ended("breached", `the core ends this worker, which broke the protocol: ${reason}`);
    },
  };

  static readonly #OPEN: Reactions = {
    result(session, id, value, options) {
      const asked = session.#takeAsked(id);
      session.calls.succeeded(asked, options === undefined ? value : session.#frames.of(value, options));
    },
    error(session, id, error) {
      session.calls.failed(session.#takeAsked(id), error, session.#now);
    },
    call(session, id, command, values, said) {
      session.handled.call(id, command, values, said, session.#frames, session.#now);
    },
    cancel(session, id) {
      session.handled.cancel(id);
    },
    item(session, id, value, options) {
      session.channels.item(id, options === undefined ? value : session.#frames.of(value, options));
    },
    end(session, id, error) {
      session.channels.ended(id, error);
    },
    credit(session, id, count) {
      session.channels.credit(id, count);
    },
    drop(session, id) {
      session.channels.dropped(id);
    },
    listening(session, topic) {
      session.#takeSubscribing(topic).resolve();
    },
    denied(session, topic, error) {
      session.#takeSubscribing(topic).reject(error);
    },
    missed(session, seq) {
      session.inbox.dropped(seq);
    },
    ping(session, number) {
      session.outbox.put(message("pong", number));
    },
    pong(session, number) {
      session.#pings.get(number)?.resolve();
      session.#pings.delete(number);
    },
    stop(session, grace) {
      session.grace = grace;
      session.#told.stop();
    },
    breach(_, reason) {
      throw new Ended("breached", `the core ends this worker, which broke the protocol: ${reason}`);
    },
  };

  /** Calls that come now are not taken, so neither are the channels that they open known: nothing of any is. */
  static readonly #LEAVING: Reactions = {
    ...Session.#OPEN,
    ping: tooLate,
    call(session, _id, _command, _values, said) {
      for (const index of said?.raw.values() ?? []) session.#frames.take(index);
    },
    cancel: tooLate,
    item(session, _id, value, options) {
      if (options !== undefined) session.#frames.of(value, options);
    },
    end: tooLate,
    credit: tooLate,
    drop: tooLate,
    bye(session, handled) {
      session.emitsHandled = handled;
      session.state = "left";
      session.#bye.resolve();
    },
  };

  /** What the core may say, and what it does; what is not here may not come. Behind `bye` what is on its way comes. */
  static readonly MAY_COME: { readonly [state in State]: Reactions } = {
    born: {},
    greeting: Session.#GREETING,
    open: Session.#OPEN,
    leaving: Session.#LEAVING,
    left: {},
  };

  #takeAsked(id: number) {
    const asked = this.calls.flight.get(id);
    if (asked === undefined) throw coreBroken(`an answer to call ${id}, which was never made or has been answered`);
    this.calls.flight.delete(id);
    return asked;
  }

  #takeSubscribing(topic: string): Question<void> {
    const asked = this.#subscribing.get(topic);
    const first = asked?.shift();
    if (asked === undefined || first === undefined) {
      throw coreBroken(`an answer to a subscription that was never made, "${topic}"`);
    }
    if (asked.length === 0) this.#subscribing.delete(topic);
    return first;
  }
}

type Reactions = { readonly [verb in Verb]?: (session: Session, ...elements: Readings[verb]) => void };

function tooLate(): void {}

const { MAY_COME } = Session;
