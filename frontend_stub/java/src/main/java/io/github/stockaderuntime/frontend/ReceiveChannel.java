package io.github.stockaderuntime.frontend;

import io.github.stockaderuntime.frontend.internal.session.End;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint.Scope;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * An end to receive from: {@code for (Object item : channel)}. Pass it to one call, as an argument;
 * what {@link Invoker#stream} returns has a call of its own.
 *
 * <p>The loop ends when the sender has ended; it throws the error that the sender or the call ended
 * with. Closing it drops what is left, and tells the sender: a loop that is left early should stand
 * in a {@code try} that closes it. Items can be taken once.
 */
public final class ReceiveChannel implements Iterable<Object>, Iterator<Object>, AutoCloseable {
  private final Endpoint endpoint;
  private final End.Receiver receiver;
  private final Scope scope;
  private final Call call;

  ReceiveChannel(Endpoint endpoint, End.Receiver receiver, Scope scope, Call call) {
    this.endpoint = endpoint;
    this.receiver = receiver;
    this.scope = scope;
    this.call = call;
  }

  End end() {
    return receiver;
  }

  /**
   * The call that a stream is of.
   *
   * @return empty for a channel that was passed to a call
   */
  public Optional<Call> call() {
    return Optional.ofNullable(call);
  }

  @Override
  public Iterator<Object> iterator() {
    return this;
  }

  /**
   * The items as a stream of Java's, which drops what is left when it is closed.
   *
   * @return a sequential stream, to be used once
   */
  public Stream<Object> stream() {
    Spliterator<Object> items = Spliterators.spliteratorUnknownSize(this, Spliterator.ORDERED);
    return StreamSupport.stream(items, false).onClose(this::close);
  }

  /**
   * Waits until there is an item, or there will be none.
   *
   * @return whether there is one
   * @throws CommandException the error that the sender or the call ended with
   * @throws IllegalStateException if no call has this channel
   */
  @Override
  public boolean hasNext() {
    if (!endpoint.look(this::moves)) {
      endpoint.await(() -> receiver, end -> end.moves() || isStopped(), Timers.NEVER);
    }
    return endpoint.look(this::checkHasItem);
  }

  private boolean moves() {
    if (!receiver.isBound() && !receiver.isOver()) {
      throw new IllegalStateException("nobody sends on this channel yet: pass it to a call");
    }
    return receiver.moves();
  }

  private boolean checkHasItem() {
    if (receiver.hasItem()) {
      return true;
    }
    if (receiver.error() instanceof CommandException error) {
      throw error.again();
    }
    if (!receiver.isOver() && isStopped()) {
      throw scope.call().stopped().again();
    }
    return false;
  }

  private boolean isStopped() {
    return scope.call() != null && scope.call().stopped() != null;
  }

  @Override
  public Object next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the sender has ended");
    }
    boolean isOpen = endpoint.look(() -> !receiver.isOver());
    return isOpen ? endpoint.gather(this::take) : endpoint.look(this::take);
  }

  private Object take() {
    if (!receiver.hasItem()) {
      throw new NoSuchElementException("another thread has taken it");
    }
    return endpoint.session().channels().take(receiver);
  }

  /** Drops it: nothing more is wanted. Doing so again does nothing. */
  @Override
  public void close() {
    if (!endpoint.isOpen()) {
      return;
    }
    boolean isSent =
        endpoint.send(
            () -> {
              receiver.clear();
              boolean isOpen = receiver.isOpen();
              if (isOpen || call == null) {
                endpoint.session().channels().finish(receiver, null);
              }
              return isOpen;
            });
    if (!isSent && call != null) {
      call.cancel(true); // it has not gone yet, and need not
    }
  }
}
