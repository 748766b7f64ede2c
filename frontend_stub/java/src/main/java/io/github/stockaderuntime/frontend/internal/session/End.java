package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.internal.wire.Whole;
import java.util.ArrayDeque;
import java.util.Map;

/** One end of a channel, as this side keeps it. */
public abstract sealed class End {
  /** 0 until the call that passes it is sent. */
  long id;

  /** Whether a call has it. */
  boolean bound;

  private boolean over;
  private RuntimeException error;

  /** Whether nothing more comes, or can be sent. */
  public final boolean isOver() {
    return over;
  }

  /** Why, if not because this side, or the sender, has just ended it. */
  public final RuntimeException error() {
    return error;
  }

  /** Whether a call has it. */
  public final boolean isBound() {
    return bound;
  }

  /** Whether the call that passes it has gone. */
  public final boolean isOpen() {
    return id > 0;
  }

  /** Its number; 0 until the call that passes it is sent. */
  public final long id() {
    return id;
  }

  /** Whether there is no reason to wait. */
  public abstract boolean moves();

  /** What the call that passes it says of it, behind its id. */
  abstract Map<String, Object> offer();

  /** The call was not taken; it will be made again. */
  abstract void reset();

  final void close(RuntimeException why) {
    if (!over) {
      over = true;
      error = why;
    }
  }

  /** The end that sends. */
  public static final class Sender extends End {
    long credit;

    @Override
    public boolean moves() {
      return credit > 0 || isOver();
    }

    @Override
    Map<String, Object> offer() {
      return Map.of("to", "callee");
    }

    @Override
    void reset() {
      id = 0;
      credit = 0;
    }
  }

  /** The end that receives, at most a window of items ahead of whoever takes them. */
  public static final class Receiver extends End {
    /** What stands for null in a queue that cannot hold it. */
    private static final Object NULL = new Object();

    private final ArrayDeque<Object> items = new ArrayDeque<>();
    private final long window;
    long granted;

    /** Items that were taken, and for which no new credit has been granted yet. */
    long owed;

    /**
     * An end that nothing has come to.
     *
     * @param window items that the sender may be ahead, 1 or more
     * @throws IllegalArgumentException if it is not
     */
    public Receiver(long window) {
      if (window < 1 || window > Whole.LARGEST) {
        throw new IllegalArgumentException("a channel needs a credit of 1 or more, not " + window);
      }
      this.window = window;
      this.granted = window;
    }

    @Override
    public boolean moves() {
      return !items.isEmpty() || isOver();
    }

    /** Whether an item is there. */
    public boolean hasItem() {
      return !items.isEmpty();
    }

    /** Forgets what has come. */
    public void clear() {
      items.clear();
    }

    long window() {
      return window;
    }

    void put(Object item) {
      granted--;
      items.add(item == null ? NULL : item);
    }

    Object take() {
      owed++;
      Object item = items.remove();
      return item == NULL ? null : item;
    }

    @Override
    Map<String, Object> offer() {
      return Map.of("to", "caller", "credit", window);
    }

    @Override
    void reset() {
      id = 0;
    }
  }
}
