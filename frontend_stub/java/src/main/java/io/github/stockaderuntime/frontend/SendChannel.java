package io.github.stockaderuntime.frontend;

import io.github.stockaderuntime.frontend.internal.session.End;
import io.github.stockaderuntime.frontend.internal.session.Message;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint.Scope;

/**
 * An end to send on. Pass it to one call, as an argument; then {@link #send}, and {@link #finish()}
 * it.
 *
 * <p>One that is closed without having been ended ends with an error, for whoever was to end it has
 * failed. Safe for any thread.
 */
public final class SendChannel implements AutoCloseable {
  private final Endpoint endpoint;
  private final End.Sender sender;
  private final Scope scope;

  SendChannel(Endpoint endpoint, End.Sender sender, Scope scope) {
    this.endpoint = endpoint;
    this.sender = sender;
    this.scope = scope;
  }

  End end() {
    return sender;
  }

  /**
   * Sends one item. Waits while the receiver takes no more. Items that are sent one after the other
   * go together.
   *
   * @param item any value
   * @throws DroppedException if the receiver wants no more
   * @throws CommandException the error of the call, if it failed; {@code too_large}
   * @throws EncodeException if the item cannot be sent
   * @throws IllegalStateException if it was ended, or no call has it
   */
  public void send(Object item) {
    awaitCredit();
    Message message = endpoint.session().channels().item(sender, item);
    while (!endpoint.gather(() -> trySend(message))) {
      awaitCredit(); // another thread has used it up
    }
  }

  private boolean trySend(Message message) {
    checkOver();
    if (!sender.moves()) {
      return false;
    }
    endpoint.session().channels().send(sender, message);
    return true;
  }

  private void awaitCredit() {
    boolean moves =
        endpoint.look(
            () -> {
              if (!sender.isBound()) {
                throw new IllegalStateException(
                    "nobody receives on this channel yet: pass it to a call");
              }
              checkOver();
              return sender.moves();
            });
    if (!moves) {
      endpoint.await(() -> sender, end -> end.moves() || isStopped(), Timers.NEVER);
      endpoint.look(
          () -> {
            if (!sender.moves()) {
              throw scope.call().stopped().again();
            }
            checkOver();
            return null;
          });
    }
  }

  private boolean isStopped() {
    return scope.call() != null && scope.call().stopped() != null;
  }

  private void checkOver() {
    if (!sender.isOver()) {
      return;
    }
    if (sender.error() instanceof CommandException error) {
      throw error.again();
    }
    throw new IllegalStateException(
        "this channel has been ended, so nothing more can be sent on it");
  }

  /** Nothing more will be sent, and that was all. Doing so again does nothing. */
  public void finish() {
    finish(null);
  }

  /**
   * Nothing more will be sent, and that is not all there should have been.
   *
   * @param error what the receiver gets
   */
  public void fail(CommandException error) {
    finish(error);
  }

  private void finish(CommandException error) {
    if (endpoint.isOpen()) {
      endpoint.send(
          () -> {
            endpoint.session().channels().finish(sender, error);
            return null;
          });
    }
  }

  /** Ends it with an error, if it has not been ended. */
  @Override
  public void close() {
    finish(
        new CommandException(
            CommandException.FAILED, "its sender has left it, and had not ended it"));
  }
}
