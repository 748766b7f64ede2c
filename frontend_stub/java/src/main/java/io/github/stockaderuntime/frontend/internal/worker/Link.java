package io.github.stockaderuntime.frontend.internal.worker;

import com.sun.jna.Memory;
import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.EndedException.End;
import io.github.stockaderuntime.frontend.internal.session.Message;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The three sockets of a worker, bound in its own directory (protocol, section 3), and how to sleep
 * until something happens to them. Knows no message. Nothing here waits but {@link Watch#sleep}.
 */
final class Link {
  /**
   * Batches that wait in libzmq for a core that does not read. More calls than the limit are never
   * in them.
   */
  private static final int COMMANDS_QUEUE = 64;

  /**
   * Emits that wait so. Times the limit of a message this is what a stopped core can make this
   * process hold.
   */
  private static final int EMITS_QUEUE = 256;

  private final long context;
  private final Socket commands;
  private final Socket events;
  private final Socket emits;

  /**
   * Binds.
   *
   * @throws EndedException if it cannot
   */
  Link(Place place) {
    context = Zmq.zmq_ctx_new();
    try {
      commands = new Socket(context, Zmq.DEALER, place, "commands", COMMANDS_QUEUE);
      events = new Socket(context, Zmq.SUB, place, "events", COMMANDS_QUEUE);
      emits = new Socket(context, Zmq.XPUB, place, "emits", EMITS_QUEUE);
    } catch (IllegalStateException error) {
      throw new EndedException(
          End.STARTED_BY_HAND,
          "the sockets of this worker cannot be bound in "
              + place.sockets()
              + ": "
              + error.getMessage());
    }
  }

  /**
   * Sends a batch; false if there is no room. Where there is room for the first frame, there is for
   * the rest.
   */
  boolean send(Message batch) {
    List<byte[]> frames = batch.frames();
    if (!commands.send(batch.head(), !frames.isEmpty())) {
      return false;
    }
    for (int at = 0; at < frames.size(); at++) {
      commands.send(frames.get(at), at < frames.size() - 1);
    }
    return true;
  }

  /** The first frame of the next message of the core; null if there is none. */
  byte[] receive() {
    return commands.receive();
  }

  /** The frames behind the one that was just received. */
  List<byte[]> receiveRest() {
    if (!commands.hasMore()) {
      return List.of();
    }
    List<byte[]> rest = new ArrayList<>();
    while (commands.hasMore()) {
      rest.add(commands.receive());
    }
    return rest;
  }

  /** The next event; null if there is none. */
  byte[] receiveEvent() {
    return events.receive();
  }

  void subscribe(String topic) {
    events.set(Zmq.SUBSCRIBE, topic.getBytes(StandardCharsets.US_ASCII));
  }

  void unsubscribe(String topic) {
    events.set(Zmq.UNSUBSCRIBE, topic.getBytes(StandardCharsets.US_ASCII));
  }

  /** Sends an event; false if there is no room. */
  boolean emit(byte[] frame) {
    return emits.send(frame, false);
  }

  /** What the core's SUB says next; null if there is nothing. */
  byte[] receiveSubscription() {
    return emits.receive();
  }

  /** Closes all. What has not been sent by now is lost: leave first. */
  void close() {
    commands.close();
    events.close();
    emits.close();
    Zmq.zmq_ctx_term(context);
  }

  /** What one thread sleeps on: a bell of its own alone, or all sockets too. */
  final class Watch {
    private static final int ENTRY = 8;
    private static final int REVENTS = 6;
    private static final long MILLISECOND = 1_000_000;

    private final Memory entries = new Memory(4L * ENTRY);
    private final Memory one = new Memory(Long.BYTES);
    private final Memory rung = new Memory(Long.BYTES);
    private final int bell = Libc.bell();
    private boolean isClosed;

    Watch() {
      one.setLong(0, 1);
      int[] descriptors = {bell, commands.descriptor(), events.descriptor(), emits.descriptor()};
      for (int at = 0; at < descriptors.length; at++) {
        entries.setInt((long) at * ENTRY, descriptors[at]);
        entries.setShort((long) at * ENTRY + 4, Libc.POLLIN);
      }
    }

    /**
     * Sleeps until something has happened, or so many nanoseconds are over; below zero: for as long
     * as it takes.
     */
    void sleep(boolean bellAlone, long nanoseconds) {
      long milliseconds =
          Math.min(Integer.MAX_VALUE, (nanoseconds + MILLISECOND - 1) / MILLISECOND);
      int found =
          Libc.poll(
              Libc.address(entries), bellAlone ? 1 : 4, nanoseconds < 0 ? -1 : (int) milliseconds);
      if (found <= 0) {
        entries.setShort(REVENTS, (short) 0);
        entries.setShort(2 * ENTRY + REVENTS, (short) 0);
        entries.setShort(3 * ENTRY + REVENTS, (short) 0);
      }
    }

    /** Wakes who sleeps. Only under the lock. */
    void ring() {
      if (!isClosed) {
        Libc.ring(bell, one);
      }
    }

    /** Closes its bell; nobody sleeps here any more. */
    void close() {
      isClosed = true;
      Libc.closeDescriptor(bell);
    }

    /** Makes the bell silent if it rang. */
    void hush() {
      if (entries.getShort(REVENTS) != 0) {
        Libc.hush(bell, rung);
      }
    }

    boolean sawEvents() {
      return entries.getShort(2 * ENTRY + REVENTS) != 0;
    }

    boolean sawEmits() {
      return entries.getShort(3 * ENTRY + REVENTS) != 0;
    }
  }
}
