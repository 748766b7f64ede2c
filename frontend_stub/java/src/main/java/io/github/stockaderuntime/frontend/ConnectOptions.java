package io.github.stockaderuntime.frontend;

import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * How to connect.
 *
 * @param queue events that may wait for their handlers; those above are counted in {@link
 *     Core#missed()}
 * @param executor runs handlers, and what depends on the future of a call; empty: a pool of daemon
 *     threads of its own, one per call that is being handled
 * @param onEnd what to do when the conversation is over, from a thread of the connection: see
 *     {@link #onEnd}
 */
public record ConnectOptions(
    int queue, Optional<Executor> executor, Optional<Consumer<EndedException>> onEnd) {
  /** Those of {@link Core#connect()}. */
  public static final ConnectOptions DEFAULT =
      new ConnectOptions(1024, Optional.empty(), Optional.empty());

  /**
   * As the components say.
   *
   * @throws IllegalArgumentException if the queue is below 1
   */
  public ConnectOptions {
    if (queue < 1) {
      throw new IllegalArgumentException("a queue of 1 or more, not " + queue);
    }
  }

  /**
   * Another bound of the events that wait.
   *
   * @param events 1 or more
   * @return options that differ in this
   */
  public ConnectOptions queue(int events) {
    return new ConnectOptions(events, executor, onEnd);
  }

  /**
   * Another executor for handlers, one of virtual threads say.
   *
   * @param runs where they run; it must not run them on the thread that gives them
   * @return options that differ in this
   */
  public ConnectOptions executor(Executor runs) {
    return new ConnectOptions(queue, Optional.of(runs), onEnd);
  }

  /**
   * What to do when the conversation is over, instead of saying why on standard error (unless the
   * lifeline has just ended) and exiting with {@link EndedException#status()}. Whoever takes this
   * over must see to it that the process ends soon: the supervisor kills it otherwise.
   *
   * @param does gets the end, which all who wait get too
   * @return options that differ in this
   */
  public ConnectOptions onEnd(Consumer<EndedException> does) {
    return new ConnectOptions(queue, executor, Optional.of(does));
  }
}
