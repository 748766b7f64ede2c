/**
 * The messages of the commands socket (protocol, section 5): their shapes when they come, their bytes when they go.
 *
 * Knows no conversation: what a message does, and when it may come, is the session's.
 */

import { CommandError, coreBroken, EncodeError } from "./errors.js";
import { Grant, type Grants } from "./grants.js";
import { frameOf, isRaw, type Message } from "./raw.js";
import { check, DEPTH, Float, integer, write } from "./wire.js";

/** The version of the protocol that is spoken here. */
export const PROTOCOL = 1;
/** More messages than these are in no batch, whatever the limits say. */
export const BATCH = 1024;

/** What the core takes. */
export interface Limits {
  /** Bytes of the largest message of the commands socket, all frames together. */
  readonly message: number;
  /** Bytes of the largest frame of an emit. */
  readonly event: number;
  /** Messages of a batch. */
  readonly batch: number;
  /** Calls in flight. */
  readonly calls: number;
  /** Channels that this worker has opened. */
  readonly channels: number;
  /** Raw frames of a message. */
  readonly frames: number;
  /** Subscriptions. */
  readonly topics: number;
  /** Containers within each other. */
  readonly depth: number;
  /** Milliseconds that a call has unless it says otherwise; undefined: as long as it needs. */
  readonly deadline: number | undefined;
  /** Calls per second; undefined: any number. */
  readonly rate: number | undefined;
}

/** Before `welcome` nothing may be sent but `hello`. */
export const NO_LIMITS: Limits = {
  message: 0,
  event: 0,
  batch: 1,
  calls: 0,
  channels: 0,
  frames: 0,
  topics: 0,
  depth: DEPTH,
  deadline: undefined,
  rate: undefined,
};

export interface Welcome {
  readonly worker: string;
  readonly generation: number;
  readonly core: string;
  readonly limits: Limits;
  readonly grants: Grants;
}

/** A channel that a call of the core's opens: its id, whether this side receives, and its credit if not. */
export interface Offer {
  readonly id: number;
  readonly toCallee: boolean;
  readonly credit: number;
}

/** What a call of the core's says beside its arguments; `deadline` in milliseconds, `raw` by argument. */
export interface Said {
  readonly deadline: number | undefined;
  readonly caller: string;
  readonly trace: string | undefined;
  readonly channels: ReadonlyMap<string, Offer>;
  readonly raw: ReadonlyMap<string, number>;
  /** An option that is not known, and that the core insists on. */
  readonly insists: string | undefined;
}

export type Fields = Record<string, unknown>;

// -- what goes --------------------------------------------------------------------------------------------------------

/** A message of this stub's own making, which needs no check. */
export function message(...elements: unknown[]): Uint8Array {
  return write(elements);
}

/** The message of a call, its channels apart. Throws EncodeError, whose path begins with the argument's name. */
export function callMessage(
  id: number,
  command: string,
  values: Fields,
  options: Fields | undefined,
  depth: number,
): Message {
  let said = values;
  let raw: Fields | undefined;
  const frames: Uint8Array[] = [];
  for (const name of Object.keys(values)) {
    const value = values[name];
    if (value !== undefined && !isRaw(value)) continue;
    if (said === values) said = { ...values };
    delete said[name];
    if (value === undefined) continue;
    raw ??= {};
    define(raw, name, frames.push(frameOf(value)));
  }
  const hasFloats = check(said, depth);
  const also = raw === undefined ? options : { ...options, raw };
  const head = write(also === undefined ? ["call", id, command, said] : ["call", id, command, said, also], hasFloats);
  return raw === undefined ? head : { head, frames };
}

/** Assigning would set the prototype of an argument of that name. */
function define(map: Fields, name: string, value: unknown): void {
  if (name === "__proto__")
    Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
  else map[name] = value;
}

/** The message of a result or an item. Throws EncodeError. */
export function valuedMessage(verb: "result" | "item", number: number, value: unknown, depth: number): Message {
  if (isRaw(value)) return { head: write([verb, number, null, { raw: 1 }]), frames: [frameOf(value)] };
  return write([verb, number, value], check(value, depth));
}

