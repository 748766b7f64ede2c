/**
 * The strict profile of CBOR (protocol, section 4): values to bytes and back, or a refusal. Knows no message.
 *
 * cborg refuses most of what the profile refuses; what it takes all the same is refused here, token by token.
 */

import { isUtf8 } from "node:buffer";
import { encode as cborgEncode, Token, Tokenizer, tokensToObject, Type } from "cborg";
import { EncodeError } from "./errors.js";

/** Containers within containers, the outermost counted. */
export const DEPTH = 32;

const LOWEST = -(2n ** 63n);
const HIGHEST = 2n ** 63n - 1n;

/** What a command, an event or a channel can carry. A map that is received is a plain object, bytes a `Uint8Array`. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Float
  | readonly Value[]
  | { readonly [key: string]: Value }
  | ReadonlyMap<string, Value>;

/**
 * A float, also where its value is integral: JavaScript cannot tell 1.0 from 1, and sends the integer.
 *
 * Received only by a worker that has connected with `floats: true`, and then for integral values alone.
 */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  valueOf(): number {
    return this.value;
  }

  toJSON(): number {
    return this.value;
  }
}

/** Bytes that are not one item of the profile. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

const ENCODING = {
  // The core's maps keep their order, and so do ours: cborg would sort them.
  mapSorter: undefined as never,
};

/** What JavaScript's own number cannot say needs an encoder of its own, which costs: see `check`. */
const ENCODING_FLOATS = {
  ...ENCODING,
  typeEncoders: {
    number: (value: number) => (Object.is(value, -0) ? new Token(Type.float, value) : null),
    Object: (value: unknown) => (value instanceof Float ? new Token(Type.float, value.value) : null),
  },
};

/**
 * One CBOR item. A safe integer is sent as an integer, any other number as a float, a bigint as an integer.
 *
 * `depth` is how many containers deep the value may be where it will stand. Throws `EncodeError` with the path of what
 * cannot be said: the worker's own bug.
 */
export function encode(value: unknown, depth: number = DEPTH): Uint8Array {
  return cborgEncode(value, check(value, depth) ? ENCODING_FLOATS : ENCODING);
}

/** Encode what has been checked, or needs no check. */
export function write(value: unknown, hasFloats = false): Uint8Array {
  return cborgEncode(value, hasFloats ? ENCODING_FLOATS : ENCODING);
}

/** Throw EncodeError for what the profile cannot say; whether it has a `Float`, or −0, which must go as a float. */
export function check(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
      if (!isWellFormed(value)) throw new EncodeError("text with a lone surrogate, which UTF-8 cannot say");
      return false;
    case "number":
      return value === 0 && Object.is(value, -0);
    case "boolean":
      return false;
    case "bigint":
      if (value < LOWEST || value > HIGHEST) throw new EncodeError("an integer that does not fit into 64 bits");
      return false;
    case "object":
      return value !== null && checkObject(value, depth);
    default:
      throw cannot(typeof value);
  }
}

function checkObject(value: object, depth: number): boolean {
  if (value instanceof Uint8Array || value instanceof Float) return value instanceof Float;
  if (Array.isArray(value)) return checkArray(value, depth - 1);
  if (value instanceof Map) return checkEntries(value, depth - 1);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw cannot(`a ${value.constructor?.name}`);
  return checkPlain(value as Record<string, unknown>, depth - 1);
}

function checkArray(array: readonly unknown[], depth: number): boolean {
  deeper(depth);
  let hasFloats = false;
  for (let index = 0; index < array.length; index++) {
    if (step(`[${index}]`, array[index], depth)) hasFloats = true;
  }
  return hasFloats;
}

function checkPlain(map: Record<string, unknown>, depth: number): boolean {
  deeper(depth);
  let hasFloats = false;
  for (const key of Object.keys(map)) {
    if (!isWellFormed(key)) throw new EncodeError("a map's key with a lone surrogate, which UTF-8 cannot say");
    if (step(`.${key}`, map[key], depth)) hasFloats = true;
  }
  return hasFloats;
}

function checkEntries(map: ReadonlyMap<unknown, unknown>, depth: number): boolean {
  deeper(depth);
  let hasFloats = false;
  for (const [key, value] of map) {
    if (typeof key !== "string") throw new EncodeError(`a map's key must be a string, not ${typeof key}`);
    if (!isWellFormed(key)) throw new EncodeError("a map's key with a lone surrogate, which UTF-8 cannot say");
    if (step(`.${key}`, value, depth)) hasFloats = true;
  }
  return hasFloats;
}

