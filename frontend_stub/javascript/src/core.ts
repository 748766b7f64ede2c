/** The connection of a worker to its core: the verbs. Knows no socket. */

import { performance } from "node:perf_hooks";
import type { Asked, Manner } from "./calls.js";
import { CREDIT, Receiver, Sender } from "./channels.js";
import { ReceiveChannel, SendChannel } from "./ends.js";
import { type ConnectOptions, Endpoint } from "./endpoint.js";
import { CommandError, Ended } from "./errors.js";
import type { Event } from "./events.js";
import type { Grants } from "./grants.js";
import { Handled } from "./handled.js";
import { type CommandHandler, type ExportOptions, handle, isGenerator, SERVING } from "./handling.js";
import { type EventHandler, Listeners, Subscription } from "./listening.js";
import type { Fields, Limits } from "./messages.js";
import type { Session } from "./session.js";
import type { Statistics } from "./statistics.js";

/** How to make a call. */
export interface CallOptions extends Manner {
  /** Cancels the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How to make a call that yields. */
export interface StreamOptions extends CallOptions {
  /** Items that the command may be ahead; 64 if missing. */
  readonly credit?: number;
}

export interface EmitOptions {
  /** The worker that alone gets it. */
  readonly to?: string | undefined;
  readonly trace?: string | undefined;
}

/** A call that was begun. */
export interface Call<Result> {
  /** The answer. Its rejection is for whoever awaits it, and nobody has to. */
  readonly result: Promise<Result>;
  /** Nobody wants the answer any more: `result` rejects with `cancelled`, and the core is told. */
  cancel(): void;
}

let isTaken = false;

/**
 * Connect this worker to its core, once per process.
 *
 * A process that no supervisor started says so in two lines and exits with 2 (with `exit: false`: rejects with `Ended`).
 */
export async function connect(options: ConnectOptions = {}): Promise<Core> {
  if (isTaken) throw new Error("this process has connected before: a worker has one link, made for one connection");
  const core = new Core(options);
  isTaken = true;
  await core.connected;
  return core;
}

/** The connection. Made by `connect`. */
export class Core implements AsyncDisposable {
  readonly #endpoint: Endpoint;
  readonly #session: Session;
  readonly #listeners: Listeners;
  #isDispatching = false;
  #isBeginning = false;
  #running: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  #closing: Promise<void> | undefined;

  /** For `connect` alone. */
  constructor(options: ConnectOptions) {
    this.#endpoint = new Endpoint(
      {
        event: () => this.#wakeDispatch(),
        stop: () => this.#running?.resolve(),
        asked: () => this.#beginHandlers(),
        over: (end) => (end instanceof Ended ? this.#running?.reject(end) : this.#running?.resolve()),
      },
      options,
    );
    this.#session = this.#endpoint.session;
    this.#listeners = new Listeners(
      (topic) => this.#endpoint.subscribe(topic),
      (topic) => this.#endpoint.unsubscribe(topic),
    );
  }

  /** When the core has welcomed this worker, and takes its emits. `connect` awaits it. */
  get connected(): Promise<unknown> {
    return this.#endpoint.connected;
  }

  // -- who and what ---------------------------------------------------------------------------------------------------

  /** This worker's label. */
  get worker(): string {
    return this.#session.label;
  }

  /** Which start of this worker it is, from 1. */
  get generation(): number {
    return this.#session.generation;
  }

  /** What the core takes. */
  get limits(): Limits {
    return this.#session.limits;
  }

  /** What this worker may call, listen to and emit. */
  get grants(): Grants {
    return this.#session.grants;
  }

  /** Whether this worker is asked to finish. */
  get stopping(): boolean {
    return this.#session.stopping;
  }

  /**
   * Events meant for this worker that no handler will see: the core had to drop them, or `queue` was full. Those that the
   * core has sent behind the end of a subscription that it had not read yet look the same, and are counted too.
   */
  get missed(): number {
    return this.#session.inbox.missed;
  }

  statistics(): Statistics {
    return this.#session.statistics();
  }

  // -- calls ----------------------------------------------------------------------------------------------------------

