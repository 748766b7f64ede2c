package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.DroppedException;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import io.github.stockaderuntime.frontend.internal.wire.Offer;
import io.github.stockaderuntime.frontend.internal.wire.Whole;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The channels of one worker's conversation (protocol, section 5): who may send, what has come, how
 * each ends. Knows no call and no socket. A channel is one-way; a worker numbers those that it
 * opens odd, the core even.
 */
public final class Channels {
  /** Items that a sender may be ahead of its receiver, unless the receiver says otherwise. */
  public static final int CREDIT = 64;

  private final Outbox outbox;
  private final Map<Long, End> open = new HashMap<>();
  private long lastOwn = -1;
  private long lastOfCore;
  private int own;
  private long limit;
  private long size;
  private int depth;

  Channels(Outbox outbox) {
    this.outbox = outbox;
  }

  void bound(long mostOpen, long mostBytes, int deepest) {
    limit = mostOpen;
    size = mostBytes;
    depth = deepest;
  }

  int count() {
    return open.size();
  }

  // Opening.

  boolean hasRoom(int more) {
    return own + more <= limit;
  }

  /**
   * The option of a call that passes these, with the next ids; {@link #open} makes them so when it
   * is sent.
   */
  Map<String, Object> offers(Map<String, End> ends) {
    Map<String, Object> offers = new LinkedHashMap<>();
    long id = lastOwn;
    for (Map.Entry<String, End> end : ends.entrySet()) {
      id += 2;
      Map<String, Object> offer = new LinkedHashMap<>(end.getValue().offer());
      offer.put("id", id);
      offers.put(end.getKey(), offer);
    }
    return offers;
  }

  /**
   * The call that passes them has been put. What this side has ended while it was held is said now.
   */
  void open(Map<String, End> ends) {
    for (End end : ends.values()) {
      lastOwn += 2;
      end.id = lastOwn;
      if (end.isOver()) {
        outbox.put(farewell(end, end.error() instanceof CommandException error ? error : null));
      } else {
        open.put(end.id, end);
        own++;
      }
    }
  }

  /**
   * The channels that a call of the core's opens. As a receiver this side grants a first credit at
   * once.
   */
  Map<String, End> accept(Map<String, Offer> offers) throws DecodeException {
    Map<String, End> ends = new LinkedHashMap<>();
    long before = lastOfCore;
    for (Map.Entry<String, Offer> entry : offers.entrySet()) {
      Offer offer = entry.getValue();
      if (offer.id() % 2 != 0 || offer.id() <= before || open.containsKey(offer.id())) {
        throw new DecodeException(
            "a call that opens channel " + offer.id() + ", where the last was " + before);
      }
      lastOfCore = Math.max(lastOfCore, offer.id());
      End end = accepted(offer);
      end.id = offer.id();
      end.bound = true;
      open.put(end.id, end);
      ends.put(entry.getKey(), end);
    }
    return ends;
  }

  private End accepted(Offer offer) {
    if (offer.toCallee()) {
      outbox.put(Message.of("credit", offer.id(), CREDIT));
      return new End.Receiver(CREDIT);
    }
    End.Sender sender = new End.Sender();
    sender.credit = offer.credit();
    return sender;
  }

  // What this worker says.

  /**
   * Encodes an item for a sender that has its number.
   *
   * @throws CommandException {@code too_large}
   * @throws io.github.stockaderuntime.frontend.EncodeException for what cannot be said
   */
  public Message item(End.Sender sender, Object value) {
    Message message = Message.valued("item", sender.id, value, depth);
    if (message.size() + Outbox.LARGEST_HEAD > size) {
      throw new CommandException(
          CommandException.TOO_LARGE,
          "an item of "
              + message.size()
              + " bytes, where a message may have "
              + size
              + ": send it in parts");
    }
    return message;
  }

  /** Sends an encoded item, for which there must be credit. */
  public void send(End.Sender sender, Message item) {
    sender.credit--;
    outbox.put(item);
  }

  /**
   * The next item, which must be there. What was taken is granted anew, half of the window at a
   * time.
   *
   * @return any value
   */
  public Object take(End.Receiver receiver) {
    Object item = receiver.take();
    if (!receiver.isOver() && 2 * receiver.owed >= receiver.window()) {
      receiver.granted += receiver.owed;
      outbox.put(Message.of("credit", receiver.id, receiver.owed));
      receiver.owed = 0;
    }
    return item;
  }

  /**
   * This side ends it, a sender with an error if it could not send everything. Doing so again does
   * nothing.
   */
  public void finish(End end, CommandException error) {
    if (!end.isOver()) {
      if (open.containsKey(end.id)) {
        outbox.put(farewell(end, error));
      }
      close(end, error);
    }
  }

  private Message farewell(End end, CommandException error) {
    if (end instanceof End.Receiver) {
      return Message.of("drop", end.id);
    }
    return error == null ? Message.of("end", end.id) : Message.error("end", end.id, error, depth);
  }

  // What the core says.

  void item(long number, Object value) throws DecodeException {
    if (find(number, End.Receiver.class) instanceof End.Receiver receiver) {
      if (receiver.granted == 0) {
        throw new DecodeException("an item on channel " + number + " over its credit");
      }
      receiver.put(value);
    }
  }

  void ended(long number, CommandException error) throws DecodeException {
    End end = find(number, End.Receiver.class);
    if (end != null) {
      close(end, error);
    }
  }

  void credit(long number, long count) throws DecodeException {
    if (find(number, End.Sender.class) instanceof End.Sender sender) {
      if (count > Whole.LARGEST - sender.credit) {
        throw new DecodeException("a credit of " + count + " on channel " + number);
      }
      sender.credit += count;
    }
  }

  void dropped(long number) throws DecodeException {
    End end = find(number, End.Sender.class);
    if (end != null) {
      close(end, new DroppedException());
    }
  }

  /** The open end of this kind; null for one that has ended. */
  private End find(long number, Class<? extends End> kind) throws DecodeException {
    End end = open.get(number);
    if (end == null && (number > (number % 2 == 0 ? lastOfCore : lastOwn) || number == 0)) {
      throw new DecodeException("something on channel " + number + ", which was never opened");
    }
    if (end != null && !kind.isInstance(end)) {
      throw new DecodeException("something on channel " + number + ", from its wrong end");
    }
    return end;
  }

  // The end.

  /** It has ended, for both sides, and nothing more is said of it. */
  void close(End end, RuntimeException why) {
    remove(end);
    end.close(why);
  }

  /**
   * The call that opened them never ran, and will be made again: as if they had not been opened.
   */
  void forget(Map<String, End> ends) {
    for (End end : ends.values()) {
      remove(end);
      end.reset();
    }
  }

  /** The conversation is over. */
  void closeAll() {
    // In their order, so that what waits is woken so too.
    List<End> all = new ArrayList<>(new TreeMap<>(open).values());
    for (End end : all) {
      close(
          end,
          new CommandException(
              CommandException.UNAVAILABLE, "the conversation with the core has ended"));
    }
  }

  private void remove(End end) {
    if (open.remove(end.id, end) && end.id % 2 != 0) {
      own--;
    }
  }
}
