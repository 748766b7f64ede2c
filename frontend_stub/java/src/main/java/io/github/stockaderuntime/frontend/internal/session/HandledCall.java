package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CommandException;
import java.util.Map;
import java.util.Optional;

/** A call that this worker answers. */
public final class HandledCall implements Timers.Timed {
  private final long id;
  private final String command;
  private final Map<String, Object> arguments;
  private final String caller;
  private final Optional<String> trace;
  private final Map<String, End> ends;
  long deadline = Timers.NEVER;
  boolean done;
  private CommandException stopped;
  private Runnable whenStopped;

  HandledCall(
      long id,
      String command,
      Map<String, Object> arguments,
      String caller,
      Optional<String> trace,
      Map<String, End> ends) {
    this.id = id;
    this.command = command;
    this.arguments = arguments;
    this.caller = caller;
    this.trace = trace;
    this.ends = ends;
  }

  /** The core's id of it. */
  public long id() {
    return id;
  }

  /** The name it was called by. */
  public String command() {
    return command;
  }

  /** Values by name, channels apart. */
  public Map<String, Object> arguments() {
    return arguments;
  }

  /** The label of who asks, or {@code core}. */
  public String caller() {
    return caller;
  }

  /** The W3C traceparent that it came with. */
  public Optional<String> trace() {
    return trace;
  }

  /** Its channels, by argument; what it yields goes on {@code yield}. */
  public Map<String, End> ends() {
    return ends;
  }

  /** When its time is over, or {@link Timers#NEVER}. */
  public long deadline() {
    return deadline;
  }

  /** Whether it has been answered. */
  @Override
  public boolean isDone() {
    return done;
  }

  /** Why it should not go on; null if it should. */
  public CommandException stopped() {
    return stopped;
  }

  /** For whoever runs the handler: what is to be run, once, when it should not go on. */
  public void whenStopped(Runnable runs) {
    whenStopped = runs;
  }

  /** What {@link #whenStopped(Runnable)} said; null if nobody did. */
  public Runnable whenStopped() {
    return whenStopped;
  }

  boolean stop(CommandException why) {
    if (stopped != null) {
      return false;
    }
    stopped = why;
    return true;
  }
}
