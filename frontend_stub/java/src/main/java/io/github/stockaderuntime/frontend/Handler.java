package io.github.stockaderuntime.frontend;

/** Answers a command that this worker exports. */
@FunctionalInterface
public interface Handler {
  /**
   * Handles one call. A {@link CommandException} is the answer too; of anything else that is thrown
   * the caller learns only that the command failed, and the log has the rest. When the call is
   * cancelled, or its time is over, the thread is interrupted.
   *
   * @param call what is asked
   * @return the result: any value, or null
   * @throws Exception whatever goes wrong
   */
  Object handle(Handling call) throws Exception;
}
