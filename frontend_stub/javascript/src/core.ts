/** The connection of a worker to its core: the verbs, and the sockets' doings around the conversation. */

import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type { Asked, Manner } from "./calls.js";
import { CREDIT, Receiver, Sender } from "./channels.js";
import { Emits } from "./emits.js";
import { ReceiveChannel, SendChannel } from "./ends.js";
import { Closed, CommandError, Ended } from "./errors.js";
import type { Event } from "./events.js";
import type { Grants } from "./grants.js";
import { Handled } from "./handled.js";
import { type CommandHandler, type ExportOptions, handle, isGenerator, SERVING } from "./handling.js";
import { Link } from "./link.js";
import { type EventHandler, Listeners, Subscription } from "./listening.js";
import type { Fields, Limits } from "./messages.js";
import { say, takePlace } from "./place.js";
import { Session, type Statistics } from "./session.js";
import { VERSION } from "./version.js";

/** Milliseconds to wait for the core's answer to `bye`: it has one second for what was still to do. */
const LEAVE = 2000;
/** Milliseconds in which the core's last message may come behind the news that its connection is closed. */
const LAST_WORDS = 300;

/** How to connect. */
export interface ConnectOptions {
  /** Events that may wait for their handlers; what comes beyond is counted as missed. 1024 if missing. */
  readonly queue?: number;
  /** Whether floats of integral value are received as `Float`; else 1.0 is the number 1. */
  readonly floats?: boolean;
  /**
   * Whether the process ends by itself when the conversation is over but by `close`: it does, unless this is false; then
   * what is awaited rejects with `Ended`, whose `exitCode` the process should exit with.
   */
  readonly exit?: boolean;
}

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
  const core = Core.begin(options);
  isTaken = true;
  await core.connected;
  return core;
}

/** The connection. Made by `connect`. */
export class Core implements AsyncDisposable {
  /** When the core has welcomed this worker, and takes its emits. */
  readonly connected: Promise<unknown>;
  readonly #session: Session;
  readonly #link: Link;
  readonly #emits: Emits;
  readonly #exits: boolean;
  readonly #listeners: Listeners;
  #over: Ended | Closed | undefined;
  #isSending = false;
  #isDispatching = false;
  #isBeginning = false;
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Infinity;
  #running: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  #closing: Promise<void> | undefined;

  /** Read what the supervisor gave, bind the sockets and say hello. */
  static begin(options: ConnectOptions): Core {
    try {
      return new Core(options);
    } catch (error) {
      if (error instanceof Ended && options.exit !== false) exit(error);
      throw error;
    }
  }

