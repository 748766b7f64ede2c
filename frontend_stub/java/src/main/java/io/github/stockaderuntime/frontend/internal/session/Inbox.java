package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.Event;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Events that have come and wait for their handlers, up to a bound, and the count of those that
 * were missed.
 */
public final class Inbox {
  private final Queue<Event> waiting = new ArrayDeque<>();
  private final int bound;
  private long last;
  private long gaps;
  private long droppedTo;
  private long received;
  private long overflowed;

  Inbox(int bound) {
    this.bound = bound;
  }

  void put(Event event) throws DecodeException {
    if (event.seq() <= last) {
      throw new DecodeException("event number " + event.seq() + " after number " + last);
    }
    gaps += event.seq() - last - 1;
    last = event.seq();
    received++;
    if (waiting.size() < bound) {
      waiting.add(event);
    } else {
      overflowed++;
    }
  }

  /** The oldest event that waits; null if there is none. */
  public Event take() {
    return waiting.poll();
  }

  /** Events that wait. */
  public int waiting() {
    return waiting.size();
  }

  /** The core says that events were dropped, the last of them of this number. */
  void dropped(long seq) {
    droppedTo = Math.max(droppedTo, seq);
  }

  /**
   * Events meant for this worker that no handler will see. What is still on its way when the core
   * tells of later drops is counted too, until it arrives.
   */
  public long missed() {
    return gaps + overflowed + Math.max(0, droppedTo - last);
  }

  long received() {
    return received;
  }
}
