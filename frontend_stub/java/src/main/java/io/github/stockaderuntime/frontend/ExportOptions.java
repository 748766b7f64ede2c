package io.github.stockaderuntime.frontend;

/**
 * How the core may use a command that this worker answers.
 *
 * @param concurrency how many calls of it are made at a time, 1 or more
 * @param idempotent whether a call that was lost with the process may be made again elsewhere
 */
public record ExportOptions(int concurrency, boolean idempotent) {
  /** One at a time, never twice. */
  public static final ExportOptions DEFAULT = new ExportOptions(1, false);

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
    return new ExportOptions(calls, idempotent);
  }

  /**
   * May be run twice.
   *
   * @return options that differ in this
   */
  public ExportOptions asIdempotent() {
    return new ExportOptions(concurrency, true);
  }
}