  private constructor({ queue, floats, exit }: ConnectOptions) {
    const place = takePlace();
    const told = { stop: () => this.#running?.resolve() };
    this.#exits = exit !== false;
    this.#session = new Session(place.label, place.generation, `javascript/${VERSION}`, told, queue, floats);
    this.#session.outbox.stir = () => process.nextTick(this.#flush);
    this.#session.handled.whenAsked = () => this.#beginHandlers();
    this.#link = new Link(place, () => this.#end(new Ended("stopped", "the lifeline has ended")));
    this.#emits = new Emits(this.#session, this.#link.emits);
    this.#listeners = new Listeners(
      (topic) => {
        const answer = this.#session.subscribe(topic);
        this.#link.events.subscribe(topic);
        return answer;
      },
      (topic) => this.#over ?? this.#link.events.unsubscribe(topic),
    );
    this.connected = Promise.all([this.#session.hello(), this.#emits.welcome]);
    void this.#read(this.#link.commands, (frames) => this.#session.receive(frames, performance.now()));
    void this.#read(this.#link.events, (frames) => this.#receiveEvent(frames));
    void this.#read(this.#link.emits, (frames) => this.#emits.receive(frames));
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
    this.#check();
    const began = performance.now();
    await this.#session.ping();
    return performance.now() - began;
  }

  #ask(command: string, args: object, options: CallOptions | undefined): Asked {
    this.#check();
    options?.signal?.throwIfAborted();
    const serving = SERVING.getStore();
    const parent = serving instanceof Handled && (serving.stopped !== undefined || !serving.done) ? serving : undefined;
    const trace = options?.trace ?? serving?.trace;
    const manner = trace === undefined ? options : { ...options, trace };
    const asked = this.#session.calls.call(command, args as Fields, manner, parent, performance.now());
    if (options?.signal !== undefined) this.#heed(options.signal, asked);
    if (!asked.done && this.#session.timers.next() !== undefined) this.#setAlarm();
    return asked;
  }

  #heed(signal: AbortSignal, asked: Asked): void {
    const cancel = () => this.#session.calls.cancel(asked, signal.reason);
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
    this.#check();
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
    this.#check();
    return this.#emits.emit(this.#session.prepareEmit(event, payload, to, trace ?? SERVING.getStore()?.trace));
  }

  // -- answering ------------------------------------------------------------------------------------------------------

  /**
   * Answer a command, from `ready` on. The handler gets the arguments by name and the call that it handles; what it calls
   * belongs to that call: it has no more time, and is cancelled with it. Throws RangeError for what cannot be exported.
   */
  export(command: string, handler: CommandHandler, options: ExportOptions = {}): void {
    this.#check();
    if (this.#session.isReady) {
      throw new Error("what a worker exports is said with `ready`: export before that, and before `run`");
    }
    const { concurrency = 1, idempotent = false, streams = isGenerator(handler), args } = options;
    this.#session.handled.export(command, { handler: { handler, streams, args }, concurrency, idempotent });
  }

  // -- living ---------------------------------------------------------------------------------------------------------

  /** Say that this worker has set up what it needs. Once; `run` does it if it has not been done. */
  ready(): void {
    this.#check();
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
    this.#closing ??= this.#over === undefined ? this.#close() : Promise.resolve();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const session = this.#session;
    const patience = AbortSignal.timeout(LEAVE);
    await Promise.race([this.#emits.gone(), aborted(patience)]);
    if (this.#over !== undefined) return;
    await Promise.race([session.bye(), aborted(patience)]);
    if (this.#over !== undefined) return;
    if (session.state !== "left") say(`the core has not answered bye within ${LEAVE / 1000} s`);
    else if (session.emitsHandled !== session.emitted) {
      say(`the core has handled ${session.emitsHandled} of ${session.emitted} emits`);
    }
    this.#finish(new Closed("this connection has been closed"));
  }

  #check(): void {
    if (this.#over !== undefined) throw this.#over;
  }

  // -- ending ---------------------------------------------------------------------------------------------------------

  /** The conversation is over, and not by `close`. */
  #end(end: Ended): void {
    if (this.#over !== undefined) return;
    this.#finish(end);
    if (this.#exits) exit(end);
    if (end.exitCode !== 0) say(end.message);
  }

  #finish(end: Ended | Closed): void {
    this.#over = end;
    clearTimeout(this.#alarm);
    this.#link.close();
    if (!(end instanceof Ended && this.#exits)) {
      this.#session.abandon(end);
      this.#emits.abandon(end);
      if (end instanceof Ended) this.#running?.reject(end);
      else this.#running?.resolve();
    }
  }

  // -- sockets --------------------------------------------------------------------------------------------------------

  /** Hand over what comes on a socket until the end; what is no `Ended` is a bug of this package, and not hidden. */
  async #read(socket: { receive(): Promise<Uint8Array[]> }, receive: (frames: Uint8Array[]) => void): Promise<void> {
    while (this.#over === undefined) {
      let frames: Uint8Array[];
      try {
        frames = await socket.receive();
      } catch (error) {
        if (this.#over !== undefined) return; // closed
        throw error;
      }
      try {
        if (this.#over === undefined) receive(frames);
      } catch (error) {
        if (!(error instanceof Ended)) throw error;
        if (error.kind === "lost") void this.#lose(error);
        else this.#end(error);
      }
      if (this.#session.timers.next() !== undefined) this.#setAlarm();
    }
  }

  /** What the core said before it closed is the better reason, and may still be on its way on the other socket. */
  async #lose(end: Ended): Promise<void> {
    await pause(LAST_WORDS);
    if (this.#session.state !== "left") this.#end(end);
  }

  /** Send what has gathered. One message is on its way into ZeroMQ at a time; what comes meanwhile is the next batch. */
  readonly #flush = (): void => {
    if (this.#isSending || this.#over !== undefined) return;
    const frames = this.#session.outbox.take();
    if (frames === undefined) return;
    this.#isSending = true;
    this.#link.commands.send(frames as Uint8Array[]).then(this.#sent, this.#unsent);
  };

  readonly #sent = (): void => {
    this.#isSending = false;
    if (this.#session.outbox.length > 0) this.#flush();
  };

  readonly #unsent = (error: unknown): void => {
    if (this.#over === undefined) throw error;
  };

  /** Look again when something is due; one alarm for all that is. One that rings too early does no harm. */
  #setAlarm(): void {
    const when = this.#session.timers.next();
    if (when === undefined || when >= this.#alarmAt || this.#over !== undefined) return;
    clearTimeout(this.#alarm);
    this.#alarmAt = when;
    this.#alarm = setTimeout(this.#wake, Math.min(Math.max(0, Math.ceil(when - performance.now())), 2 ** 31 - 1));
  }

  readonly #wake = (): void => {
    this.#alarmAt = Infinity;
    this.#session.wake(performance.now());
    this.#setAlarm();
  };

  #receiveEvent(frames: readonly Uint8Array[]): void {
    this.#session.receiveEvent(frames);
    if (!this.#isDispatching) this.#dispatch().catch((error) => this.#fail(error));
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
    if (this.#session.inbox.length > 0) this.#dispatch().catch((next) => this.#fail(next));
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** End this process as a worker ends: at once, and with its reason on standard error unless that is how workers end. */
function exit(end: Ended): never {
  if (end.exitCode !== 0) say(end.message);
  process.exit(end.exitCode);
}
