/**
 * The channels of one worker's conversation (protocol, section 5): who may send, what has come, how each ends.
 *
 * Knows no call and no socket. A channel is one-way; a worker numbers those that it opens odd, the core even.
 */

import { CommandError, coreBroken } from "./errors.js";
import { errorMessage, type Limits, message, NO_LIMITS, type Offer, valuedMessage } from "./messages.js";
import { LARGEST_HEAD, type Outbox } from "./outbox.js";
import { sizeOf } from "./raw.js";

/** Items that a sender may be ahead of its receiver, unless the receiver says otherwise. */
export const CREDIT = 64;

/** What the two kinds of ends have in common. `id` is 0 until the call that passes it is sent. */
abstract class Half {
  id = 0;
  /** Whether a call has it. */
  isBound = false;
  /** Whether nothing more can be sent or will come, and why, if not because it was just ended. */
  over = false;
  error: Error | undefined;
  #change: Promise<void> | undefined;
  #stir: (() => void) | undefined;

  /** Whether there is no reason to wait. */
  abstract readonly moves: boolean;

  /** When there may be no reason to wait any more. Several may wait for the same. */
  get change(): Promise<void> {
    this.#change ??= new Promise((resolve) => {
      this.#stir = resolve;
    });
    return this.#change;
  }

  /** Whoever waits for a change may look again. */
  stir(): void {
    this.#stir?.();
    this.#change = this.#stir = undefined;
  }
}

/** The end that sends. `credit` is how many items it may send now. */
export class Sender extends Half {
  credit = 0;

  override get moves(): boolean {
    return this.credit > 0 || this.over;
  }

  /** What the call that passes it says of it, behind its id. */
  offer(): object {
    return { to: "callee" };
  }

  /** The call was not taken; it will be made again. */
  reset(): void {
    this.id = this.credit = 0;
  }
}

/** The end that receives, at most `window` items ahead of whoever takes them. */
export class Receiver extends Half {
  readonly window: number;
  /** Items that may still come. */
  granted: number;
  /** Items that were taken, and for which no new credit has been granted yet. */
  owed = 0;
  readonly items: unknown[] = [];

  constructor(window: number) {
    super();
    if (!Number.isSafeInteger(window) || window < 1)
      throw new RangeError(`a channel needs a credit of 1 or more, not ${window}`);
    this.window = this.granted = window;
  }

  override get moves(): boolean {
    return this.items.length > 0 || this.over;
  }

  offer(): object {
    return { to: "caller", credit: this.window };
  }

  reset(): void {
    this.id = 0;
  }
}

export type End = Sender | Receiver;
export type Ends = ReadonlyMap<string, End>;

