/** The three sockets of a worker's link, bound in its own directory (protocol, section 3). Knows no message. */

import { Socket as Pipe } from "node:net";
import { Context, Dealer, Subscriber, XPublisher } from "zeromq";
import { Ended } from "./errors.js";
import type { Place } from "./place.js";

/** ZMQ_IPC_FILTER_PID, which zeromq.js does not name. */
const IPC_FILTER_PID = 58;
/** Batches that wait in libzmq for a core that does not read. More calls than `limits.calls` are never in them. */
const COMMANDS_QUEUE = 64;
/** Emits that wait so. Times the limit of an event this is what a stopped core can make this process hold. */
const EMITS_QUEUE = 256;

// Options by number are protected in zeromq.js: meant for those who derive from its sockets.

class Commands extends Dealer {
  acceptOnly(pid: number): void {
    this.setInt32Option(IPC_FILTER_PID, pid);
  }
}

class Events extends Subscriber {
  acceptOnly(pid: number): void {
    this.setInt32Option(IPC_FILTER_PID, pid);
  }
}

class Emits extends XPublisher {
  acceptOnly(pid: number): void {
    this.setInt32Option(IPC_FILTER_PID, pid);
  }
}

/** Commands, events, emits, and the lifeline. Throws `Ended` if it cannot bind. */
export class Link {
  readonly commands: Commands;
  readonly events: Events;
  readonly emits: Emits;
  readonly #lifeline: Pipe;

  constructor(place: Place, whenStopped: () => void) {
    // A socket takes the context out of its options: each is given its own.
    const context = new Context();
    const plain = { plainUsername: `${place.label}@${place.generation}`, plainPassword: place.secret, linger: 0 };
    this.commands = new Commands({ ...plain, context, sendHighWaterMark: COMMANDS_QUEUE });
    this.events = new Events({ ...plain, context });
    this.emits = new Emits({ ...plain, context, sendHighWaterMark: EMITS_QUEUE, noDrop: true });
    try {
      for (const [name, socket] of Object.entries({
        commands: this.commands,
        events: this.events,
        emits: this.emits,
      })) {
        if (place.corePid !== undefined) socket.acceptOnly(place.corePid);
        socket.bindSync(`${place.sockets}/${name}`);
      }
    } catch (error) {
      this.#closeSockets();
      throw new Ended(
        "started_by_hand",
        `the sockets of this worker cannot be bound in ${place.sockets}: ${(error as Error).message}`,
      );
    }
    this.#lifeline = new Pipe({ fd: place.lifeline, readable: true, writable: false });
    this.#lifeline
      .once("close", whenStopped)
      .on("error", () => {})
      .resume();
  }

  /** Close all. What has not been sent by now is lost: leave first. */
  close(): void {
    this.#closeSockets();
    this.#lifeline.removeAllListeners("close").destroy();
  }

  #closeSockets(): void {
    for (const socket of [this.commands, this.events, this.emits]) socket.close();
  }
}
