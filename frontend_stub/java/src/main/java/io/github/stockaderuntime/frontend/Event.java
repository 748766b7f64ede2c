package io.github.stockaderuntime.frontend;

import java.util.Optional;

/**
 * Something that happened.
 *
 * @param name its name
 * @param payload any value, or null
 * @param source the label of the worker that emitted it, or {@code core}
 * @param seq its number among the events that were meant for this worker: a gap is what it has
 *     missed
 * @param trace the W3C traceparent that it came with
 */
public record Event(String name, Object payload, String source, long seq, Optional<String> trace) {}
