/** Handlers of exported commands: how one is run, and what it can ask about the call that it handles. */

import { AsyncLocalStorage } from "node:async_hooks";
import { performance } from "node:perf_hooks";
import { Sender } from "./channels.js";
import { faceOf, SendChannel } from "./ends.js";
import { CommandError, EncodeError, Ended } from "./errors.js";
import type { Event } from "./events.js";
import type { Handled } from "./handled.js";
import type { Fields } from "./messages.js";
import { say } from "./place.js";
import type { Session } from "./session.js";

/**
 * What is called with the arguments of a call, channels among them, by name. What it returns is the result; what a
 * generator function yields is its stream.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a handler that is typed says what it expects
export type CommandHandler = (args: any, handling: Handling) => unknown;

/** How the core may use a command that this worker exports. */
export interface ExportOptions {
  /** How many calls at a time; 1 if missing. */
  readonly concurrency?: number;
  /** Whether a call that was lost with this process may be made again elsewhere; not, if missing. */
  readonly idempotent?: boolean;
  /** Whether it yields a stream: known of generator functions, but not of what wraps one. */
  readonly streams?: boolean;
  /**
   * The names of its arguments, with a question mark behind those that may be missing: `["name", "size?"]`. A call that
   * does not fit is answered `invalid_args`; without this, the handler gets whatever was sent.
   */
  readonly args?: readonly string[];
}

/** The handler of an exported command, as it is kept. */
export interface Runnable {
  readonly handler: CommandHandler;
  readonly streams: boolean;
  readonly args: readonly string[] | undefined;
}

/** The call, or the event, in whose handler this code runs: what is called there belongs to it. */
export const SERVING = new AsyncLocalStorage<Handled | Event>();

/** The call that is being handled. */
export class Handling {
  readonly #handled: Handled;
  #controller: AbortController | undefined;

  constructor(handled: Handled) {
    this.#handled = handled;
  }

  /** The name it was called by. */
  get command(): string {
    return this.#handled.command;
  }

  /** Who asks: the label of a worker, or `"core"`. */
  get caller(): string {
    return this.#handled.caller;
  }

  /** The W3C traceparent that it came with. What the handler calls and emits goes on with it by itself. */
  get trace(): string | undefined {
    return this.#handled.trace;
  }

  /** Milliseconds left, 0 at the least, or undefined if it has all the time. */
  get deadline(): number | undefined {
    const { deadline } = this.#handled;
    return deadline === undefined ? undefined : Math.max(0, deadline - performance.now());
  }

  /** Whether nobody waits for it any more: its time is over, or its caller has gone. */
  get cancelled(): boolean {
    return this.#handled.stopped !== undefined;
  }

  /** Aborts when nobody waits for it any more; its reason is a CommandError, `cancelled` or `deadline_exceeded`. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      if (this.#handled.stopped !== undefined) controller.abort(this.#handled.stopped);
      else this.#handled.whenStopped = (why) => controller.abort(why);
    }
    return this.#controller.signal;
  }

  /** Throw `cancelled`, or `deadline_exceeded`, if nobody waits for it any more: let it pass. */
  check(): void {
    if (this.#handled.stopped !== undefined) throw this.#handled.stopped;
  }
}

const GENERATORS = ["[object GeneratorFunction]", "[object AsyncGeneratorFunction]"];

export function isGenerator(handler: CommandHandler): boolean {
  return GENERATORS.includes(Object.prototype.toString.call(handler));
}

/** Run the handler of an exported command, and answer. Never rejects. */
export async function handle(session: Session, handled: Handled): Promise<void> {
  try {
    const runnable = session.handled.exports.get(handled.command)?.handler as Runnable | undefined;
    if (runnable === undefined) throw new CommandError("not_found", `nothing answers ${handled.command}`);
    const value = await run(session, handled, runnable);
    conclude(session, handled, value);
  } catch (error) {
    if (!handled.done) session.handled.fail(handled, refusal(error, handled, session.label));
  }
  session.handled.finished(handled);
}

async function run(session: Session, handled: Handled, { handler, streams, args }: Runnable): Promise<unknown> {
  checkStream(handled, streams);
  const given = argumentsOf(session, handled);
  if (args !== undefined) checkArguments(given, args);
  return SERVING.run(handled, async () => {
    const made = await handler(given, new Handling(handled));
    return streams ? stream(session, handled, made as AsyncIterable<unknown>) : made;
  });
}

function checkArguments(given: Fields, args: readonly string[]): void {
  for (const name of args) {
    if (!name.endsWith("?") && !Object.hasOwn(given, name)) {
      throw new CommandError("invalid_args", `the argument ${name} is missing`, { path: name });
    }
  }
  for (const name of Object.keys(given)) {
    if (!args.includes(name) && !args.includes(`${name}?`)) {
      throw new CommandError("invalid_args", `there is no argument ${name}`, { path: name });
    }
  }
}

function argumentsOf(session: Session, handled: Handled): Fields {
  const given = { ...handled.values };
  for (const [name, end] of handled.ends) {
    if (name !== "yield") given[name] = faceOf(session, end);
  }
  return given;
}

function checkStream(handled: Handled, streams: boolean): void {
  const isAsked = handled.ends.has("yield");
  if (streams && !isAsked) throw new CommandError("invalid_args", `${handled.command} streams: stream() it`);
  if (!streams && isAsked) throw new CommandError("invalid_args", `${handled.command} does not stream: invoke() it`);
}

/** Send what a generator yields; leaving the loop closes it when nobody wants the rest. */
async function stream(session: Session, handled: Handled, items: AsyncIterable<unknown>): Promise<null> {
  const end = handled.ends.get("yield");
  if (!(end instanceof Sender)) throw new CommandError("invalid_args", "what a command yields it sends");
  const channel = new SendChannel(session, end);
  for await (const item of items) {
    try {
      await channel.send(item);
    } catch (error) {
      if (end.over && !handled.done) return null; // dropped: an end like another
      throw error;
    }
  }
  await channel.end();
  return null;
}

/** Answer. What cannot be sent as a result is an error for the caller, and said here. */
function conclude(session: Session, handled: Handled, value: unknown): void {
  try {
    session.handled.result(handled, value);
  } catch (fault) {
    if (!(fault instanceof EncodeError) && !(fault instanceof CommandError)) throw fault;
    say(`the result of ${handled.command} cannot be sent: ${fault.message}`);
  }
}

/** What the caller learns of what a handler threw: an answer as it is; of everything else the log has the rest. */
function refusal(error: unknown, handled: Handled, label: string): CommandError {
  if (error instanceof CommandError) return error;
  const reference = `${label}/${handled.id}`;
  say(`${handled.command} failed (reference ${reference})`);
  if (!(error instanceof Ended)) console.error(error);
  const message = `the command failed; the log of its worker has the reason as ${reference}`;
  return new CommandError("failed", message, { reference });
}
