/** How often this worker may call, where the core limits it (protocol, section 5). Knows no clock and no call. */

/** So many calls a second, and after a pause those of one second at once: the core counts in the same way. */
export class Pace {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number | undefined;

  constructor(rate: number) {
    this.#rate = rate / 1000;
    this.#tokens = this.#burst = Math.max(1, rate);
  }

  /** Take one call: 0 if it may be made now, else the milliseconds until one may be, and nothing is taken. */
  take(now: number): number {
    if (this.#at !== undefined) this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#rate);
    this.#at = now;
    if (this.#tokens < 1) return (1 - this.#tokens) / this.#rate;
    this.#tokens -= 1;
    return 0;
  }
}
