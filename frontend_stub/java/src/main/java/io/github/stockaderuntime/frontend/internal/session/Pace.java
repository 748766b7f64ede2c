package io.github.stockaderuntime.frontend.internal.session;

/**
 * So many calls a second, and after a pause those of one second at once: the core counts in the
 * same way.
 */
final class Pace {
  private static final double SECOND = 1e9;

  private final double rate;
  private final double burst;
  private double tokens;
  private long at = -1;

  Pace(double rate) {
    this.rate = rate;
    this.burst = Math.max(1, rate);
    this.tokens = burst;
  }

  /**
   * Takes one call: 0 if it may be made now, else the nanoseconds until one may be, and nothing is
   * taken.
   */
  long take(long now) {
    if (at >= 0) {
      tokens = Math.min(burst, tokens + (now - at) / SECOND * rate);
    }
    at = now;
    if (tokens < 1) {
      return Math.max(1, (long) Math.ceil((1 - tokens) / rate * SECOND));
    }
    tokens--;
    return 0;
  }
}