/** All that are open, and the numbers of those that were. Throws `Ended` for what the core may not say. */
export class Channels {
  limits: Limits = NO_LIMITS;
  /** What came for channels that had ended, and was ignored. */
  ignored = 0;
  readonly #outbox: Outbox;
  readonly #open = new Map<number, End>();
  #own = 0;
  #lastOwn = -1;
  #lastOfCore = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get size(): number {
    return this.#open.size;
  }

  // -- opening --------------------------------------------------------------------------------------------------------

  /** Whether so many more may be opened from here. */
  hasRoom(count: number): boolean {
    return this.#own + count <= this.limits.channels;
  }

  /** The option of a call that passes these, with the next ids; `open` makes them so when it is sent. */
  offers(ends: Ends): Record<string, object> {
    const first = this.#lastOwn + 2;
    return Object.fromEntries([...ends].map(([name, end], at) => [name, { id: first + 2 * at, ...end.offer() }]));
  }

  /** The call that passes them is sent. */
  open(ends: Ends): void {
    for (const end of ends.values()) {
      end.id = this.#lastOwn += 2;
      this.#open.set(end.id, end);
      this.#own++;
    }
  }

  /** The call that passes them has been put: what this side has ended while it was held is said now. */
  endEnded(ends: Ends): void {
    for (const end of ends.values()) {
      if (end.over && this.#forget(end)) this.#sayFarewell(end, end.error);
    }
  }

  /** The channels that a call of the core's opens. As a receiver this side grants a first credit at once. */
  accept(offers: ReadonlyMap<string, Offer>): Map<string, End> {
    const last = this.#lastOfCore;
    const ends = new Map<string, End>();
    for (const [name, offer] of offers) {
      if (offer.id % 2 === 1 || offer.id <= last || this.#open.has(offer.id)) {
        throw coreBroken(`a call that opens channel ${offer.id}, where the last was ${last}`);
      }
      this.#lastOfCore = Math.max(this.#lastOfCore, offer.id);
      const end = offer.toCallee ? new Receiver(CREDIT) : new Sender();
      if (end instanceof Sender) end.credit = offer.credit;
      else this.#outbox.put(message("credit", offer.id, CREDIT));
      end.id = offer.id;
      end.isBound = true;
      this.#open.set(offer.id, end);
      ends.set(name, end);
    }
    return ends;
  }

  // -- what this worker says ------------------------------------------------------------------------------------------

  /** Send an item, for which there must be credit. Throws EncodeError, CommandError, and what has ended it. */
  send(sender: Sender, value: unknown): void {
    if (sender.over) throw sender.error ?? new Error("this channel has been ended, so nothing more can be sent on it");
    const encoded = valuedMessage("item", sender.id, value ?? null, this.limits.depth - 2);
    const size = sizeOf(encoded) + LARGEST_HEAD;
    if (size > this.limits.message) {
      throw new CommandError(
        "too_large",
        `an item of ${size} bytes, where a message may have ${this.limits.message}: send it in parts`,
      );
    }
    sender.credit--;
    this.#outbox.put(encoded);
  }

  /** The next item, which must be there. What was taken is granted anew, half of the window at a time. */
  take(receiver: Receiver): unknown {
    const item = receiver.items.shift();
    receiver.owed++;
    if (!receiver.over && 2 * receiver.owed >= receiver.window) {
      this.#outbox.put(message("credit", receiver.id, receiver.owed));
      receiver.granted += receiver.owed;
      receiver.owed = 0;
    }
    return item;
  }

  /** This side ends it, a sender with an error if it could not send everything. Doing so again does nothing. */
  finish(end: End, error?: Error): void {
    if (end.over) return;
    if (this.#open.has(end.id)) this.#sayFarewell(end, error);
    this.close(end, error);
  }

  #sayFarewell(end: End, error: Error | undefined): void {
    if (end instanceof Receiver) this.#outbox.put(message("drop", end.id));
    else if (error === undefined) this.#outbox.put(message("end", end.id));
    else this.#outbox.put(errorMessage("end", end.id, asAnswer(error), this.limits.depth - 2));
  }

  // -- what the core says ---------------------------------------------------------------------------------------------

  /** An item has come. */
  item(id: number, value: unknown): void {
    const end = this.#find(id, "an item", Receiver);
    if (end === undefined) return;
    if (end.granted === 0) throw coreBroken(`an item on channel ${id} over its credit`);
    end.granted--;
    end.items.push(value);
    end.stir();
  }

  /** Its sender, the core, has ended it. */
  ended(id: number, error: CommandError | undefined): void {
    const end = this.#find(id, "an end", Receiver);
    if (end !== undefined) this.close(end, error);
  }

  /** Its receiver, the core, takes so many more. */
  credit(id: number, count: number): void {
    const end = this.#find(id, "credit", Sender);
    if (count < 1 || count > Number.MAX_SAFE_INTEGER - (end?.credit ?? 0))
      throw coreBroken(`a credit of ${count} on channel ${id}`);
    if (end === undefined) return;
    end.credit += count;
    end.stir();
  }

  /** Its receiver, the core, wants nothing more. */
  dropped(id: number): void {
    const end = this.#find(id, "a drop", Sender);
    if (end !== undefined)
      this.close(end, new CommandError("cancelled", "its receiver wants nothing more of this channel"));
  }

  /** The open end of this kind; undefined, and counted, for one that has ended. */
  #find<Kind extends End>(id: number, what: string, kind: new (window: number) => Kind): Kind | undefined {
    const end = this.#open.get(id);
    if (end instanceof kind) return end;
    if (end !== undefined) throw coreBroken(`${what} on channel ${id}, from its wrong end`);
    if (id === 0 || id > (id % 2 === 1 ? this.#lastOwn : this.#lastOfCore)) {
      throw coreBroken(`${what} on channel ${id}, which was never opened`);
    }
    this.ignored++;
    return undefined;
  }

  // -- the end --------------------------------------------------------------------------------------------------------

  /** It has ended, for both sides, and nothing more is said of it. */
  close(end: End, error: Error | undefined): void {
    this.#forget(end);
    if (end.over) return;
    end.over = true;
    end.error = error;
    end.stir();
  }

  /** The call that opened them never ran, and will be made again: as if they had not been opened. */
  forget(ends: Ends): void {
    for (const end of ends.values()) {
      this.#forget(end);
      end.reset();
    }
  }

  /** The conversation is over. */
  closeAll(error: Error = new CommandError("unavailable", "the conversation with the core has ended")): void {
    for (const end of [...this.#open.values()]) this.close(end, error);
  }

  #forget(end: End): boolean {
    if (this.#open.get(end.id) !== end) return false;
    if (end.id % 2 === 1) this.#own--;
    return this.#open.delete(end.id);
  }
}

/** What the other side learns of it. */
function asAnswer(error: Error): CommandError {
  return error instanceof CommandError ? error : new CommandError("failed", error.message);
}
