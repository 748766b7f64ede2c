package io.github.stockaderuntime.frontend.internal.worker;

import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.internal.session.HandledCall;
import io.github.stockaderuntime.frontend.internal.session.Pending;
import io.github.stockaderuntime.frontend.internal.session.Session;
import java.util.ArrayList;
import java.util.List;

/**
 * What a conversation has done by others: none of it may wait, for whoever reads the sockets runs
 * it.
 */
interface Reactions {
  /** A call is to be handled. */
  void handle(HandledCall call);

  /** Events wait for their handlers. May be said again while they are being handled. */
  void handleEvents();

  /** The conversation is over, for a reason that is the process's end too. Said once. */
  void ended(EndedException end);

  /** All that is to be done, outside the lock, for what has happened in a session. */
  default List<Runnable> to(Session session) {
    List<Runnable> todo = new ArrayList<>(0);
    for (Pending pending : session.takeAnswered()) {
      if (pending.whenDone() != null) {
        todo.add(pending.whenDone());
      }
    }
    for (HandledCall stopped : session.handled().takeStopped()) {
      if (stopped.whenStopped() != null) {
        todo.add(stopped.whenStopped());
      }
    }
    HandledCall asked = session.handled().begin();
    while (asked != null) {
      HandledCall begun = asked;
      todo.add(() -> handle(begun));
      asked = session.handled().begin();
    }
    if (session.inbox().waiting() > 0) {
      todo.add(this::handleEvents);
    }
    return todo;
  }
}
