/**
 * The calls that this worker makes: from the asking until the one answer each has (protocol, section 5).
 *
 * Knows no socket and no clock. A call is *held* while there is no room for it, *in flight* once its message is in the
 * outbox, *put off* when the core has said `busy`; then it is made anew, under its next id.
 */

import { type Channels, type End, type Ends, Receiver, Sender } from "./channels.js";
import { Closed, CommandError, type Ended } from "./errors.js";
import { type Grant, NO_GRANTS } from "./grants.js";
import type { Handled } from "./handled.js";
import { callMessage, type Fields, type Limits, message, NO_LIMITS } from "./messages.js";
import { LARGEST_HEAD, type Outbox } from "./outbox.js";
import { Pace } from "./pace.js";
import { type Message, sizeOf } from "./raw.js";
import type { Timed, Timers } from "./timers.js";
import { integer } from "./wire.js";

/** Milliseconds before a call that was answered `busy` is tried again: doubled each time, from the first to the last. */
const FIRST_PAUSE = 1;
const LAST_PAUSE = 200;

const NO_ENDS: Ends = new Map();

/** How a call is to be made. */
export interface Manner {
  /** Milliseconds to wait for the answer; null: as long as it takes; undefined: the core's own deadline. */
  readonly timeout?: number | null | undefined;
  /** Whether to try again while the core is busy. */
  readonly wait?: boolean | undefined;
  /** Whether it may be run again if its replica dies. */
  readonly idempotent?: boolean | undefined;
  /** The W3C traceparent that it goes on with. */
  readonly trace?: string | undefined;
}

const PLAIN: Manner = {};

/** A call of this worker's, until it is answered. `id` is 0 while it is not in flight. */
export class Asked implements Timed {
  id = 0;
  done = false;
  readonly promise: Promise<unknown>;
  resolve!: (value: unknown) => void;
  reject!: (error: Error) => void;
  readonly command: string;
  values: Fields;
  manner: Manner = PLAIN;
  parent: Handled | undefined;
  ends: Ends = NO_ENDS;
  /** When its time is over, and when to try again. */
  deadline: number | undefined;
  again: number | undefined;
  tries = 0;
  readonly #calls: Calls;

  constructor(calls: Calls, command: string, values: Fields) {
    this.#calls = calls;
    this.command = command;
    this.values = values;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  due(now: number): void {
    this.#calls.look(this, now);
  }
}

/** All of them. */
export class Calls {
  /** Those in flight, by their ids. */
  readonly flight = new Map<number, Asked>();
  /** The last id used; answers that came; of these those that nobody waited for any more; tries that were put off. */
  last = 0;
  answered = 0;
  late = 0;
  tries = 0;
  readonly #label: string;
  readonly #outbox: Outbox;
  readonly #channels: Channels;
  readonly #timers: Timers;
  /** Those that wait for room, in their order, and some that do not any more. */
  readonly #held: Asked[] = [];
  readonly #putOff = new Set<Asked>();
  #grant: Grant = NO_GRANTS.commands;
  #limits: Limits = NO_LIMITS;
  #pace: Pace | undefined;
  #maySpeak = true;

  constructor(label: string, outbox: Outbox, channels: Channels, timers: Timers) {
    this.#label = label;
    this.#outbox = outbox;
    this.#channels = channels;
    this.#timers = timers;
  }

  /** The core's welcome. */
  open(limits: Limits, grant: Grant): void {
    this.#limits = limits;
    this.#grant = grant;
    this.#pace = limits.rate === undefined ? undefined : new Pace(limits.rate);
  }

  // -- asking ---------------------------------------------------------------------------------------------------------

  /**
   * Ask for a command: in flight at once if there is room, else held until there is. `now` counts with a `manner` alone.
   *
   * Throws EncodeError, Closed, and the CommandError that the core would answer, as far as it can be known here.
   */
  call(command: string, values: Fields, manner: Manner | undefined, parent: Handled | undefined, now: number): Asked {
    if (!this.#grant.allows(command)) {
      throw new CommandError(
        "not_allowed",
        `${this.#label} may not call "${command}" (its grants say so; nothing was sent)`,
      );
    }
    if (!this.#maySpeak) throw new Closed("this worker has taken its leave (nothing was sent)");
    if (parent?.stopped !== undefined) throw parent.stopped;
    const asked = new Asked(this, command, values);
    asked.parent = parent;
    this.#takeUpEnds(asked);
    if (manner !== undefined) this.#takeUpManner(asked, manner, now);
    if (this.#hasRoom(asked, now)) this.#send(asked, now);
    else this.#hold(asked);
    for (const end of asked.ends.values()) end.isBound = true;
    return asked;
  }

  #takeUpManner(asked: Asked, manner: Manner, now: number): void {
    const { timeout } = manner;
    if (timeout !== undefined && timeout !== null && (typeof timeout !== "number" || Number.isNaN(timeout))) {
      throw new RangeError(`a timeout is a number of milliseconds, or null, not ${timeout}`);
    }
    asked.manner = timeout === Infinity ? { ...manner, timeout: null } : manner;
    if (typeof asked.manner.timeout === "number") this.#limitTime(asked, now + asked.manner.timeout);
  }

  #limitTime(asked: Asked, deadline: number): void {
    asked.deadline = deadline;
    this.#timers.add(deadline, asked);
  }

