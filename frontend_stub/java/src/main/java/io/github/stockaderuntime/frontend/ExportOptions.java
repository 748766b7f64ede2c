package io.github.stockaderuntime.frontend;

import java.util.Optional;
import java.util.Set;

/**
 * How the core may use a command that this worker answers.
 *
 * @param concurrency how many calls of it are made at a time, 1 or more
 * @param idempotent whether a call that was lost with the process may be made again elsewhere
 * @param arguments the names of all that it takes, channels among them: a call with another is
 *     answered {@code invalid_args}; empty: any
 */
public record ExportOptions(int concurrency, boolean idempotent, Optional<Set<String>> arguments) {
  /** One at a time, never twice, with any arguments. */
  public static final ExportOptions DEFAULT = new ExportOptions(1, false, Optional.empty());

  /**
   * As the components say.
   *
   * @throws IllegalArgumentException if the concurrency is below 1
   */
  public ExportOptions {
    if (concurrency < 1) {
      throw new IllegalArgumentException("a concurrency of 1 or more, not " + concurrency);
    }
  }

  /**
   * So many at a time.
   *
   * @param calls 1 or more
   * @return options that differ in this
   */
  public ExportOptions concurrency(int calls) {
    return new ExportOptions(calls, idempotent, arguments);
  }

  /**
   * May be run twice.
   *
   * @return options that differ in this
   */
  public ExportOptions asIdempotent() {
    return new ExportOptions(concurrency, true, arguments);
  }

  /**
   * Takes these arguments, and no others.
   *
   * @param names of all of them; which may be missing says the handler, by how it asks for them
   * @return options that differ in this
   */
  public ExportOptions arguments(String... names) {
    return new ExportOptions(concurrency, idempotent, Optional.of(Set.of(names)));
  }
}
