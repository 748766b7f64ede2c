/** Bytes that travel as frames of their own, behind a batch (protocol, section 5). Knows no message and no socket. */

import { coreBroken } from "./errors.js";
import { integer } from "./wire.js";

/** More frames than these are behind no batch. */
export const FRAMES = 63;
/**
 * From so many bytes on they travel raw. Measured, writing and reading without a socket, on a busy machine: 1 KiB takes
 * as long either way, 16 KiB a fifth (13 µs instead of 63), 64 KiB a quarter, 1 MiB less than half.
 */
export const THRESHOLD = 16 * 1024;

/** A message, or a batch, and the raw frames that it refers to as 1, 2, ... */
export interface Parcel {
  readonly head: Uint8Array;
  readonly frames: readonly Uint8Array[];
}

export type Message = Uint8Array | Parcel;

export function isParcel(message: Message): message is Parcel {
  return !(message instanceof Uint8Array);
}

/** Bytes of all of it. */
export function sizeOf(message: Message): number {
  if (!isParcel(message)) return message.length;
  return message.frames.reduce((size, frame) => size + frame.length, message.head.length);
}

export function isRaw(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length >= THRESHOLD;
}

/** Bytes as they are to be sent. The program may change its own before ZeroMQ has sent them, so they are copied. */
export function frameOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes);
}

/** The raw frames behind one batch; each is to be referred to once. Throws `Ended` for the core's faults. */
export class Frames {
  readonly #frames: (Uint8Array | undefined)[];
  #left: number;

  constructor(frames: readonly Uint8Array[]) {
    if (frames.length > FRAMES) throw coreBroken(`${frames.length} raw frames behind a batch, where ${FRAMES} may be`);
    this.#frames = [...frames];
    this.#left = frames.length;
  }

  /** The frame of this index, as bytes that belong to the program. */
  take(index: unknown): Uint8Array {
    const at = (integer(index) ?? 0) - 1;
    const frame = this.#frames[at];
    if (frame === undefined) {
      throw coreBroken(`a raw frame ${String(index)} that there is not, or that was referred to before`);
    }
    this.#frames[at] = undefined;
    this.#left--;
    return new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  /** The value of a result or an item: as it stands, or the frame that its options put in its place. */
  of(value: unknown, options: Record<string, unknown>): unknown {
    if (!Object.hasOwn(options, "raw")) return value;
    if (value !== null) throw coreBroken("a raw value beside another");
    return this.take(options.raw);
  }

  /** The batch has been read. */
  checkAllTaken(): void {
    if (this.#left > 0) throw coreBroken(`${this.#left} raw frames that no message refers to`);
  }
}
