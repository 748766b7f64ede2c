package io.github.stockaderuntime.frontend;

import io.github.stockaderuntime.frontend.internal.session.MadeCall;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A call that has begun: the future of its value.
 *
 * <p>{@link #result} waits and throws {@link CommandException} as {@link Invoker#invoke} does;
 * {@link #get()} and {@link #join} are those of every future. What depends on it runs on the
 * connection's executor, unless it says where; it must not wait for long. To bound its time use
 * {@link CallOptions#timeout}, which tells the core; {@code orTimeout} does not.
 */
public final class Call extends CompletableFuture<Object> {
  private final Endpoint endpoint;
  private final MadeCall made;

  Call(Endpoint endpoint, MadeCall made) {
    this.endpoint = endpoint;
    this.made = made;
    made.whenDone(this::answered);
  }

  /**
   * Waits for the answer. An interrupt ends the wait, not the call.
   *
   * @return its value, or null
   * @throws CommandException with the answer that is no result
   */
  public Object result() {
    try {
      return get();
    } catch (CancellationException error) {
      throw new CommandException(CommandException.CANCELLED, "this worker has cancelled it");
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
      throw new CommandException(
          CommandException.CANCELLED, "the thread that waited was interrupted");
    } catch (ExecutionException error) {
      if (error.getCause() instanceof CommandException refusal) {
        throw refusal.again();
      }
      throw new IllegalStateException(error.getCause());
    }
  }

  @Override
  public Object get() throws InterruptedException, ExecutionException {
    awaitAnswer(Timers.NEVER);
    return super.get();
  }

  @Override
  public Object get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (!awaitAnswer(endpoint.now() + Math.max(0, unit.toNanos(timeout)))) {
      throw new TimeoutException();
    }
    return super.get();
  }

  @Override
  public Object join() {
    try {
      awaitAnswer(Timers.NEVER);
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt(); // join waits on
    }
    return super.join();
  }

  /**
   * Nobody wants the answer any more: the core stops the command. It may have run all the same.
   *
   * @param mayInterruptIfRunning has no meaning here
   * @return whether the answer had not come
   */
  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean isFirst = super.cancel(mayInterruptIfRunning);
    if (isFirst) {
      endpoint.cancel(made, "this worker has cancelled it");
    }
    return isFirst;
  }

  @Override
  public <U> CompletableFuture<U> newIncompleteFuture() {
    return new CompletableFuture<>();
  }

  /** Waits as the connection does: the thread that waits reads the answer itself. */
  private boolean awaitAnswer(long deadline) throws InterruptedException {
    return isDone() && made.error() == null || endpoint.awaitAnswer(made, deadline);
  }

  /** Whoever has read the answer must go on: it runs nothing of others. */
  private void answered() {
    if (getNumberOfDependents() == 0) {
      complete();
      return;
    }
    try {
      endpoint.executor().execute(this::complete);
    } catch (RejectedExecutionException error) {
      complete(); // an executor that was shut down; better here than never
    }
  }

  private void complete() {
    if (made.error() != null) {
      completeExceptionally(made.error());
    } else {
      complete(made.value());
    }
  }
}
