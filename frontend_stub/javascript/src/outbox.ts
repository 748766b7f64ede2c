/** Messages that wait to be sent, gathered into batches (protocol, section 5). Knows bytes alone, and no socket. */

import { isParcel, type Message, type Parcel } from "./raw.js";

/** The head of a batch takes at most so many bytes of a message's limit. */
export const LARGEST_HEAD = 3;

/** The head of a CBOR array of so many items, 0 ... 65535. */
function headOf(count: number): Uint8Array {
  if (count < 24) return Uint8Array.of(0x80 | count);
  if (count < 256) return Uint8Array.of(0x98, count);
  return Uint8Array.of(0x99, count >> 8, count & 0xff);
}

/**
 * Encoded messages in their order. `stir` is called when the first one is put behind a `take` that left nothing.
 *
 * `messages` and `size` bound one batch: their count, and its bytes; a single message is never larger than `size` (who
 * puts it in has checked). A message with raw frames is a batch of its own: it is large.
 */
export class Outbox {
  messages = 1;
  size = 0;
  /** Batches that were taken. */
  batches = 0;
  stir: () => void = () => {};
  #waiting: Message[] = [];
  /** The bytes of all that wait. */
  #bytes = 0;
  #parcels = 0;

  get length(): number {
    return this.#waiting.length;
  }

  put(message: Message): void {
    if (isParcel(message)) this.#parcels++;
    else this.#bytes += message.length;
    if (this.#waiting.push(message) === 1) this.stir();
  }

  /** What to send next, if anything: the frames of one message. */
  take(): readonly Uint8Array[] | undefined {
    const waiting = this.#waiting;
    if (waiting.length === 0) return undefined;
    this.batches++;
    const all = waiting.length <= this.messages && this.#bytes + LARGEST_HEAD <= this.size && this.#parcels === 0;
    if (!all) return this.#takeSome();
    const batch = Buffer.concat([headOf(waiting.length), ...(waiting as Uint8Array[])]);
    this.#waiting = [];
    this.#bytes = 0;
    return [batch];
  }

  #takeSome(): readonly Uint8Array[] {
    const first = this.#waiting[0] as Message;
    if (isParcel(first)) return this.#takeParcel(first);
    let count = 1;
    let size = LARGEST_HEAD + first.length;
    for (; count < Math.min(this.#waiting.length, this.messages); count++) {
      const message = this.#waiting[count] as Message;
      if (isParcel(message) || size + message.length > this.size) break;
      size += message.length;
    }
    this.#bytes -= size - LARGEST_HEAD;
    const chosen = this.#waiting.splice(0, count) as Uint8Array[];
    return [Buffer.concat([headOf(count), ...chosen])];
  }

  #takeParcel(parcel: Parcel): readonly Uint8Array[] {
    this.#waiting.shift();
    this.#parcels--;
    return [Buffer.concat([headOf(1), parcel.head]), ...parcel.frames];
  }
}
