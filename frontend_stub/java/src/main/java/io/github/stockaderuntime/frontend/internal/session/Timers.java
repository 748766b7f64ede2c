package io.github.stockaderuntime.frontend.internal.session;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;

/**
 * When something is to be looked at again. Knows no clock: times are given, in nanoseconds of one
 * that never goes back.
 */
public final class Timers {
  /** No time at all: never. */
  public static final long NEVER = Long.MAX_VALUE;

  /** Below so many entries it is not worth looking for those that are done. */
  private static final int FEW = 64;

  /** What is timed; once it is done its time does not matter any more. */
  interface Timed {
    boolean isDone();
  }

  private record Entry(long when, long number, Timed thing) implements Comparable<Entry> {
    @Override
    public int compareTo(Entry other) {
      int byTime = Long.compare(when, other.when);
      return byTime != 0 ? byTime : Long.compare(number, other.number);
    }
  }

  private final PriorityQueue<Entry> entries = new PriorityQueue<>();
  private long count;
  private int full = FEW;

  /**
   * Look at it then. What is done stays until its time, but never more of it than there is of the
   * rest, and a few: a thousand calls a second with a minute each would otherwise leave sixty
   * thousand behind.
   */
  void add(long when, Timed thing) {
    entries.add(new Entry(when, count++, thing));
    if (entries.size() > full) {
      entries.removeIf(entry -> entry.thing.isDone());
      full = Math.max(FEW, 2 * entries.size());
    }
  }

  /**
   * The earliest time.
   *
   * @return {@link #NEVER} if there is none
   */
  public long next() {
    while (!entries.isEmpty() && entries.peek().thing.isDone()) {
      entries.remove();
    }
    return entries.isEmpty() ? NEVER : entries.peek().when;
  }

  List<Timed> due(long now) {
    List<Timed> due = new ArrayList<>();
    while (!entries.isEmpty() && entries.peek().when <= now) {
      Timed thing = entries.remove().thing;
      if (!thing.isDone()) {
        due.add(thing);
      }
    }
    return due;
  }
}