/** The message that ends a call, or a channel, with an error; data that cannot be sent is left out. */
export function errorMessage(verb: "error" | "end", number: number, error: CommandError, depth: number): Uint8Array {
  const said: Fields = { code: wellFormed(error.code), message: wellFormed(error.message) };
  try {
    if (error.data === null || error.data === undefined) return write([verb, number, said]);
    const hasFloats = check(error.data, depth - 1);
    return write([verb, number, { ...said, data: error.data }], hasFloats);
  } catch (fault) {
    if (!(fault instanceof EncodeError)) throw fault;
    return write([verb, number, { ...said, message: `${error.message} (its data cannot be sent: ${fault.message})` }]);
  }
}

function wellFormed(text: string): string {
  return Buffer.from(String(text), "utf8").toString("utf8");
}

// -- what comes -------------------------------------------------------------------------------------------------------

/** What each verb that the core may say reads of its elements. */
export interface Readings {
  welcome: [Welcome];
  refused: [CommandError];
  call: [number, string, Fields, Said | undefined];
  cancel: [number];
  result: [number, unknown, Fields | undefined];
  error: [number, CommandError];
  item: [number, unknown, Fields | undefined];
  end: [number, CommandError | undefined];
  credit: [number, number];
  drop: [number];
  listening: [string];
  denied: [string, CommandError];
  missed: [number];
  ping: [number];
  pong: [number];
  stop: [number];
  bye: [number];
  breach: [string];
}

export type Verb = keyof Readings;

type Reading = (element: unknown) => unknown;

/** How the elements behind a verb are read; `last` is one more that may be missing. Others are ignored. */
interface Shape {
  readonly elements: readonly Reading[];
  readonly last?: Reading;
}

const SHAPES: { readonly [verb in Verb]: Shape } = {
  welcome: { elements: [aWelcome] },
  refused: { elements: [anError] },
  call: { elements: [aNumber, aText, aMap], last: optionsOfACall },
  cancel: { elements: [aNumber] },
  result: { elements: [aNumber, aValue], last: options },
  error: { elements: [aNumber, anError] },
  item: { elements: [aNumber, aValue], last: options },
  end: { elements: [aNumber], last: anError },
  credit: { elements: [aNumber, aNumber] },
  drop: { elements: [aNumber] },
  listening: { elements: [aText] },
  denied: { elements: [aText, anError] },
  missed: { elements: [aNumber] },
  ping: { elements: [aNumber] },
  pong: { elements: [aNumber] },
  stop: { elements: [(element) => aNumber(field(aMap(element), "grace"))] },
  bye: { elements: [(element) => aNumber(field(aMap(element), "emitted"))] },
  breach: { elements: [anEnd] },
};

/** A message's verb and elements, those behind its shape left out. Throws `Ended`: the core's fault. */
export function read(message: unknown): { verb: Verb; elements: unknown[] } {
  if (!Array.isArray(message) || typeof message[0] !== "string")
    throw coreBroken("a message that is no array with a verb");
  const verb = message[0];
  if (!Object.hasOwn(SHAPES, verb)) throw coreBroken(`an unknown verb, ${JSON.stringify(verb)}`);
  const { elements, last } = SHAPES[verb as Verb];
  if (message.length <= elements.length) throw coreBroken(`"${verb}" with an element missing`);
  try {
    const read = elements.map((reading, index) => reading(message[index + 1]));
    if (last !== undefined && message.length > elements.length + 1) read.push(last(message[elements.length + 1]));
    return { verb: verb as Verb, elements: read };
  } catch (error) {
    throw coreBroken(`"${verb}" with an element that does not fit: ${(error as Error).message}`);
  }
}

function aValue(element: unknown): unknown {
  return element;
}

function aText(element: unknown): string {
  if (typeof element !== "string") throw new TypeError("no text");
  return element;
}

function aMap(element: unknown): Fields {
  const isMap = typeof element === "object" && element !== null && !Array.isArray(element);
  if (!isMap || element instanceof Uint8Array || element instanceof Float) throw new TypeError("no map");
  return element as Fields;
}

