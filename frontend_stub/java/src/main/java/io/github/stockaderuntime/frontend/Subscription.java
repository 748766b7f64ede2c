package io.github.stockaderuntime.frontend;

import io.github.stockaderuntime.frontend.internal.session.Listeners.Listener;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint;

/** One handler that listens to one event, or to all under a prefix, until it is closed. */
public final class Subscription implements AutoCloseable {
  private final Endpoint endpoint;
  private final String name;
  private final Listener listener;

  Subscription(Endpoint endpoint, String name, Listener listener) {
    this.endpoint = endpoint;
    this.name = name;
    this.listener = listener;
  }

  /**
   * What it listens to.
   *
   * @return the event's name, or the prefix
   */
  public String name() {
    return name;
  }

  /**
   * Calls the handler no more, not even for events that have come and wait. Doing so again does
   * nothing.
   */
  @Override
  public void close() {
    endpoint.events().unlisten(listener);
  }
}
