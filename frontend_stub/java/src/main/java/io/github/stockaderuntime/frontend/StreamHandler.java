package io.github.stockaderuntime.frontend;

/** Answers a command that this worker exports, and that yields. */
@FunctionalInterface
public interface StreamHandler {
  /**
   * Handles one call, as {@link Handler#handle} does.
   *
   * @param call what is asked
   * @param items where to send what the command yields; it is ended when this returns. {@link
   *     DroppedException}, when nobody wants the rest, may pass: it is an end like another.
   * @throws Exception whatever goes wrong
   */
  void handle(Handling call, SendChannel items) throws Exception;
}
