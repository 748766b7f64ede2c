package io.github.stockaderuntime.frontend.internal.worker;

import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.EndedException.End;
import io.github.stockaderuntime.frontend.internal.session.Message;
import io.github.stockaderuntime.frontend.internal.session.Outbox;
import io.github.stockaderuntime.frontend.internal.session.Session;
import io.github.stockaderuntime.frontend.internal.session.State;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * What goes to and fro between the sockets and the session. Knows no thread and no lock: whoever
 * calls it holds that, and throws what ends the conversation.
 */
final class Traffic {
  /**
   * The core's last message, which says why, may come so long behind the news that it has closed.
   */
  private static final long LAST_WORDS = TimeUnit.MILLISECONDS.toNanos(300);

  private final Link link;
  private final Session session;
  private boolean takesEmits;
  private long emitsStirred;

  Traffic(Link link, Session session) {
    this.link = link;
    this.session = session;
  }

  /** Sends what has gathered; false if there is no room for all of it. */
  boolean flush() {
    Outbox outbox = session.outbox();
    for (Message batch = outbox.batch(); batch != null; batch = outbox.batch()) {
      if (!link.send(batch)) {
        return false;
      }
      outbox.sent();
    }
    return true;
  }

  /** Reads one message of the commands socket; false if there is none. */
  boolean readOne(long now) {
    byte[] frame = link.receive();
    if (frame == null) {
      return false;
    }
    session.receive(frame, link.receiveRest(), now);
    return true;
  }

  /** Reads all events that are there. */
  void readEvents() {
    for (byte[] frame = link.receiveEvent(); frame != null; frame = link.receiveEvent()) {
      session.receiveEvent(frame);
    }
  }

  /** Reads what the core's SUB has to say. Looking also makes room visible for emits that wait. */
  void readEmits() {
    emitsStirred++;
    try {
      byte[] frame = link.receiveSubscription();
      while (frame != null) {
        takesEmits = session.receiveSubscription(frame);
        frame = link.receiveSubscription();
      }
    } catch (EndedException end) {
      if (end.end() == End.CONNECTION_LOST) {
        hearLastWords();
      }
      throw end;
    }
  }

  /** The core has closed: what it may have said before is the better reason. */
  private void hearLastWords() {
    long until = System.nanoTime() + LAST_WORDS;
    while (session.state() != State.LEFT && System.nanoTime() - until < 0) {
      if (!readOne(0)) {
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
      }
    }
  }

  /** Whether the core's subscription has come: before it, an emit would be lost. */
  boolean takesEmits() {
    return takesEmits;
  }

  /** Changes whenever there may be room for an emit, where there was none. */
  long emitsStirred() {
    return emitsStirred;
  }

  /** Subscribes, and reads what has come meanwhile, since its edge may be taken now. */
  void subscribe(String topic) {
    link.subscribe(topic);
    readEvents();
  }

  void unsubscribe(String topic) {
    link.unsubscribe(topic);
    readEvents();
  }

  /** Emits a prepared event; false if there is no room. */
  boolean emit(Session.Emit prepared) {
    boolean went = tryEmit(prepared);
    readEmits(); // the edge of what the core says, or of room, may be taken now
    return went || tryEmit(prepared);
  }

  private boolean tryEmit(Session.Emit prepared) {
    boolean went = link.emit(session.frameOf(prepared));
    if (went) {
      session.emitted(prepared);
    }
    return went;
  }
}
