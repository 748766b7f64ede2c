/** The emits socket: what waits for the core to listen, and for room, goes out in its order. Knows no name of an event. */

import type { XPublisher } from "zeromq";
import type { Closed, Ended } from "./errors.js";
import type { Prepared } from "./events.js";
import type { Session } from "./session.js";

/** Milliseconds until an emit is tried again for which there was no room: libzmq wakes nobody for an XPUB. */
const AGAIN = 2;

interface Waiting {
  readonly prepared: Prepared;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Emits {
  /** When the core's subscription has come: before it, an emit would be lost. */
  readonly welcome: Promise<void>;
  readonly #session: Session;
  readonly #socket: Pick<XPublisher, "send">;
  readonly #waiting: Waiting[] = [];
  #isWelcome = false;
  #isSending = false;
  #isOver = false;
  #beginning!: () => void;
  #whenGone: (() => void) | undefined;

  constructor(session: Session, socket: Pick<XPublisher, "send">) {
    this.#session = session;
    this.#socket = socket;
    this.welcome = new Promise((resolve) => {
      this.#beginning = resolve;
    });
  }

  /** A message of the socket: the core's subscription. Throws `Ended` for anything else. */
  receive(frames: readonly Uint8Array[]): void {
    this.#session.receiveSubscription(frames);
    this.#isWelcome = true;
    this.#beginning();
    this.#pump();
  }

  /** Emit; resolves when it has gone. */
  emit(prepared: Prepared): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ prepared, resolve, reject });
      this.#pump();
    });
  }

  /** When nothing waits any more. */
  gone(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenGone = resolve;
      if (this.#waiting.length === 0) resolve();
    });
  }

  /** The conversation is over. */
  abandon(error: Ended | Closed): void {
    this.#isOver = true;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #pump(): void {
    const first = this.#waiting[0];
    if (first === undefined) this.#whenGone?.();
    if (first === undefined || this.#isSending || !this.#isWelcome || this.#isOver) return;
    this.#isSending = true;
    this.#socket.send(this.#session.numberEmit(first.prepared) as never).then(
      () => this.#sent(first),
      (error: NodeJS.ErrnoException) => this.#unsent(first, error),
    );
  }

  #sent(first: Waiting): void {
    this.#isSending = false;
    if (this.#isOver) return;
    this.#session.emitted++;
    this.#waiting.shift();
    first.resolve();
    this.#pump();
  }

  #unsent(first: Waiting, error: NodeJS.ErrnoException): void {
    this.#isSending = false;
    if (this.#isOver) return;
    if (error.code === "EAGAIN") {
      setTimeout(() => this.#pump(), AGAIN);
    } else {
      this.#waiting.shift();
      first.reject(error);
      this.#pump();
    }
  }
}
