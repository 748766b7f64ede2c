/**
 * What this process was given as a worker: its environment, its secret, its lifeline (protocol, section 2).
 *
 * Knows no ZeroMQ. Everything here happens once per process, before anything else.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { Ended } from "./errors.js";
import { PROTOCOL } from "./messages.js";

const SECRET = /^[0-9a-f]{64}\n$/;

/** This worker's place: who it is, where its sockets belong, and the descriptor whose end-of-file ends it. */
export interface Place {
  readonly label: string;
  readonly generation: number;
  readonly sockets: string;
  readonly corePid: number | undefined;
  readonly secret: string;
  readonly lifeline: number;
}

/** Tell the operator: what a worker writes to standard error is in the log, with its label. */
export function say(reason: string): void {
  process.stderr.write(`stockade-frontend: ${reason}\n`);
}

function byHand(why: string): Ended {
  return new Ended(
    "started_by_hand",
    `this program is a Stockade worker: the supervisor that starts it gives it its sockets, and here is none (${why}).\n` +
      "Name it as `run` of a [[worker]] in stockade.toml, and start that with `stockade run`.",
  );
}

/**
 * Read the environment and the secret, and keep standard input as the lifeline: descriptor 0 is /dev/null after.
 *
 * Throws `Ended`: started by hand if there is no supervisor behind this process, stopped if it has gone.
 */
export function takePlace(environment: NodeJS.ProcessEnv = process.env): Place {
  const given = (name: string) => {
    const value = environment[name];
    if (!value) throw byHand(`${name} is not set`);
    return value;
  };
  const sockets = given("STOCKADE_SOCKETS");
  const protocol = given("STOCKADE_PROTOCOL");
  const label = given("STOCKADE_WORKER");
  const generation = Number(given("STOCKADE_GENERATION"));
  const corePid = Number(environment.STOCKADE_CORE_PID || 0);
  if (protocol !== String(PROTOCOL)) {
    const spoken = `the core speaks version ${protocol} of the protocol, this package version ${PROTOCOL}`;
    throw new Ended("started_by_hand", `${spoken}.\nInstall the stockade-frontend that belongs to the runtime.`);
  }
  if (!Number.isSafeInteger(generation) || generation < 1 || !Number.isSafeInteger(corePid)) {
    throw byHand("STOCKADE_GENERATION or STOCKADE_CORE_PID is no number");
  }
  const lifeline = takeStdin();
  const secret = readSecret(lifeline);
  if (lifeline !== 0) checkWriter(lifeline);
  return { label, generation, sockets, corePid: corePid || undefined, secret, lifeline };
}

/**
 * Move standard input out of the way, so that no child inherits the lifeline and nothing else reads it.
 *
 * Node has no dup: a pipe is opened once more by its name in /proc. Where that is not to be had (a socket; a sandbox
 * without /proc) the lifeline stays where it is.
 */
function takeStdin(): number {
  try {
    const kind = fstatSync(0);
    // A terminal would never end, and /dev/null at once, unsaid.
    if (!kind.isFIFO() && !kind.isSocket()) throw byHand("standard input is no pipe, which would bring the secret");
  } catch (error) {
    throw error instanceof Ended ? error : byHand("standard input is closed");
  }
  let lifeline: number;
  try {
    // A pipe whose writer has gone already would keep an open that may wait for ever.
    lifeline = openSync("/proc/self/fd/0", constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return 0;
  }
  closeSync(0);
  openSync("/dev/null", constants.O_RDONLY); // the lowest number that is free: 0
  return lifeline;
}

/** The first line. Byte by byte: what stands behind it, if ever, is not this function's to take. */
function readSecret(lifeline: number): string {
  const line = Buffer.alloc(65);
  for (let at = 0; at < line.length && line[at - 1] !== 0x0a; at++) {
    if (readByte(lifeline, line, at) === 0)
      throw new Ended("stopped", "the supervisor has gone before it gave the secret");
  }
  const secret = line.toString("latin1");
  if (!SECRET.test(secret)) throw byHand("the first line of standard input is no secret");
  return secret.slice(0, -1);
}

/**
 * Whether the supervisor is still there: of a pipe whose writer had gone before it was opened here, poll(2) never tells.
 */
function checkWriter(lifeline: number): void {
  try {
    if (readSync(lifeline, Buffer.alloc(1), 0, 1, null) === 0) throw new Ended("stopped", "the supervisor has gone");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
  }
}

/** How many bytes came: 0 at the end. A pipe that does not wait is asked again. */
function readByte(lifeline: number, line: Buffer, at: number): number {
  for (;;) {
    try {
      return readSync(lifeline, line, at, 1, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
