package io.github.stockaderuntime.frontend.internal.wire;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Every verb that the core may say, and the shape of its message (protocol, section 5). */
public enum Verb {
  WELCOME((message, to) -> to.welcome(message.welcome(1))),
  REFUSED((message, to) -> to.refused(message.error(1))),
  CALL(Verb::call),
  CANCEL((message, to) -> to.cancel(message.whole(1))),
  RESULT((message, to) -> to.result(message.whole(1), message.valued(2))),
  ERROR((message, to) -> to.error(message.whole(1), message.error(2))),
  ITEM((message, to) -> to.item(message.whole(1), message.valued(2))),
  END((message, to) -> to.end(message.whole(1), message.has(2) ? message.error(2) : null)),
  CREDIT(Verb::credit),
  DROP((message, to) -> to.drop(message.whole(1))),
  LISTENING((message, to) -> to.listening(message.text(1))),
  DENIED((message, to) -> to.denied(message.text(1), message.error(2))),
  MISSED((message, to) -> to.missed(message.whole(1))),
  PING((message, to) -> to.ping(message.whole(1))),
  PONG((message, to) -> to.pong(message.whole(1))),
  STOP((message, to) -> to.stop(Whole.of(Elements.in(message.map(1), "grace")))),
  BYE((message, to) -> to.bye(Whole.of(Elements.in(message.map(1), "emitted")))),
  BREACH(Verb::breach);

  /** How the elements behind a verb are read. */
  @FunctionalInterface
  private interface Shape {
    void read(Elements message, CoreSays to) throws DecodeException;
  }

  private static final Map<String, Verb> BY_NAME = new HashMap<>();

  static {
    for (Verb verb : values()) {
      BY_NAME.put(verb.said(), verb);
    }
  }

  private final Shape shape;

  Verb(Shape shape) {
    this.shape = shape;
  }

  /**
   * The verb of a message.
   *
   * @param message whatever stood in a batch
   * @return one that there is
   * @throws DecodeException if it is no array with a verb first
   */
  public static Verb of(Object message) throws DecodeException {
    if (!(message instanceof List<?> elements)
        || elements.isEmpty()
        || !(elements.get(0) instanceof String name)) {
      throw new DecodeException("a message that is no array with a verb");
    }
    Verb verb = BY_NAME.get(name);
    if (verb == null) {
      throw new DecodeException("an unknown verb, " + name);
    }
    return verb;
  }

  /**
   * Reads a message of this verb.
   *
   * @param message an array with the verb first
   * @param frames the raw frames behind its batch
   * @param to who is told what it says
   * @throws DecodeException if it has not the shape of its verb; nobody has been told anything
   */
  public void read(Object message, RawFrames frames, CoreSays to) throws DecodeException {
    shape.read(new Elements((List<?>) message, frames), to);
  }

  /**
   * As it stands in a message.
   *
   * @return the verb in small letters
   */
  public String said() {
    return name().toLowerCase(Locale.ROOT);
  }

  private static void call(Elements message, CoreSays to) throws DecodeException {
    Said said = message.said(4);
    String command = message.text(2);
    if (command.isEmpty() || command.codePointCount(0, command.length()) > 128) {
      throw new DecodeException("a command of no or more than 128 characters");
    }
    to.call(message.whole(1), command, message.arguments(3, said), said);
  }

  private static void credit(Elements message, CoreSays to) throws DecodeException {
    long count = message.whole(2);
    if (count == 0) {
      throw new DecodeException("a credit of nothing");
    }
    to.credit(message.whole(1), count);
  }

  private static void breach(Elements message, CoreSays to) throws DecodeException {
    var why = message.map(1);
    to.breach(
        Elements.asText(Elements.in(why, "code")), Elements.asText(Elements.in(why, "reason")));
  }
}
