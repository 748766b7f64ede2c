/** The ends of channels that a program sends on and receives from. Knows no socket. */

import { setImmediate } from "node:timers/promises";
import { type Asked, END } from "./calls.js";
import { Receiver, type Sender } from "./channels.js";
import { CommandError } from "./errors.js";
import type { Session } from "./session.js";

/** Items that may be sent without a pause: credit enough must not let a program hold the event loop. */
const UNBROKEN = 64;

/** An end to send on: pass it to one call as an argument that the command receives from, then `send`, and `end` it. */
export class SendChannel<Item = unknown> {
  readonly [END]: Sender;
  readonly #session: Session;
  #unbroken = 0;
  /** What waits for credit, one behind the other. */
  #last: Promise<void> | undefined;

  /** For `core.sendChannel()` alone. */
  constructor(session: Session, sender: Sender) {
    this.#session = session;
    this[END] = sender;
  }

  /**
   * Send one item. Waits while the receiver takes no more. What one turn of the event loop sends shares a message.
   *
   * Rejects with `cancelled` if the receiver wants no more, with the error of the call if it failed, with `too_large`,
   * and with EncodeError.
   */
  async send(item: Item): Promise<void> {
    const sender = this[END];
    if (!sender.isBound) throw new Error("nobody receives on this channel yet: pass it to a call");
    if (this.#last === undefined && sender.moves) return this.#send(item);
    const sending = this.#sendBehind(this.#last, item);
    this.#last = sending;
    try {
      await sending;
    } finally {
      if (this.#last === sending) this.#last = undefined;
    }
  }

  async #sendBehind(before: Promise<void> | undefined, item: Item): Promise<void> {
    await before?.catch(() => {}); // whoever sent it learns of it
    while (!this[END].moves) await this[END].change;
    this.#unbroken = 0;
    return this.#send(item);
  }

  async #send(item: Item): Promise<void> {
    this.#session.channels.send(this[END], item);
    if (++this.#unbroken < UNBROKEN) return;
    this.#unbroken = 0;
    await setImmediate();
  }

  /** Send each item of these, a readable stream among them, then end; with an error, if they fail. */
  async sendAll(items: Iterable<Item> | AsyncIterable<Item>): Promise<void> {
    try {
      for await (const item of items) await this.send(item);
    } catch (error) {
      this.fail(error instanceof CommandError ? error : new CommandError("failed", (error as Error).message));
      throw error;
    }
    await this.end();
  }

  /** Nothing more will be sent. Doing so again does nothing. */
  async end(): Promise<void> {
    if (this.#last !== undefined) await this.#last.catch(() => {});
    this.#session.channels.finish(this[END]);
  }

  /** Nothing more will be sent, and that is not all there should have been: the receiver gets this error. */
  fail(error: CommandError): void {
    this.#session.channels.finish(this[END], error);
  }
}

/**
 * An end to receive from: `for await (const item of channel)`. Leaving the loop early tells the sender that nothing more
 * is wanted.
 */
export class ReceiveChannel<Item = unknown> implements AsyncIterableIterator<Item> {
  readonly [END]: Receiver;
  readonly #session: Session;
  readonly #asked: Asked | undefined;

  /** For `core.receiveChannel()` and `core.stream()` alone; `asked` is the call whose stream it is. */
  constructor(session: Session, receiver: Receiver, asked?: Asked) {
    this.#session = session;
    this[END] = receiver;
    this.#asked = asked;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next item, or the end. Rejects with the error that ended the channel, behind all items. */
  async next(): Promise<IteratorResult<Item, undefined>> {
    const receiver = this[END];
    if (!receiver.isBound) throw new Error("nobody sends on this channel yet: pass it to a call");
    while (!receiver.moves) await receiver.change;
    if (receiver.items.length > 0) return { done: false, value: this.#session.channels.take(receiver) as Item };
    if (receiver.error !== undefined) throw receiver.error;
    return { done: true, value: undefined };
  }

  /** What a loop calls when it is left: `drop`. */
  async return(): Promise<IteratorResult<Item, undefined>> {
    this.drop();
    return { done: true, value: undefined };
  }

  /** Nothing more is wanted: the sender is told, and what has come is forgotten. Doing so again does nothing. */
  drop(): void {
    const receiver = this[END];
    receiver.items.length = 0;
    if (this.#asked !== undefined && receiver.id === 0) {
      // The call has not gone yet, and need not.
      this.#session.calls.cancel(this.#asked, new CommandError("cancelled", "its stream is not wanted"));
    }
    this.#session.channels.finish(receiver);
    receiver.error = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
  }
}

/** What a handler is given for a channel of the call that it handles. */
export function faceOf(session: Session, end: Sender | Receiver): SendChannel | ReceiveChannel {
  return end instanceof Receiver ? new ReceiveChannel(session, end) : new SendChannel(session, end);
}