function aList(element: unknown): unknown[] {
  if (!Array.isArray(element)) throw new TypeError("no array");
  return element;
}

function aNumber(element: unknown): number {
  const number = integer(element);
  if (number === undefined) throw new TypeError("no integer of the protocol");
  return number;
}

/** The field of a map, which must be there; what stands in its prototype does not count. */
function field(map: Fields, name: string): unknown {
  if (!Object.hasOwn(map, name)) throw new TypeError(`no ${name}`);
  return map[name];
}

function maybe(map: Fields, name: string): unknown {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

function anError(element: unknown): CommandError {
  const error = aMap(element);
  return new CommandError(aText(field(error, "code")), aText(field(error, "message")), maybe(error, "data") ?? null);
}

function anEnd(element: unknown): string {
  const end = aMap(element);
  return `${aText(field(end, "code"))}: ${aText(field(end, "reason"))}`;
}

function aWelcome(element: unknown): Welcome {
  const welcome = aMap(element);
  const grants = aMap(field(welcome, "grants"));
  return {
    worker: aText(field(welcome, "worker")),
    generation: aNumber(field(welcome, "generation")),
    core: aText(field(welcome, "core")),
    limits: limits(aMap(field(welcome, "limits"))),
    grants: {
      commands: aGrant(".", field(grants, "commands")),
      listen: aGrant("/", field(grants, "listen")),
      emit: aGrant("/", field(grants, "emit")),
    },
  };
}

function limits(said: Fields): Limits {
  const limit = (name: keyof Limits) => aNumber(field(said, name));
  const { deadline, rate } = said;
  return {
    message: limit("message"),
    event: limit("event"),
    batch: limit("batch"),
    calls: limit("calls"),
    channels: limit("channels"),
    frames: limit("frames"),
    topics: limit("topics"),
    depth: limit("depth"),
    deadline: deadline === undefined ? undefined : aNumber(deadline),
    rate: rate === undefined ? undefined : aRate(rate),
  };
}

function aRate(element: unknown): number {
  const rate = element instanceof Float || typeof element === "bigint" ? Number(element) : element;
  if (typeof rate !== "number" || !(rate > 0 && rate < Infinity)) throw new TypeError("no number of calls per second");
  return rate;
}

function aGrant(separator: string, element: unknown): Grant {
  const grant = aMap(element);
  const patterns = (side: string) => aList(field(grant, side)).map(aText);
  return new Grant(separator, patterns("allow"), patterns("deny"));
}

/** Of a result or an item, which has no answer: what it insists on cannot be refused. */
function options(element: unknown): Fields {
  const options = aMap(element);
  const insists = insistedOn(options);
  if (insists !== undefined) throw new TypeError(`it insists on "${insists}", which is not known here`);
  return options;
}

function insistedOn(options: Fields): string | undefined {
  return Object.keys(options).find((name) => name.startsWith("!"));
}

function optionsOfACall(element: unknown): Said {
  const said = aMap(element);
  const deadline = maybe(said, "deadline") ?? undefined;
  const trace = maybe(said, "trace");
  const byArgument = <Read>(option: string, reading: (element: unknown) => Read) =>
    new Map(Object.entries(aMap(maybe(said, option) ?? {})).map(([name, element]) => [name, reading(element)]));
  return {
    deadline: deadline === undefined ? undefined : aNumber(deadline),
    caller: aText(maybe(said, "caller") ?? "core"),
    trace: typeof trace === "string" ? trace : undefined,
    channels: byArgument("channels", anOffer),
    raw: byArgument("raw", aNumber),
    insists: insistedOn(said),
  };
}

function anOffer(element: unknown): Offer {
  const offer = aMap(element);
  const to = field(offer, "to");
  if (to !== "callee" && to !== "caller") throw new TypeError("a channel that leads nowhere");
  return { id: aNumber(field(offer, "id")), toCallee: to === "callee", credit: aNumber(maybe(offer, "credit") ?? 0) };
}