  #takeUpEnds(asked: Asked): void {
    let ends: Map<string, End> | undefined;
    for (const [name, value] of Object.entries(asked.values)) {
      const end = endOf(value);
      if (end === undefined) continue;
      ends ??= new Map();
      ends.set(name, end);
    }
    if (ends === undefined) return;
    if ([...ends.values()].some((end) => end.isBound) || new Set(ends.values()).size < ends.size) {
      throw new Error("a channel belongs to one call: make another");
    }
    if (!this.#channels.hasRoom(ends.size)) {
      throw new CommandError(
        "busy",
        `${this.#channels.size} channels are open, and no more are taken (nothing was sent)`,
      );
    }
    asked.ends = ends;
    asked.values = Object.fromEntries(Object.entries(asked.values).filter(([name]) => !ends.has(name)));
  }

  #hold(asked: Asked): void {
    if (asked.manner.wait === false) {
      const isPace = this.#held.length === 0 && this.flight.size < this.#limits.calls;
      const why = isPace
        ? `${this.#limits.rate} calls a second are the limit`
        : "as many calls are in flight as may be";
      asked.done = true;
      throw new CommandError("busy", `${why} (nothing was sent)`);
    }
    this.#held.push(asked);
  }

  #hasRoom(asked: Asked, now: number): boolean {
    if (this.#held.length > 0 || this.flight.size >= this.#limits.calls) return false;
    const pause = this.#pace?.take(now) ?? 0;
    if (pause > 0 && asked.manner.wait !== false) this.#timers.add(now + pause, asked);
    return pause === 0;
  }

  /** There may be room: send what is held, as far as it goes. */
  admit(now: number): void {
    while (this.#held.length > 0 && this.flight.size < this.#limits.calls) {
      const asked = this.#held[0] as Asked;
      if (!asked.done) {
        const pause = this.#pace?.take(now) ?? 0;
        if (pause > 0) {
          this.#timers.add(now + pause, asked);
          return;
        }
        try {
          this.#send(asked, now);
        } catch (error) {
          this.#settle(asked, error as Error);
        }
      }
      this.#held.shift();
    }
  }

  #send(asked: Asked, now: number): void {
    const id = this.last + 1;
    const encoded = this.#encode(asked, id, now);
    const size = sizeOf(encoded) + LARGEST_HEAD;
    if (size > this.#limits.message) {
      const limit = `${size} bytes, where a call may have ${this.#limits.message} (nothing was sent)`;
      throw new CommandError("too_large", `${limit}; pass what is larger through a channel: core.sendChannel()`);
    }
    asked.id = this.last = id;
    this.flight.set(id, asked);
    if (asked.ends.size > 0) this.#channels.open(asked.ends);
    this.#outbox.put(encoded);
    if (asked.ends.size > 0) this.#channels.endEnded(asked.ends);
  }

  #encode(asked: Asked, id: number, now: number): Message {
    // A batch and a call stand around the arguments: two of the containers that may stand within each other.
    const depth = this.#limits.depth - 2;
    const isPlain = asked.manner === PLAIN && asked.parent === undefined && asked.ends === NO_ENDS;
    return callMessage(id, asked.command, asked.values, isPlain ? undefined : this.#options(asked, now), depth);
  }

  #options(asked: Asked, now: number): Fields | undefined {
    const { timeout, idempotent, trace } = asked.manner;
    const options: Fields = {};
    if (asked.deadline !== undefined) options.deadline = Math.max(0, Math.ceil(asked.deadline - now));
    else if (timeout === null) options.deadline = null;
    if (asked.parent !== undefined) options.parent = asked.parent.id;
    if (trace !== undefined) options.trace = trace;
    if (idempotent) options.idempotent = true;
    if (asked.ends.size > 0) options.channels = this.#channels.offers(asked.ends);
    return Object.keys(options).length > 0 ? options : undefined;
  }

  // -- answers --------------------------------------------------------------------------------------------------------

  /** The core's answer to this call, which is in flight no more, is its result. */
  succeeded(asked: Asked, value: unknown): void {
    this.answered++;
    if (asked.done) {
      this.late++;
    } else {
      asked.done = true;
      asked.resolve(value);
    }
  }

  /** It is an error: of `busy` the call is made again, unless it may not wait. */
  failed(asked: Asked, error: CommandError, now: number): void {
    this.answered++;
    if (asked.done) this.late++;
    else if (error.code === "busy" && asked.manner.wait !== false && this.#maySpeak) this.#tryAgain(asked, error, now);
    else {
      for (const end of asked.ends.values()) this.#channels.close(end, error);
      this.#settle(asked, error);
    }
  }

  #tryAgain(asked: Asked, error: CommandError, now: number): void {
    this.#channels.forget(asked.ends);
    this.tries++;
    asked.id = 0;
    this.#putOff.add(asked);
    const { deadline } = this.#limits;
    const hasDefault = asked.deadline === undefined && asked.manner.timeout === undefined;
    // Else each try would have the core's own deadline anew.
    if (hasDefault && deadline !== undefined) this.#limitTime(asked, now + deadline);
    asked.again = now + Math.max(pauseOf(asked.tries++), retryAfter(error));
    this.#timers.add(asked.again, asked);
  }

  /** Its time has come: it is over, or to be tried again, or there may be room for it. */
  look(asked: Asked, now: number): void {
    if (asked.deadline !== undefined && now >= asked.deadline) {
      const state = asked.id > 0 ? "no answer in its time" : "busy for all of its time, so it never ran";
      this.cancel(asked, new CommandError("deadline_exceeded", `${asked.command}: ${state}`));
    } else if (asked.again !== undefined && now >= asked.again) {
      asked.again = undefined;
      this.#putOff.delete(asked);
      this.#held.push(asked);
    }
  }

  // -- the end of some ------------------------------------------------------------------------------------------------

  /**
   * Nobody wants its answer any more: it ends with this error, here; the core is told if it knows of the call.
   *
   * Its id and its place among those in flight stay taken until the core's answer, which is counted and ignored.
   */
  cancel(asked: Asked, error: Error): void {
    if (asked.done) return;
    this.#putOff.delete(asked);
    if (asked.id > 0 && this.#maySpeak) this.#outbox.put(message("cancel", asked.id));
    // The answer may have crossed, and a result leaves channels open: so each is ended too.
    for (const end of asked.ends.values()) this.#channels.finish(end, error);
    this.#settle(asked, error);
  }

  /** The call that was being handled when these were made should not go on, so neither should these. */
  cancelNested(handled: Handled): void {
    const error = handled.stopped ?? new CommandError("cancelled", "the call that this one belongs to has ended");
    for (const asked of [...this.flight.values(), ...this.#held, ...this.#putOff]) {
      if (asked.parent === handled) this.cancel(asked, error);
    }
  }

  #settle(asked: Asked, error: Error): void {
    asked.done = true;
    asked.reject(error);
  }

  /** Nothing more may be said: what is not in flight never will be. */
  close(): void {
    this.#maySpeak = false;
    for (const asked of [...this.#held, ...this.#putOff]) this.cancel(asked, new Closed("this worker leaves"));
    this.#held.length = 0;
  }

  /** The conversation is over: nothing will be answered any more. */
  abandon(error: Ended | Closed): void {
    this.close();
    for (const asked of this.flight.values()) {
      if (!asked.done) this.#settle(asked, error);
    }
    this.flight.clear();
  }
}

/** What passes a channel has the end of one under this symbol. */
export const END: unique symbol = Symbol("the end of a channel");

function endOf(value: unknown): End | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const end = (value as { [END]?: unknown })[END];
  return end instanceof Sender || end instanceof Receiver ? end : undefined;
}

/** Half of it by chance, so that those who were refused together do not come again together. */
function pauseOf(tries: number): number {
  return Math.min(LAST_PAUSE, FIRST_PAUSE * 2 ** Math.min(tries, 30)) * (0.5 + 0.5 * Math.random());
}

/** What the core says of a rate that was exceeded, in milliseconds. */
function retryAfter(error: CommandError): number {
  const data = error.data as { retry_after_ms?: unknown } | null;
  return (typeof data === "object" && integer(data?.retry_after_ms)) || 0;
}
