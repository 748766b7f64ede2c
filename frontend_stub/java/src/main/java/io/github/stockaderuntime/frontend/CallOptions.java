package io.github.stockaderuntime.frontend;

import java.time.Duration;
import java.util.Optional;

/**
 * How to call, beyond the command and its arguments: {@code
 * core.with(CallOptions.DEFAULT.timeout(...)).invoke(...)}.
 *
 * @param timeout how long to wait, after which the command is cancelled; empty: the core's own
 *     ({@link Limits#deadline}), unless it is {@code unlimited}
 * @param unlimited whether to wait as long as it takes
 * @param waits whether to try again while the core is busy; without, that is an error at once
 * @param idempotent whether the command may be run again, should the worker that runs it die
 * @param trace the W3C traceparent to go along
 */
public record CallOptions(
    Optional<Duration> timeout,
    boolean unlimited,
    boolean waits,
    boolean idempotent,
    Optional<String> trace) {
  /** Those of a call that says nothing. */
  public static final CallOptions DEFAULT =
      new CallOptions(Optional.empty(), false, true, false, Optional.empty());

  /**
   * To end the wait by then.
   *
   * @param within a duration; below zero counts as zero
   * @return options that differ in this
   */
  public CallOptions timeout(Duration within) {
    return new CallOptions(Optional.of(within), false, waits, idempotent, trace);
  }

  /**
   * To wait as long as it takes.
   *
   * @return options that differ in this
   */
  public CallOptions withoutTimeout() {
    return new CallOptions(Optional.empty(), true, waits, idempotent, trace);
  }

  /**
   * To fail at once while the core is busy.
   *
   * @return options that differ in this
   */
  public CallOptions withoutWaiting() {
    return new CallOptions(timeout, unlimited, false, idempotent, trace);
  }

  /**
   * To say that the command may be run twice.
   *
   * @return options that differ in this
   */
  public CallOptions asIdempotent() {
    return new CallOptions(timeout, unlimited, waits, true, trace);
  }

  /**
   * To begin a trace.
   *
   * @param traceparent as W3C Trace Context has it
   * @return options that differ in this
   */
  public CallOptions trace(String traceparent) {
    return new CallOptions(timeout, unlimited, waits, idempotent, Optional.of(traceparent));
  }
}
