/** When something is to be looked at again. Knows no clock: `now` is given, in milliseconds of one that never goes back. */

/** What is timed; once it is `done` its time does not matter any more. */
export interface Timed {
  readonly done: boolean;
  /** Its time has come, or one of them. */
  due(now: number): void;
}

interface Entry {
  readonly when: number;
  readonly thing: Timed;
}

/** Below so many entries it is not worth looking for those that are done. */
const FEW = 64;

/**
 * Things and their times, a heap. One thing may stand in it several times.
 *
 * What is done stays until its time, but never more of it than there is of the rest, and a few: a thousand calls a
 * second with a minute each would otherwise leave sixty thousand behind.
 */
export class Timers {
  #heap: Entry[] = [];
  #full = FEW;

  /** Look at it then. */
  add(when: number, thing: Timed): void {
    this.#heap.push({ when, thing });
    this.#rise(this.#heap.length - 1);
    if (this.#heap.length > this.#full) this.#sweep();
  }

  /** The earliest time, if there is any. */
  next(): number | undefined {
    while (this.#heap[0]?.thing.done) this.#pop();
    return this.#heap[0]?.when;
  }

  /** Look at what is due by now, the earliest first; it is in here no more. */
  wake(now: number): void {
    for (let when = this.next(); when !== undefined && when <= now; when = this.next()) this.#pop().thing.due(now);
  }

  #sweep(): void {
    this.#heap = this.#heap.filter((entry) => !entry.thing.done).sort((a, b) => a.when - b.when);
    this.#full = Math.max(FEW, 2 * this.#heap.length);
  }

  #pop(): Entry {
    const heap = this.#heap;
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length > 0) {
      heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(at: number): void {
    for (let above = (at - 1) >> 1; at > 0 && this.#isBefore(at, above); above = (at - 1) >> 1) {
      this.#swap(at, above);
      at = above;
    }
  }

  #sink(at: number): void {
    for (;;) {
      let least = at;
      for (const below of [2 * at + 1, 2 * at + 2]) {
        if (below < this.#heap.length && this.#isBefore(below, least)) least = below;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    return (this.#heap[a] as Entry).when < (this.#heap[b] as Entry).when;
  }

  #swap(a: number, b: number): void {
    const entry = this.#heap[a] as Entry;
    this.#heap[a] = this.#heap[b] as Entry;
    this.#heap[b] = entry;
  }
}
