package io.github.stockaderuntime.frontend.internal.worker;

import io.github.stockaderuntime.frontend.EndedException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * How a worker whose conversation is over ends: the process exits, unless the program said
 * otherwise.
 */
public final class Ending {
  /** How long shutdown hooks may take; the supervisor kills soon, too. */
  private static final long LAST = TimeUnit.SECONDS.toNanos(1);

  private Ending() {}

  /** On a thread of its own: exiting waits for shutdown hooks, which may want this connection. */
  static void tell(EndedException end, Optional<Consumer<EndedException>> onEnd) {
    Runnable does = onEnd.isPresent() ? () -> onEnd.get().accept(end) : () -> exit(end);
    new Thread(does, "stockade-end").start();
  }

  /** Tells, and gives the end to be thrown. */
  static EndedException told(EndedException end, Optional<Consumer<EndedException>> onEnd) {
    tell(end, onEnd);
    return rested(end, onEnd);
  }

  /**
   * The end, to be thrown. Where the process exits by itself then, this thread has nothing more to
   * do, and the trace of an exception that nobody catches would only hide the reason in the log.
   */
  static EndedException rested(EndedException end, Optional<Consumer<EndedException>> onEnd) {
    if (onEnd.isEmpty()) {
      LockSupport.parkNanos(2 * LAST);
    }
    return end.again();
  }

  private static void exit(EndedException end) {
    if (end.status() != 0) {
      say(end.getMessage());
    }
    Runnable last =
        () -> {
          LockSupport.parkNanos(LAST);
          Runtime.getRuntime().halt(end.status());
        };
    Thread thread = new Thread(last, "stockade-last");
    thread.setDaemon(true);
    thread.start();
    System.exit(end.status());
  }

  /** Tells the operator: what a worker writes to standard error is in the log, with its label. */
  public static void say(String reason) {
    System.err.println("stockade-frontend: " + reason);
  }
}
