package io.github.stockaderuntime.frontend.internal.worker;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.Event;
import io.github.stockaderuntime.frontend.internal.session.Listeners;
import io.github.stockaderuntime.frontend.internal.session.Listeners.Listener;
import io.github.stockaderuntime.frontend.internal.session.Pending;
import io.github.stockaderuntime.frontend.internal.session.Session;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** Who listens, what is emitted, and the handlers of events: these run one after the other. */
public final class Events {
  private final Endpoint endpoint;
  private final Conversation conversation;
  private final Listeners listeners = new Listeners();
  private final AtomicBoolean isHandlingEvents = new AtomicBoolean();

  /** What a handler has thrown, and nobody has been told yet. */
  private Throwable failure;

  /** Whether there is somebody who will be told. */
  private boolean isRunning;

  Events(Endpoint endpoint, Conversation conversation) {
    this.endpoint = endpoint;
    this.conversation = conversation;
  }

  /**
   * Puts the handler in place, subscribes if it is the first of its topic, and waits for the core's
   * answer.
   *
   * @throws CommandException {@code not_allowed} or {@code busy}, and nothing has happened
   */
  public Listener listen(String topic, Consumer<? super Event> handler, boolean once) {
    Listener listener = new Listener(topic, handler, once);
    Pending answer = endpoint.await(() -> subscribe(listener), Pending::isDone, Timers.NEVER);
    if (answer.error() != null) {
      unlisten(listener);
      endpoint.resultOf(answer);
    }
    return listener;
  }

  private Pending subscribe(Listener listener) {
    Pending answer = listeners.answer(listener.topic());
    if (answer != null) {
      listeners.add(listener, answer);
      return answer;
    }
    if (listeners.topics() >= endpoint.session().limits().topics()) {
      throw new CommandException(
          CommandException.BUSY,
          listeners.topics() + " topics are listened to, and no more are taken (nothing was sent)");
    }
    Pending asked = endpoint.session().subscribe(listener.topic());
    listeners.add(listener, asked);
    conversation.traffic().subscribe(listener.topic());
    return asked;
  }

  /** Takes the handler away, and unsubscribes if it was the last of its topic. */
  public void unlisten(Listener listener) {
    if (endpoint.isOpen()) {
      endpoint.gather(
          () -> {
            remove(listener);
            return null;
          });
    }
  }

  private void remove(Listener listener) {
    if (listeners.remove(listener)) {
      conversation.traffic().unsubscribe(listener.topic());
    }
  }

  /** Emits; waits only while the core does not read. */
  public void emit(String event, Object payload, Optional<String> to, Optional<String> trace) {
    Session.Emit prepared =
        endpoint
            .session()
            .prepareEmit(
                event, payload, to, trace.isPresent() ? trace : Endpoint.Scope.current().trace());
    endpoint.await(
        () -> {
          conversation.emit(prepared);
          return null;
        });
  }

  /** Events wait: they are handled elsewhere, one after the other. May be said again meanwhile. */
  void handleAll() {
    if (!isHandlingEvents.compareAndSet(false, true)) {
      return;
    }
    try {
      endpoint.executor().execute(this::drainEvents);
    } catch (RejectedExecutionException error) {
      isHandlingEvents.set(false);
      fail(error);
    }
  }

  /** Handles events one after the other, in their order. */
  private void drainEvents() {
    try {
      for (Event event = nextEvent(); event != null; event = nextEvent()) {
        handle(event);
      }
    } catch (Throwable error) {
      isHandlingEvents.set(false);
      fail(error);
    }
  }

  private Event nextEvent() {
    return endpoint.look(
        () -> {
          Event event = endpoint.session().inbox().take();
          if (event == null) {
            isHandlingEvents.set(false);
          }
          return event;
        });
  }

  private void handle(Event event) {
    List<Listener> found = endpoint.look(() -> listeners.of(event.name()));
    for (Listener listener : found) {
      if (listener.once()) {
        unlisten(listener);
      }
    }
    new Endpoint.Scope(null, event.trace())
        .run(() -> found.forEach(listener -> listener.handler().accept(event)));
  }

  /**
   * The handler of an event has thrown: {@code run} throws it, or, if nobody runs, it is uncaught.
   */
  private void fail(Throwable error) {
    boolean isTold =
        endpoint.look(
            () -> {
              if (failure == null && isRunning) {
                failure = error;
                return true;
              }
              return false;
            });
    if (!isTold) {
      Thread me = Thread.currentThread();
      me.getUncaughtExceptionHandler().uncaughtException(me, error);
    } else if (endpoint.isOpen()) {
      endpoint.send(() -> null);
    }
  }

  // For `run`, under the lock.

  /** Somebody runs, and will be told what a handler throws. */
  void begin() {
    isRunning = true;
  }

  boolean hasFailed() {
    return failure != null;
  }

  /** Nobody runs any more; null if no handler has thrown. */
  Throwable takeFailure() {
    Throwable taken = failure;
    failure = null;
    isRunning = false;
    return taken;
  }
}
