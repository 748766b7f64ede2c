/** Events on the worker's side: names and topics, the frames of both sockets, what came but waits. Knows no socket. */

import { coreBroken } from "./errors.js";
import { DecodeError, decode, encode, Float, integer } from "./wire.js";

const EVENT = /^[A-Za-z0-9_/:.-]{1,128}$/;
const BAR = 0x7c;
/** Heads of an array of two and of three. */
const PAIR = 0x82;
const TRIPLE = 0x83;

/** Something that happened. */
export interface Event {
  readonly name: string;
  // Its type is its command's or its emitter's to say, and nobody's to check here.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as JSON.parse does
  readonly payload: any;
  /** Who emitted it: a worker's label, or `"core"`. */
  readonly source: string;
  /** Counts the events that were meant for this worker since it started: a gap is what it has missed. */
  readonly seq: number;
  /** The W3C traceparent that it came with. What its handlers call and emit goes on with it. */
  readonly trace: string | undefined;
}

/** Whether `name` may name an event. One that ends in a slash is a prefix, and none. */
export function isEvent(name: string): boolean {
  return EVENT.test(name) && !name.endsWith("/");
}

/**
 * What to subscribe to, so as to get the event `name`, or, if it ends in a slash, all whose names begin so.
 *
 * Throws RangeError if it is neither: the worker's own bug.
 */
export function topicOf(name: string): string {
  if (!isEvent(name.endsWith("/") ? name.slice(0, -1) : name)) {
    throw new RangeError(
      `"${name}" is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . - (a prefix ends in one slash)`,
    );
  }
  return name.endsWith("/") ? name : `${name}|`;
}

/** The topics for an event of this name: the name itself, then its prefixes, shortest first. */
export function topicsFor(name: string): string[] {
  const topics = [`${name}|`];
  for (let slash = name.indexOf("/"); slash >= 0; slash = name.indexOf("/", slash + 1)) {
    topics.push(name.slice(0, slash + 1));
  }
  return topics;
}

/** An emit that has been checked and encoded: what stands before and behind its number. */
export interface Prepared {
  readonly before: Uint8Array;
  readonly behind: Uint8Array;
}

/** The frame of an emit, but for its number. Throws RangeError and EncodeError. */
export function emitOf(
  name: string,
  payload: unknown,
  to: string | undefined,
  trace: string | undefined,
  depth: number,
): Prepared {
  if (!isEvent(name)) {
    throw new RangeError(`"${name}" is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . -, no slash at the end`);
  }
  const body = encode(payload ?? null, depth - 1);
  const head = Buffer.from(`${name}| `, "latin1");
  const hasOptions = to !== undefined || trace !== undefined;
  head[head.length - 1] = hasOptions ? TRIPLE : PAIR;
  if (!hasOptions) return { before: head, behind: body };
  const options = encode({ ...(to !== undefined && { to }), ...(trace !== undefined && { trace }) });
  return { before: head, behind: Buffer.concat([body, options]) };
}

/** The event that a frame of the events socket says. Throws `Ended` if it says none: the core's fault. */
export function readEvent(frame: Uint8Array, floats: boolean): Event {
  const bar = frame.indexOf(BAR);
  const name = Buffer.from(frame.buffer, frame.byteOffset, Math.max(bar, 0)).toString("latin1");
  if (bar < 0 || !isEvent(name)) throw coreBroken("an event without a name and a bar");
  let value: unknown;
  try {
    value = decode(frame.subarray(bar + 1), floats);
  } catch (error) {
    if (error instanceof DecodeError) throw coreBroken(`an event that cannot be read: ${error.message}`);
    throw error;
  }
  if (!Array.isArray(value) || value.length < 3 || typeof value[1] !== "string") {
    throw coreBroken("an event that is not [seq, source, payload]");
  }
  const seq = integer(value[0]);
  if (!seq) throw coreBroken("an event without a number");
  return { name, payload: value[2] as unknown, source: value[1], seq, trace: traceOf(value[3]) };
}

/** Elements behind those that the protocol names are ignored, and so is a trace that is none. */
function traceOf(options: unknown): string | undefined {
  if (typeof options !== "object" || options === null || options instanceof Float) return undefined;
  const trace = Object.hasOwn(options, "trace") ? (options as { trace: unknown }).trace : undefined;
  return typeof trace === "string" ? trace : undefined;
}

/** Events that have come and wait for their handlers, up to a bound, and the count of those that were missed. */
export class Inbox {
  readonly #bound: number;
  readonly #waiting: Event[] = [];
  #last = 0;
  #gaps = 0;
  #droppedTo = 0;
  #overflowed = 0;
  /** Events that have come from the core. */
  received = 0;

  constructor(bound: number) {
    this.#bound = bound;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Take in the next event. Throws `Ended` if it comes again, or out of its order. */
  put(event: Event): void {
    if (event.seq <= this.#last) throw coreBroken(`event number ${event.seq} after number ${this.#last}`);
    this.#gaps += event.seq - this.#last - 1;
    this.#last = event.seq;
    this.received++;
    if (this.length < this.#bound) this.#waiting.push(event);
    else this.#overflowed++;
  }

  /** The oldest event that waits, if any. */
  take(): Event | undefined {
    return this.#waiting.shift();
  }

  /** The core says that events were dropped, the last of them number `seq`. */
  dropped(seq: number): void {
    this.#droppedTo = Math.max(this.#droppedTo, seq);
  }

  /**
   * Events meant for this worker that no handler will see. What is still on its way when the core tells of later drops
   * is counted too, until it arrives.
   */
  get missed(): number {
    return this.#gaps + this.#overflowed + Math.max(0, this.#droppedTo - this.#last);
  }
}
