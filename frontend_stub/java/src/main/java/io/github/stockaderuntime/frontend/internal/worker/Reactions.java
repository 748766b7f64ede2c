package io.github.stockaderuntime.frontend.internal.worker;

import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.internal.session.HandledCall;

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
}
