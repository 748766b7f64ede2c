/** Who listens to what. Knows no socket: whoever has it is told when a topic begins or ends to be listened to. */

import { CommandError } from "./errors.js";
import { type Event, topicOf, topicsFor } from "./events.js";

/** Called with each event; when it returns a promise, the next event waits for it. */
export type EventHandler = (event: Event) => unknown;

/** One handler that listens to one topic. */
export class Subscription {
  /** The event's name, or the prefix. */
  readonly name: string;
  readonly topic: string;
  readonly once: boolean;
  readonly handler: EventHandler;
  readonly #end: (subscription: Subscription) => void;

  constructor(name: string, handler: EventHandler, once: boolean, end: (subscription: Subscription) => void) {
    this.name = name;
    this.topic = topicOf(name);
    this.handler = handler;
    this.once = once;
    this.#end = end;
  }

  /** Call the handler no more, not even for events that have come and wait. Doing so again does nothing. */
  close(): void {
    this.#end(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A topic that is listened to, with the answer that its subscriptions share. */
interface Topic {
  readonly subscriptions: Set<Subscription>;
  readonly answer: Promise<void>;
}

/** All subscriptions, by topic, in the order in which they began. */
export class Listeners {
  readonly #topics = new Map<string, Topic>();
  readonly #begin: (topic: string) => Promise<void>;
  readonly #end: (topic: string) => void;

  /** `begin` subscribes, and returns the core's answer; `end` unsubscribes. */
  constructor(begin: (topic: string) => Promise<void>, end: (topic: string) => void) {
    this.#begin = begin;
    this.#end = end;
  }

  /** Put it in place; the core's answer. Throws CommandError, also if more than `limit` topics would be listened to. */
  add(subscription: Subscription, limit: number): Promise<void> {
    let topic = this.#topics.get(subscription.topic);
    if (topic === undefined) {
      if (this.#topics.size >= limit) {
        throw new CommandError(
          "busy",
          `${this.#topics.size} topics are listened to, and no more are taken (nothing was sent)`,
        );
      }
      topic = { subscriptions: new Set(), answer: this.#begin(subscription.topic) };
      this.#topics.set(subscription.topic, topic);
    }
    topic.subscriptions.add(subscription);
    return topic.answer;
  }

  remove(subscription: Subscription): void {
    const topic = this.#topics.get(subscription.topic);
    if (!topic?.subscriptions.delete(subscription) || topic.subscriptions.size > 0) return;
    this.#topics.delete(subscription.topic);
    this.#end(subscription.topic);
  }

  has(subscription: Subscription): boolean {
    return this.#topics.get(subscription.topic)?.subscriptions.has(subscription) ?? false;
  }

  /** The subscriptions for this event: to its name, then to its prefixes. Those that listen once do so no more. */
  take(event: Event): Subscription[] {
    const found = topicsFor(event.name).flatMap((topic) => [...(this.#topics.get(topic)?.subscriptions ?? [])]);
    for (const subscription of found) {
      if (subscription.once) this.remove(subscription);
    }
    return found;
  }
}
