package io.github.stockaderuntime.frontend.internal.session;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * Messages that wait to be sent, gathered into batches (protocol, section 5). Knows bytes alone,
 * and no socket.
 */
public final class Outbox {
  /** The head of a batch takes at most so many bytes of a message's limit. */
  static final int LARGEST_HEAD = 3;

  private static final int SHORT_ARRAY = 24;

  private final ArrayDeque<Message> waiting = new ArrayDeque<>();
  private Message batch;
  private long messages = 1;
  private long size;
  private long batches;

  /**
   * The core's limits: messages of a batch, and its bytes. A single message is never larger: who
   * puts it has checked.
   */
  void bound(long mostMessages, long mostBytes) {
    messages = Math.min(mostMessages, Session.BATCH);
    size = mostBytes;
  }

  /** Adds a message. */
  void put(Message message) {
    waiting.add(message);
  }

  /**
   * How many messages wait.
   *
   * @return their count, those of the next batch included until it was asked for
   */
  public int waiting() {
    return waiting.size();
  }

  /**
   * What to send next.
   *
   * @return the same until {@link #sent}; null if there is nothing
   */
  public Message batch() {
    if (batch == null && !waiting.isEmpty()) {
      batch = gather();
    }
    return batch;
  }

  /** What {@link #batch} gave has gone. */
  public void sent() {
    batch = null;
    batches++;
  }

  long batches() {
    return batches;
  }

  /** One with raw frames is a batch of its own: it is large. */
  private Message gather() {
    List<byte[]> chosen = new ArrayList<>();
    int bytes = LARGEST_HEAD;
    Message first = waiting.remove();
    chosen.add(first.head());
    bytes += first.head().length;
    while (first.frames().isEmpty() && !waiting.isEmpty() && chosen.size() < messages) {
      Message next = waiting.peek();
      if (!next.frames().isEmpty() || (long) bytes + next.head().length > size) {
        break;
      }
      chosen.add(next.head());
      bytes += next.head().length;
      waiting.remove();
    }
    return new Message(joined(chosen, bytes), first.frames());
  }

  private static byte[] joined(List<byte[]> messages, int mostBytes) {
    byte[] joined = new byte[mostBytes];
    int at = 0;
    int count = messages.size();
    if (count < SHORT_ARRAY) {
      joined[at++] = (byte) (0x80 | count);
    } else if (count < 256) {
      joined[at++] = (byte) 0x98;
      joined[at++] = (byte) count;
    } else {
      joined[at++] = (byte) 0x99;
      joined[at++] = (byte) (count >> 8);
      joined[at++] = (byte) count;
    }
    for (byte[] message : messages) {
      System.arraycopy(message, 0, joined, at, message.length);
      at += message.length;
    }
    return at == joined.length ? joined : java.util.Arrays.copyOf(joined, at);
  }
}
