package io.github.stockaderuntime.frontend;

/** A value that cannot be sent (protocol, section 4): the worker's own bug. */
public final class EncodeException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** Where in the value. */
  private final String path;

  /** What is wrong there. */
  private final String reason;

  /**
   * As the connection throws it.
   *
   * @param reason what is wrong
   * @param path where: {@code name[3].size}, empty for the whole
   */
  public EncodeException(String reason, String path) {
    super(path.isEmpty() ? reason : path + ": " + reason);
    this.reason = reason;
    this.path = path;
  }

  /**
   * Where in the value it stands.
   *
   * @return {@code name[3].size}; empty for the whole value
   */
  public String path() {
    return path;
  }

  /**
   * What is wrong, without the path.
   *
   * @return a text for people
   */
  public String reason() {
    return reason;
  }
}
