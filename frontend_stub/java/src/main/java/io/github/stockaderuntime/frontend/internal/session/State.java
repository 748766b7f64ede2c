package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.internal.wire.Verb;
import java.util.EnumSet;
import java.util.Set;

/**
 * Where the conversation stands, as this side sees it, and what the core may say then: all else is
 * its fault.
 */
public enum State {
  /** Nothing is said. */
  BORN(EnumSet.noneOf(Verb.class)),
  /** {@code hello} is said, the answer awaited. */
  GREETING(EnumSet.of(Verb.WELCOME, Verb.REFUSED, Verb.BREACH)),
  /** The core has welcomed this worker. */
  OPEN(EnumSet.complementOf(EnumSet.of(Verb.WELCOME, Verb.REFUSED, Verb.BYE))),
  /** {@code bye} is said, the answer awaited. */
  LEAVING(EnumSet.complementOf(EnumSet.of(Verb.WELCOME, Verb.REFUSED))),
  /** The core has said {@code bye} too. */
  LEFT(EnumSet.noneOf(Verb.class));

  private final Set<Verb> mayCome;

  State(Set<Verb> mayCome) {
    this.mayCome = mayCome;
  }

  boolean takes(Verb verb) {
    return mayCome.contains(verb);
  }
}
