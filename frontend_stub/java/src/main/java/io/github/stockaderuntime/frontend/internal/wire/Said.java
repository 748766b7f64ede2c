package io.github.stockaderuntime.frontend.internal.wire;

import java.util.Map;
import java.util.Optional;

/**
 * What a call of the core's says beside its arguments.
 *
 * @param deadline milliseconds that are left; null: all the time
 * @param caller the label of who asks, or {@code core}
 * @param trace the W3C traceparent
 * @param channels those that the call opens, by argument
 * @param raw the frames that stand for arguments, by argument
 * @param insisting an option that is not known here, and must not be ignored
 */
public record Said(
    Long deadline,
    String caller,
    Optional<String> trace,
    Map<String, Offer> channels,
    Map<String, Long> raw,
    Optional<String> insisting) {
  /** What is said where there are no options. */
  public static final Said NOTHING =
      new Said(null, "core", Optional.empty(), Map.of(), Map.of(), Optional.empty());
}
