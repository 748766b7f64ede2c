/**
 * The worker's end of its link: the sockets and the conversation together, on Node's event loop. Knows no verb of the
 * public face.
 */

import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { Emits } from "./emits.js";
import { Closed, Ended } from "./errors.js";
import { Link } from "./link.js";
import { say, takePlace } from "./place.js";
import { Session } from "./session.js";
import { VERSION } from "./version.js";

/** Milliseconds to wait for the core's answer to `bye`: it has one second for what was still to do. */
const LEAVE = 2000;
/** Milliseconds in which the core's last message may come behind the news that its connection is closed. */
const LAST_WORDS = 300;
/** The longest that a timer of Node's can be set to. */
const LONGEST_ALARM = 2 ** 31 - 1;

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

/** What is told to the face. */
export interface Face {
  /** An event has come. */
  event(): void;
  /** The core asks this worker to finish. */
  stop(): void;
  /** There are calls to begin. */
  asked(): void;
  /** The conversation is over. */
  over(end: Ended | Closed): void;
}

export class Endpoint {
  readonly session: Session;
  readonly emits: Emits;
  /** When the core has welcomed this worker, and takes its emits. */
  readonly connected: Promise<unknown>;
  /** Why nothing more can be said, once it is so. */
  over: Ended | Closed | undefined;
  readonly #link: Link;
  readonly #face: Face;
  readonly #exits: boolean;
  #isSending = false;
  /** Whether a turn is about to be ended: what is put until then goes with it. */
  #isTurning = false;
  #isReading = false;
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Infinity;

  /** Read what the supervisor gave, bind the sockets and say hello. Throws `Ended`, or ends the process. */
  constructor(face: Face, { queue, floats, exit = true }: ConnectOptions) {
    try {
      const place = takePlace();
      this.#link = new Link(place, () => this.#end(new Ended("stopped", "the lifeline has ended")));
      this.session = new Session(place.label, place.generation, `javascript/${VERSION}`, face, queue, floats);
    } catch (error) {
      if (error instanceof Ended && exit) endProcess(error);
      throw error;
    }
    this.#face = face;
    this.#exits = exit;
    this.session.outbox.stir = this.#endTurn;
    this.emits = new Emits(this.session, this.#link.emits);
    this.connected = Promise.all([this.session.hello(), this.emits.welcome]);
    this.#readCommands();
    void this.#read(this.#link.events, (frames) => {
      this.session.receiveEvent(frames);
      face.event();
    });
    void this.#read(this.#link.emits, (frames) => this.emits.receive(frames));
  }

  /** Throw what has ended the conversation, if it has. */
  check(): void {
    if (this.over !== undefined) throw this.over;
  }

  /** Subscribe to a topic, with its bar or slash; the core's answer. */
  subscribe(topic: string): Promise<void> {
    const answer = this.session.subscribe(topic);
    this.#link.events.subscribe(topic);
    return answer;
  }

  unsubscribe(topic: string): void {
    if (this.over === undefined) this.#link.events.unsubscribe(topic);
  }

  // -- sending ----------------------------------------------------------------------------------------------------------

  /**
   * Node runs this when no promise has anything more to do: then all that one turn of the event loop asks has been put.
   */
  readonly #endTurn = (): void => {
    if (this.#isTurning) return;
    this.#isTurning = true;
    process.nextTick(this.#turned);
  };

  readonly #turned = (): void => {
    this.#isTurning = false;
    this.#flush();
    // Behind the sending, and not as soon as the last was read: while a read is under way, each send looks for it too.
    if (!this.#isReading) this.#readCommands();
  };

  /** One message is on its way into ZeroMQ at a time; what comes meanwhile is the next batch. */
  #flush(): void {
    if (this.#isSending || this.over !== undefined) return;
    const frames = this.session.outbox.take();
    if (frames === undefined) return;
    this.#isSending = true;
    this.#link.commands.send(frames as Uint8Array[]).then(this.#sent, this.#unsent);
  }

  readonly #sent = (): void => {
    this.#isSending = false;
    if (this.session.outbox.length > 0) this.#flush();
  };

  readonly #unsent = (error: unknown): void => {
    if (this.over === undefined) throw error;
  };

  // -- receiving --------------------------------------------------------------------------------------------------------

  #readCommands(): void {
    if (this.over !== undefined) return;
    this.#isReading = true;
    this.#link.commands.receive().then(this.#received, this.#unsent);
  }

  readonly #received = (frames: Uint8Array[]): void => {
    this.#isReading = false;
    this.#guard(() => this.session.receive(frames, performance.now()));
    this.#endTurn();
    this.setAlarm();
  };

  /** Hand over what comes on a socket until the end. */
  async #read(socket: { receive(): Promise<Uint8Array[]> }, receive: (frames: Uint8Array[]) => void): Promise<void> {
    while (this.over === undefined) {
      const frames = await socket.receive().catch(this.#unsent);
      if (frames !== undefined) this.#guard(() => receive(frames));
    }
  }

  /** What ends the conversation ends it; anything else that is thrown is a bug of this package, and not hidden. */
  #guard(receive: () => void): void {
    if (this.over !== undefined) return;
    try {
      receive();
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      if (error.kind === "lost") void this.#lose(error);
      else this.#end(error);
    }
  }

  // -- time -------------------------------------------------------------------------------------------------------------

  /** Look again when something is due; one alarm for all that is. One that rings too early does no harm. */
  setAlarm(): void {
    const when = this.session.timers.next();
    if (when === undefined || when >= this.#alarmAt || this.over !== undefined) return;
    clearTimeout(this.#alarm);
    this.#alarmAt = when;
    this.#alarm = setTimeout(this.#wake, Math.min(Math.max(0, Math.ceil(when - performance.now())), LONGEST_ALARM));
  }

  readonly #wake = (): void => {
    this.#alarmAt = Infinity;
    this.session.wake(performance.now());
    this.setAlarm();
  };

  // -- ending -----------------------------------------------------------------------------------------------------------

  /** Take leave, and close. */
  async leave(): Promise<void> {
    const { session } = this;
    const patience = aborted(AbortSignal.timeout(LEAVE));
    await Promise.race([this.emits.gone(), patience]);
    if (this.over !== undefined) return;
    await Promise.race([session.bye(), patience]);
    if (this.over !== undefined) return;
    if (session.state !== "left") {
      say(`the core has not answered bye within ${LEAVE / 1000} s`);
    } else if (session.emitsHandled !== session.emitted) {
      say(`the core has handled ${session.emitsHandled} of ${session.emitted} emits`);
    }
    this.#finish(new Closed("this connection has been closed"));
  }

  /** The core's connection is closed. What it said before is the better reason, and may be on its way. */
  async #lose(end: Ended): Promise<void> {
    await pause(LAST_WORDS);
    if (this.session.state !== "left") this.#end(end);
  }

  /** The conversation is over, and not by `leave`. */
  #end(end: Ended): void {
    if (this.over !== undefined) return;
    if (this.#exits) endProcess(end);
    if (end.exitCode !== 0) say(end.message);
    this.#finish(end);
  }

  #finish(end: Ended | Closed): void {
    this.over = end;
    clearTimeout(this.#alarm);
    this.#link.close();
    this.session.abandon(end);
    this.emits.abandon(end);
    this.#face.over(end);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** End this process as a worker ends: at once, and with its reason on standard error unless that is how workers end. */
function endProcess(end: Ended): never {
  if (end.exitCode !== 0) say(end.message);
  process.exit(end.exitCode);
}
