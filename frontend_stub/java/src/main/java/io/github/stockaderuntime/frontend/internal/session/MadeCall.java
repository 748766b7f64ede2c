package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CallOptions;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/** A call that this worker makes: what it takes to make it, again if need be, and how far it is. */
public final class MadeCall extends Pending {
  /**
   * Nanoseconds before a call that was busy is tried again: doubled each time, from the first to
   * the last.
   */
  private static final long FIRST_PAUSE = 1_000_000;

  private static final long LAST_PAUSE = 200_000_000;

  private static final long MILLISECOND = 1_000_000;

  /** More than any process lives: what is longer is for ever. */
  private static final long LONGEST = Long.MAX_VALUE / 4;

  final String command;
  final Arguments arguments;
  final CallOptions options;
  final HandledCall parent;
  final Optional<String> trace;

  /** 0 while it is not in flight. */
  long id;

  /** When its time is over. */
  long deadline;

  /** When it is to be tried again, if it was put off. */
  long again = Timers.NEVER;

  private long pause = FIRST_PAUSE;

  /**
   * A call that is to be made now.
   *
   * @param command its name
   * @param arguments what it takes along
   * @param options how to make it
   * @param parent the call that it is part of, or null
   * @param trace the trace that it goes on with
   * @param now the time
   */
  public MadeCall(
      String command,
      Arguments arguments,
      CallOptions options,
      HandledCall parent,
      Optional<String> trace,
      long now) {
    this.command = command;
    this.arguments = arguments;
    this.options = options;
    this.parent = parent;
    this.trace = trace;
    this.deadline = options.timeout().map(within -> after(now, within)).orElse(Timers.NEVER);
  }

  private static long after(long now, Duration within) {
    return within.compareTo(Duration.ofNanos(LONGEST)) > 0
        ? Timers.NEVER
        : now + Math.max(0, within.toNanos());
  }

  /**
   * Whether it has gone.
   *
   * @return whether the core knows of it
   */
  public boolean isInFlight() {
    return id > 0;
  }

  /**
   * The core is busy: when to try again, at the deadline at the latest. The core's own deadline
   * holds from now on for all tries together: else each would have it anew.
   */
  long putOff(long now, Optional<Duration> usual) {
    if (deadline == Timers.NEVER && !options.unlimited() && usual.isPresent()) {
      deadline = after(now, usual.get());
    }
    // Half of it by chance, so that those who were refused together do not come again together.
    again = now + pause / 2 + ThreadLocalRandom.current().nextLong(pause / 2);
    pause = Math.min(LAST_PAUSE, 2 * pause);
    return Math.min(again, deadline);
  }

  /** What the message says of it, but for channels. */
  Map<String, Object> said(long now) {
    Map<String, Object> said = new LinkedHashMap<>();
    if (options.unlimited()) {
      said.put("deadline", null);
    } else if (deadline != Timers.NEVER) {
      said.put("deadline", Math.max(0, (deadline - now + MILLISECOND - 1) / MILLISECOND));
    }
    if (parent != null) {
      said.put("parent", parent.id());
    }
    trace.ifPresent(traceparent -> said.put("trace", traceparent));
    if (options.idempotent()) {
      said.put("idempotent", true);
    }
    if (!arguments.raw().isEmpty()) {
      said.put("raw", arguments.raw());
    }
    return said;
  }
}