  /**
   * Run a command in the core, and wait for its result. What one turn of the event loop asks goes out as one batch.
   *
   * Rejects with CommandError, whose `code` says what happened; with EncodeError for what cannot be sent. Arguments that
   * are undefined are left out.
   */
  invoke<Result = unknown>(command: string, args: object = NOTHING, options?: CallOptions): Promise<Result> {
    try {
      return this.#ask(command, args, options).promise as Promise<Result>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Begin a command, and go on. Its channels may be used at once. Throws what keeps it from being sent. */
  call<Result = unknown>(command: string, args: object = NOTHING, options?: CallOptions): Call<Result> {
    const asked = this.#ask(command, args, options);
    asked.promise.catch(() => {}); // it is for whoever awaits `result`
    return {
      result: asked.promise as Promise<Result>,
      cancel: () => this.#session.calls.cancel(asked, new CommandError("cancelled", `${command} was cancelled`)),
    };
  }

  /**
   * Run a command that yields, and receive what it does: `for await (const row of core.stream("rows.all"))`. Leaving the
   * loop closes the command. Throws what keeps it from being sent.
   */
  stream<Item = unknown>(command: string, args: object = NOTHING, options: StreamOptions = {}): ReceiveChannel<Item> {
    const receiver = new Receiver(options.credit ?? CREDIT);
    const asked = this.#ask(command, { ...args, yield: new ReceiveChannel(this.#session, receiver) }, options);
    asked.promise.catch(() => {}); // the stream ends with it
    return new ReceiveChannel<Item>(this.#session, receiver, asked);
  }

  /** An end to send on, to be passed to a call as an argument that the command receives from. */
  sendChannel<Item = unknown>(): SendChannel<Item> {
    return new SendChannel<Item>(this.#session, new Sender());
  }

  /** An end to receive from, to be passed to a call as an argument that the command sends on. */
  receiveChannel<Item = unknown>({ credit = CREDIT }: { credit?: number } = {}): ReceiveChannel<Item> {
    return new ReceiveChannel<Item>(this.#session, new Receiver(credit));
  }

  /** Ask whether the core is there: the milliseconds that the answer took. */
  async ping(): Promise<number> {
    this.#endpoint.check();
    const began = performance.now();
    await this.#session.ping();
    return performance.now() - began;
  }

  #ask(command: string, args: object, options: CallOptions | undefined): Asked {
    this.#endpoint.check();
    options?.signal?.throwIfAborted();
    const serving = SERVING.getStore();
    const parent = serving instanceof Handled && (serving.stopped !== undefined || !serving.done) ? serving : undefined;
    const trace = options?.trace ?? serving?.trace;
    const manner = trace === undefined ? options : { ...options, trace };
    const asked = this.#session.calls.call(command, args as Fields, manner, parent, performance.now());
    if (options?.signal !== undefined) this.#heed(options.signal, asked);
    if (manner !== undefined) this.#endpoint.setAlarm();
    return asked;
  }

  #heed(signal: AbortSignal, asked: Asked): void {
    const cancel = () => this.#session.calls.cancel(asked, signal.reason as Error);
    const forget = () => signal.removeEventListener("abort", cancel);
    signal.addEventListener("abort", cancel, { once: true });
    asked.promise.then(forget, forget);
  }

  // -- events ---------------------------------------------------------------------------------------------------------

  /**
   * Call `handler(event)` for each event of this name, or, if it ends in a slash, of a name that begins so. Handlers run
   * one after the other, in the order of the events; what one throws rejects `run`.
   *
   * Resolves when the core has answered: from then on nothing is missed uncounted. Rejects with `not_allowed` or `busy`,
   * and with RangeError for what is no event's name.
   */
  async listen(name: string, handler: EventHandler): Promise<Subscription> {
    return this.#listen(new Subscription(name, handler, false, (ended) => this.#listeners.remove(ended)));
  }

  /** `listen`, for one event. */
  async once(name: string, handler: EventHandler): Promise<Subscription> {
    return this.#listen(new Subscription(name, handler, true, (ended) => this.#listeners.remove(ended)));
  }

  async #listen(subscription: Subscription): Promise<Subscription> {
    this.#endpoint.check();
    try {
      await this.#listeners.add(subscription, this.limits.topics);
    } catch (error) {
      this.#listeners.remove(subscription);
      throw error;
    }
    return subscription;
  }

  /**
   * Emit an event, to all who listen or to one worker alone. Resolves when it has gone, in the order of the calls; it has
   * no answer: who needs to know invokes a command.
   *
   * Rejects with `not_allowed`, `too_large`, EncodeError, and RangeError for what is no event's name.
   */
  async emit(event: string, payload: unknown = null, { to, trace }: EmitOptions = {}): Promise<void> {
    this.#endpoint.check();
    return this.#endpoint.emits.emit(this.#session.prepareEmit(event, payload, to, trace ?? SERVING.getStore()?.trace));
  }

  // -- answering ------------------------------------------------------------------------------------------------------

  /**
   * Answer a command, from `ready` on. The handler gets the arguments by name and the call that it handles; what it calls
   * belongs to that call: it has no more time, and is cancelled with it. Throws RangeError for what cannot be exported.
   */
  export(command: string, handler: CommandHandler, options: ExportOptions = {}): void {
    this.#endpoint.check();
    if (this.#session.isReady) {
      throw new Error("what a worker exports is said with `ready`: export before that, and before `run`");
    }
    const { concurrency = 1, idempotent = false, streams = isGenerator(handler), args } = options;
    this.#session.handled.export(command, { handler: { handler, streams, args }, concurrency, idempotent });
  }

  // -- living ---------------------------------------------------------------------------------------------------------

  /** Say that this worker has set up what it needs. Once; `run` does it if it has not been done. */
  ready(): void {
    this.#endpoint.check();
    this.#session.ready();
  }

  /** Answer calls and handle events until the core asks this worker to stop. Rejects with what an event's handler throws. */
  async run(): Promise<void> {
    this.ready();
    if (this.#running !== undefined) throw new Error("run() is at work already");
    if (this.stopping) return;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#running = { resolve, reject };
      });
    } finally {
      this.#running = undefined;
    }
  }

