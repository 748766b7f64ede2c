/**
 * What can go wrong in a worker, and whose doing it is. Knows no socket.
 *
 *     CommandError    the core's answer, or this stub's own refusal of what the core would refuse: test its code
 *     EncodeError     the worker's: a value that cannot be sent; `path` says where
 *     Closed          the worker's: the connection has been closed
 *     Ended           the conversation is over, and the process with it: `exitCode` says how
 */

/** The codes of the protocol (section 5). An application's own contain a dot (`notes.locked`). */
export type Code =
  | "not_allowed"
  | "not_found"
  | "invalid_args"
  | "failed"
  | "cancelled"
  | "deadline_exceeded"
  | "busy"
  | "unavailable"
  | "too_large"
  | "bad_message"
  | "internal";

/** A call's answer when it is no result. Throw one in the handler of an exported command to answer with it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** One of the protocol's, or an application's own. */
  readonly code: string;
  /** For programs: any value, or null. */
  readonly data: unknown;

  constructor(code: Code | (string & {}), message = "", data: unknown = null, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }

  /** Whether `error` is a CommandError, and of one of these codes if any are given. */
  static is(error: unknown, ...codes: (Code | (string & {}))[]): error is CommandError {
    return error instanceof CommandError && (codes.length === 0 || codes.includes(error.code));
  }

  override toString(): string {
    return this.message ? `${this.code}: ${this.message}` : this.code;
  }
}

/** A value that cannot be sent (protocol, section 4): the worker's own bug. `path` says where: `name[3].size`. */
export class EncodeError extends TypeError {
  override readonly name = "EncodeError";
  readonly reason: string;
  readonly path: string;

  constructor(reason: string, path = "") {
    super(path ? `${path}: ${reason}` : reason);
    this.reason = reason;
    this.path = path;
  }

  /** The same, seen from one container further out; `place` is `.key` or `[index]`. */
  within(place: string): EncodeError {
    const joint = this.path === "" || this.path.startsWith("[") ? "" : ".";
    return new EncodeError(this.reason, place.replace(/^\./, "") + joint + this.path);
  }
}

/** The connection has been closed by this worker. */
export class Closed extends Error {
  override readonly name = "Closed";
}

/** Why a conversation is over, and the exit status that says so. */
export const ENDINGS = {
  /** The lifeline has ended: stop now, or the supervisor has gone. */
  stopped: 0,
  /** The core has gone. */
  lost: 1,
  /** The core did not accept the hello. */
  refused: 1,
  /** The core says that this worker broke the protocol. */
  breached: 1,
  /** No supervisor started this process. */
  started_by_hand: 2,
  /** The core broke the protocol. */
  core_broken: 70,
} as const;

export type Ending = keyof typeof ENDINGS;

/** The conversation is over, and nothing more can be said in it: a link is made for one process. */
export class Ended extends Error {
  override readonly name = "Ended";
  readonly kind: Ending;

  constructor(kind: Ending, reason: string) {
    super(reason);
    this.kind = kind;
  }

  /** The status that the process should exit with. */
  get exitCode(): number {
    return ENDINGS[this.kind];
  }
}

/** The core broke the protocol: what it said, and why that cannot be. */
export function coreBroken(reason: string): Ended {
  return new Ended("core_broken", reason);
}
