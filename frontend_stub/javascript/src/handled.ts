/**
 * Calls that this worker answers: what it exports, and what has been asked of it (protocol, section 5).
 *
 * Knows no function's inside and no socket: who runs the handlers is the face. Each call is answered here, once.
 */

import type { Channels, End } from "./channels.js";
import { CommandError, coreBroken, EncodeError } from "./errors.js";
import { errorMessage, type Fields, type Limits, NO_LIMITS, type Said, valuedMessage } from "./messages.js";
import { LARGEST_HEAD, type Outbox } from "./outbox.js";
import { type Frames, sizeOf } from "./raw.js";
import type { Timed, Timers } from "./timers.js";

/** What a command's name may have of characters. */
const NAME = 128;

/** A command that this worker answers, and how the core may use it. `handler` is the face's own. */
export interface Export {
  readonly handler: unknown;
  readonly concurrency: number;
  readonly idempotent: boolean;
}

/** A call that this worker answers. `done` once it is answered; `stopped` is why it should not go on, if so. */
export class Handled implements Timed {
  readonly id: number;
  readonly command: string;
  readonly values: Fields;
  readonly caller: string;
  readonly trace: string | undefined;
  readonly ends: ReadonlyMap<string, End>;
  /** On the clock that `now` is from. */
  deadline: number | undefined;
  done = false;
  stopped: CommandError | undefined;
  /** For whoever runs the handler. */
  whenStopped: ((why: CommandError) => void) | undefined;
  readonly #calls: HandledCalls;

  constructor(
    calls: HandledCalls,
    id: number,
    command: string,
    values: Fields,
    ends: ReadonlyMap<string, End>,
    said: Said | undefined,
  ) {
    this.#calls = calls;
    this.id = id;
    this.command = command;
    this.values = values;
    this.ends = ends;
    this.caller = said?.caller ?? "core";
    this.trace = said?.trace;
  }

  due(): void {
    this.#calls.expire(this);
  }
}

/** All of them. */
export class HandledCalls {
  readonly exports = new Map<string, Export>();
  limits: Limits = NO_LIMITS;
  /** Calls that have come. */
  count = 0;
  /** There is a call to begin. */
  whenAsked: () => void = () => {};
  /** A call should not go on: what was called for it should not either. */
  whenStopped: (handled: Handled) => void = () => {};
  readonly #label: string;
  readonly #outbox: Outbox;
  readonly #channels: Channels;
  readonly #timers: Timers;
  readonly #open = new Map<number, Handled>();
  /** Those that no handler runs yet, in their order, and how many handlers run, by command. */
  readonly #asked: Handled[] = [];
  readonly #running = new Map<string, number>();
  #last = 0;

  constructor(label: string, outbox: Outbox, channels: Channels, timers: Timers) {
    this.#label = label;
    this.#outbox = outbox;
    this.#channels = channels;
    this.#timers = timers;
  }

  get size(): number {
    return this.#open.size;
  }

  // -- what this worker says ------------------------------------------------------------------------------------------

  /** Answer this command. Throws RangeError for what cannot be exported. */
  export(name: string, what: Export): void {
    const length = [...name].length;
    if (length < 1 || length > NAME)
      throw new RangeError(`"${name}" is no command's name: it has 1 to ${NAME} characters`);
    if (this.exports.has(name)) throw new RangeError(`"${name}" is exported already`);
    if (!Number.isSafeInteger(what.concurrency) || what.concurrency < 1) {
      throw new RangeError(`"${name}" with a concurrency of ${what.concurrency}: it would never be called`);
    }
    this.exports.set(name, what);
  }

  /** What `ready` says of the exports. */
  said(): Map<string, object> {
    const said = new Map<string, object>();
    for (const [name, { concurrency, idempotent }] of this.exports) said.set(name, { concurrency, idempotent });
    return said;
  }

  /**
   * Its result; its channels stay open. What cannot be sent is an error for the caller, and thrown.
   *
   * A call that has been answered meanwhile, for its time was over, keeps that answer.
   */
  result(handled: Handled, value: unknown): void {
    if (handled.done) return;
    try {
      const encoded = valuedMessage("result", handled.id, value ?? null, this.limits.depth - 2);
      const size = sizeOf(encoded) + LARGEST_HEAD;
      if (size > this.limits.message) {
        throw new CommandError(
          "too_large",
          `a result of ${size} bytes, where a message may have ${this.limits.message}: stream it`,
        );
      }
      this.#done(handled);
      this.#outbox.put(encoded);
    } catch (error) {
      const isOurs = error instanceof EncodeError;
      this.fail(
        handled,
        isOurs
          ? new CommandError("failed", `the result of ${handled.command} cannot be sent`)
          : (error as CommandError),
      );
      throw error;
    }
  }

