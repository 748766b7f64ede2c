package io.github.stockaderuntime.frontend.internal.wire;

/** The protocol's own integers (section 4): ids, sequence numbers, counts. */
public final class Whole {
  /** They end here, where a double stops being exact. */
  public static final long LARGEST = (1L << 53) - 1;

  private Whole() {}

  /**
   * The integer that a value is; a float of integral value is one, since some encoders write so.
   *
   * @param value any value
   * @return 0 to {@link #LARGEST}
   * @throws DecodeException for all else
   */
  public static long of(Object value) throws DecodeException {
    if (value instanceof Long number && number >= 0 && number <= LARGEST) {
      return number;
    }
    if (value instanceof Double number
        && number >= 0
        && number <= LARGEST
        && number == Math.rint(number)) {
      return number.longValue();
    }
    throw new DecodeException("no integer of the protocol");
  }
}