function step(place: string, value: unknown, depth: number): boolean {
  try {
    return check(value, depth);
  } catch (error) {
    throw error instanceof EncodeError ? error.within(place) : error;
  }
}

function deeper(depth: number): void {
  if (depth < 0) throw new EncodeError(`more than ${DEPTH} containers within each other`);
}

function cannot(what: string): EncodeError {
  return new EncodeError(
    `${what} cannot be sent; say it with number, bigint, string, Uint8Array, boolean, null, an array or a plain object`,
  );
}

const SURROGATE = /\p{Surrogate}/u;

function isWellFormed(text: string): boolean {
  return !SURROGATE.test(text);
}

/** The protocol's own integer that `value` is, or undefined. A float of integral value is one (some encoders do so). */
export function integer(value: unknown): number | undefined {
  const number = value instanceof Float ? value.value : value;
  return Number.isSafeInteger(number) && (number as number) >= 0 ? (number as number) + 0 : undefined;
}

const DECODING = { rejectDuplicateMapKeys: true, allowIndefinite: false, allowUndefined: false, allowBigInt: true };
/** The head of a text of no bytes, and the first byte of a mark. */
const TEXT = 0x60;
const BYTE_ORDER_MARK = 0xef;

/** Refuses, token by token, what cborg takes: text that is no UTF-8, integers over 64 bits, depth. */
class Strict extends Tokenizer {
  /** How many items are still to come in each container that is open. */
  readonly #left: number[] = [];
  readonly #bytes: Uint8Array;
  readonly #floats: boolean;

  constructor(data: Uint8Array, floats: boolean) {
    super(data, DECODING);
    this.#bytes = data;
    this.#floats = floats;
  }

  override next(): Token {
    const start = this.pos();
    const token = super.next();
    const { type } = token;
    const value: unknown = token.value;
    if (type === Type.array) this.#open(value as number);
    else if (type === Type.map) this.#open(2 * (value as number));
    else {
      if (type === Type.string) this.#examineText(token, start);
      else if (typeof value === "bigint") examineInteger(value);
      else if (this.#floats && type === Type.float && Number.isInteger(value)) token.value = new Float(value as number);
      this.#close();
    }
    return token;
  }

  #open(count: number): void {
    if (this.#left.length >= DEPTH) throw new DecodeError(`more than ${DEPTH} containers within each other`);
    this.#left.push(count);
    if (count === 0) this.#close(true);
  }

  /** An item is complete, and with it perhaps what it stands in. */
  #close(isContainer = false): void {
    const left = this.#left;
    if (isContainer) left.pop();
    while (left.length > 0) {
      const last = left.length - 1;
      const rest = (left[last] as number) - 1;
      if (rest > 0) {
        left[last] = rest;
        return;
      }
      left.pop();
    }
  }

  /** cborg puts a replacement character where bytes are no UTF-8, and loses a byte order mark: only then look closer. */
  #examineText(token: Token, start: number): void {
    const head = (this.#bytes[start] as number) - TEXT;
    const prefix = head < 24 ? 1 : 1 + 2 ** (head - 24);
    if (this.#bytes[start + prefix] !== BYTE_ORDER_MARK && !(token.value as string).includes("\ufffd")) return;
    const bytes = this.#bytes.subarray(start + prefix, this.pos());
    if (!isUtf8(bytes)) throw new DecodeError("text that is not UTF-8");
    token.value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  }
}

function examineInteger(value: bigint): void {
  if (value < LOWEST || value > HIGHEST) throw new DecodeError("an integer that does not fit into 64 bits");
}

/**
 * The one value that `data` says. An integer beyond 2^53 is a bigint; `floats`: an integral float is a `Float`.
 *
 * Throws `DecodeError` for anything that is not the profile: the sender's fault.
 */
export function decode(data: Uint8Array, floats = false): unknown {
  // A Buffer's slices would be views of all that ZeroMQ has received; those of a plain Uint8Array are copies.
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tokens = new Strict(bytes, floats);
  let value: unknown;
  try {
    value = tokensToObject(tokens, DECODING);
  } catch (error) {
    throw error instanceof DecodeError ? error : new DecodeError((error as Error).message);
  }
  if (typeof value === "symbol") throw new DecodeError("no item"); // so cborg says that there are no tokens
  if (!tokens.done()) throw new DecodeError("bytes after the item");
  return value;
}
