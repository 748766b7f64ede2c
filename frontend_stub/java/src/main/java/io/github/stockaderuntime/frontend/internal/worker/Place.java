package io.github.stockaderuntime.frontend.internal.worker;

import com.sun.jna.Memory;
import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.EndedException.End;
import io.github.stockaderuntime.frontend.internal.session.Session;
import java.util.Map;

/**
 * What this process was given as a worker: its environment, its secret, its lifeline (protocol,
 * section 2).
 *
 * @param label this worker's
 * @param generation which start of it this is
 * @param sockets where they belong: ipc:// and a directory
 * @param corePid the process id of the core; 0 if it was not said
 * @param secret 64 digits
 * @param lifeline the descriptor whose end ends this process
 */
record Place(
    String label, long generation, String sockets, int corePid, byte[] secret, int lifeline) {
  private static final int SECRET = 64;

  @Override
  public String toString() {
    return "Place[" + label + "@" + generation + "]"; // a secret is never printed
  }

  /**
   * Reads it all, and keeps standard input as the lifeline.
   *
   * @throws EndedException if there is no supervisor behind this process
   */
  static Place take(Map<String, String> environment) {
    for (String name :
        new String[] {
          "STOCKADE_SOCKETS", "STOCKADE_PROTOCOL", "STOCKADE_WORKER", "STOCKADE_GENERATION"
        }) {
      if (environment.getOrDefault(name, "").isEmpty()) {
        throw byHand(name + " is not set");
      }
    }
    String spoken = environment.get("STOCKADE_PROTOCOL");
    if (!spoken.equals(String.valueOf(Session.PROTOCOL))) {
      throw new EndedException(
          End.STARTED_BY_HAND,
          "the core speaks version "
              + spoken
              + " of the protocol, this library version "
              + Session.PROTOCOL
              + ".\nUse the stockade-frontend that belongs to the runtime.");
    }
    long generation = number(environment, "STOCKADE_GENERATION");
    long corePid = number(environment, "STOCKADE_CORE_PID");
    if (!Libc.isInputAPipe()) {
      throw byHand("standard input is no pipe, which would bring the secret");
    }
    if (!"1".equals(environment.get("STOCKADE_DEBUGGABLE"))) {
      Libc.hide();
    }
    int lifeline = Libc.takeInput();
    return new Place(
        environment.get("STOCKADE_WORKER"),
        generation,
        environment.get("STOCKADE_SOCKETS"),
        (int) corePid,
        readSecret(lifeline),
        lifeline);
  }

  private static long number(Map<String, String> environment, String name) {
    try {
      return Long.parseLong(environment.getOrDefault(name, "0"));
    } catch (NumberFormatException error) {
      throw byHand(name + " is no number");
    }
  }

  /**
   * The first line. Byte by byte: what stands behind it, if ever, is not this function's to take.
   */
  private static byte[] readSecret(int lifeline) {
    byte[] secret = new byte[SECRET];
    try (Memory one = new Memory(1)) {
      for (int at = 0; at <= SECRET; at++) {
        if (Libc.read(lifeline, one) == 0) {
          throw new EndedException(
              End.STOPPED, "the supervisor has gone before it gave the secret");
        }
        byte digit = one.getByte(0);
        boolean isRight =
            at == SECRET
                ? digit == '\n'
                : digit >= '0' && digit <= '9' || digit >= 'a' && digit <= 'f';
        if (!isRight) {
          throw byHand("the first line of standard input is no secret");
        }
        if (at < SECRET) {
          secret[at] = digit;
        }
      }
    }
    return secret;
  }

  private static EndedException byHand(String why) {
    return new EndedException(
        End.STARTED_BY_HAND,
        "this program is a Stockade worker: the supervisor that starts it gives it its sockets, and here is none ("
            + why
            + ").\nName it as `run` of a [[worker]] in stockade.toml, and start that with `stockade run`.");
  }
}