  /** Its error, with which its channels end too, unless it has been answered. */
  fail(handled: Handled, error: CommandError): void {
    if (handled.done) return;
    const stream = handled.ends.get("yield");
    if (stream !== undefined) this.#channels.finish(stream, error); // its end comes before the answer
    this.#done(handled);
    this.#outbox.put(errorMessage("error", handled.id, error, this.limits.depth - 2));
    for (const end of handled.ends.values()) this.#channels.close(end, error);
  }

  #done(handled: Handled): void {
    handled.done = true;
    this.#open.delete(handled.id);
  }

  // -- what the core says ---------------------------------------------------------------------------------------------

  /** The core asks. Throws `Ended` for what may not come. */
  call(id: number, command: string, values: Fields, said: Said | undefined, frames: Frames, now: number): void {
    if (id <= this.#last) throw coreBroken(`call ${id} after call ${this.#last}`);
    this.#last = id;
    this.count++;
    const ends = said === undefined ? NO_ENDS : this.#channels.accept(said.channels);
    if (said !== undefined) takeFrames(values, said.raw, frames);
    if ([...ends.keys()].some((name) => Object.hasOwn(values, name)))
      throw coreBroken("a call with an argument that stands in two places");
    const handled = new Handled(this, id, command, values, ends, said);
    this.#open.set(id, handled);
    const refusal = this.#refusal(handled, said);
    if (refusal !== undefined) this.fail(handled, refusal);
    else if (said?.deadline === 0) this.expire(handled);
    else this.#ask(handled, said?.deadline, now);
  }

  /** What is answered at once, if anything. */
  #refusal(handled: Handled, said: Said | undefined): CommandError | undefined {
    if (said?.insists !== undefined) {
      return new CommandError("bad_message", `the option "${said.insists}" is insisted on, and not known`);
    }
    if (this.exports.has(handled.command)) return undefined;
    return new CommandError("not_found", `${this.#label} does not export "${handled.command}"`);
  }

  #ask(handled: Handled, deadline: number | undefined, now: number): void {
    if (deadline !== undefined) {
      handled.deadline = now + deadline;
      this.#timers.add(handled.deadline, handled);
    }
    this.#asked.push(handled);
    this.whenAsked();
  }

  /** The core wants it no more. */
  cancel(id: number): void {
    if (id < 1 || id > this.#last) throw coreBroken(`a cancel of call ${id}, which was never made`);
    const handled = this.#open.get(id);
    if (handled !== undefined) this.stop(handled, new CommandError("cancelled", "the call was cancelled"));
  }

  /** Its time is over. */
  expire(handled: Handled): void {
    this.stop(handled, new CommandError("deadline_exceeded", `${handled.command} took longer than it had`));
  }

  /** It should not go on, and is answered so now, whatever its handler does. */
  stop(handled: Handled, why: CommandError): void {
    if (handled.stopped !== undefined || handled.done) return;
    handled.stopped = why;
    this.fail(handled, why);
    handled.whenStopped?.(why);
    this.whenStopped(handled);
  }

  /** This worker leaves: none goes on. */
  stopAll(why: CommandError): void {
    for (const handled of [...this.#open.values()]) this.stop(handled, why);
  }

  // -- for whoever runs the handlers ----------------------------------------------------------------------------------

  /**
   * The next one to run, if any. A handler that goes on behind its answer has its place still: of no command do more
   * run at a time than were promised. `finished` is to be called when it has ended.
   */
  begin(): Handled | undefined {
    for (let at = 0; at < this.#asked.length; at++) {
      const handled = this.#asked[at] as Handled;
      const running = this.#running.get(handled.command) ?? 0;
      if (handled.done || running < (this.exports.get(handled.command) as Export).concurrency) {
        this.#asked.splice(at--, 1);
        if (handled.done) continue;
        this.#running.set(handled.command, running + 1);
        return handled;
      }
    }
    return undefined;
  }

  /** Its handler has ended. */
  finished(handled: Handled): void {
    this.#running.set(handled.command, (this.#running.get(handled.command) as number) - 1);
    if (this.#asked.length > 0) this.whenAsked();
  }
}

const NO_ENDS: ReadonlyMap<string, End> = new Map();

function takeFrames(values: Fields, raw: ReadonlyMap<string, number>, frames: Frames): void {
  for (const [name, index] of raw) {
    if (Object.hasOwn(values, name)) throw coreBroken("a call with an argument that stands in two places");
    Object.defineProperty(values, name, {
      value: frames.take(index),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}
