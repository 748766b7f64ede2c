/** The vectors of docs/vectors.json, and the values that they write as JSON. */

import { readFileSync } from "node:fs";
import { Float } from "../dist/wire.js";

export const VECTORS = JSON.parse(readFileSync(new URL("../../../docs/vectors.json", import.meta.url), "utf8"));

/** The value that a vector writes; every float is a `Float` where its value is integral, as a worker may receive it. */
export function valueOf(written) {
  if (Array.isArray(written)) return written.map(valueOf);
  if (typeof written !== "object" || written === null) return written;
  const [[kind, content] = [], ...more] = Object.entries(written);
  const special = more.length === 0 ? SPECIAL[kind] : undefined;
  if (special !== undefined) return special(content);
  return Object.fromEntries(Object.entries(written).map(([key, value]) => [key, valueOf(value)]));
}

const SPECIAL = {
  $bytes: (hex) => new Uint8Array(Buffer.from(hex, "hex")),
  $float: (text) => (Number.isInteger(Number(text)) ? new Float(Number(text)) : Number(text)),
  $int: (digits) => BigInt(digits),
  $map: (pairs) => Object.fromEntries(pairs.map(([key, value]) => [key, valueOf(value)])),
};

export function bytesOf(hex) {
  return new Uint8Array(Buffer.from(hex, "hex"));
}
