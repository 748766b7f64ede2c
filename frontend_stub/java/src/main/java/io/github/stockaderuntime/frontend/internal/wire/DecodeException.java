package io.github.stockaderuntime.frontend.internal.wire;

/**
 * Bytes that are not one item of the profile, or a message that has not the shape of its verb: the
 * core's fault.
 */
public final class DecodeException extends Exception {
  private static final long serialVersionUID = 1L;

  /**
   * As the codec throws it.
   *
   * @param message what is wrong
   */
  public DecodeException(String message) {
    super(message);
  }
}