  /**
   * Take leave: what was emitted is handled, what is in flight is answered, calls that are being handled are cancelled.
   * Two seconds at most. The end of `await using` does it.
   */
  close(): Promise<void> {
    this.#closing ??= this.#endpoint.over === undefined ? this.#endpoint.leave() : Promise.resolve();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // -- handlers ---------------------------------------------------------------------------------------------------------

  #wakeDispatch(): void {
    if (!this.#isDispatching && this.#session.inbox.length > 0) this.#dispatch().catch((error) => this.#fail(error));
  }

  /** Call the handlers of the events that wait, one after the other. */
  async #dispatch(): Promise<void> {
    this.#isDispatching = true;
    try {
      for (let event = this.#session.inbox.take(); event !== undefined; event = this.#session.inbox.take()) {
        for (const subscription of this.#listeners.take(event)) {
          const handled = this.#handleEvent(subscription, event);
          if (typeof (handled as PromiseLike<unknown> | undefined)?.then === "function") await handled;
        }
      }
    } finally {
      this.#isDispatching = false;
    }
  }

  #handleEvent(subscription: Subscription, event: Event): unknown {
    if (!subscription.once && !this.#listeners.has(subscription)) return undefined;
    return event.trace === undefined
      ? subscription.handler(event)
      : SERVING.run(event, () => subscription.handler(event));
  }

  /** An event's handler failed: `run` rejects, or, where nobody awaits that, the process learns of it. */
  #fail(error: unknown): void {
    if (this.#running === undefined) void Promise.reject(error);
    else this.#running.reject(error);
    this.#wakeDispatch();
  }

  /** Handlers begin behind the batch that asks for them, which may have more to say of the same call. */
  #beginHandlers(): void {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    queueMicrotask(() => {
      this.#isBeginning = false;
      for (let next = this.#session.handled.begin(); next !== undefined; next = this.#session.handled.begin()) {
        void handle(this.#session, next);
      }
    });
  }
}

const NOTHING: Fields = {};
