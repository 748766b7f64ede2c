package io.github.stockaderuntime.frontend.internal.wire;

import io.github.stockaderuntime.frontend.Event;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Names and topics of events, and the frames of the events socket (protocol, section 7). */
public final class Topics {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_/:.-]{0,127}[A-Za-z0-9_:.-]");
  private static final byte BAR = '|';

  private Topics() {}

  /**
   * The name, if it may name an event.
   *
   * @param name 1 to 128 characters, no slash at the end
   * @return itself
   * @throws IllegalArgumentException if it may not: the worker's own bug
   */
  public static String event(String name) {
    if (NAME.matcher(name).matches()) {
      return name;
    }
    throw new IllegalArgumentException(
        "'"
            + name
            + "' is no event's name: 1 to 128 of A-Z a-z 0-9 _ / : . -, no slash at the end");
  }

  /**
   * What to subscribe to.
   *
   * @param name an event, or a prefix that ends in one slash
   * @return its topic
   * @throws IllegalArgumentException if it is neither: the worker's own bug
   */
  public static String topic(String name) {
    boolean isPrefix = name.endsWith("/");
    event(isPrefix ? name.substring(0, name.length() - 1) : name);
    return isPrefix ? name : name + "|";
  }

  /**
   * The event that a frame of the events socket says.
   *
   * @param frame all of it
   * @return the event
   * @throws DecodeException if it says none
   */
  public static Event read(byte[] frame) throws DecodeException {
    int bar = 0;
    while (bar < frame.length && frame[bar] != BAR) {
      bar++;
    }
    String name = new String(frame, 0, bar, StandardCharsets.ISO_8859_1);
    if (bar == frame.length || !NAME.matcher(name).matches()) {
      throw new DecodeException("an event without a name and a bar");
    }
    Object body = Decoder.decode(Arrays.copyOfRange(frame, bar + 1, frame.length));
    if (!(body instanceof List<?> elements)
        || elements.size() < 3
        || !(elements.get(1) instanceof String source)) {
      throw new DecodeException("an event that is not [seq, source, payload]");
    }
    long seq = Whole.of(elements.get(0));
    if (seq == 0) {
      throw new DecodeException("an event without a number");
    }
    return new Event(name, elements.get(2), source, seq, trace(elements));
  }

  /**
   * A trace that is none is ignored, and so is an element that is no map: it is behind those that
   * are defined.
   */
  private static Optional<String> trace(List<?> elements) {
    boolean isThere = elements.size() > 3 && elements.get(3) instanceof Map<?, ?>;
    return isThere && ((Map<?, ?>) elements.get(3)).get("trace") instanceof String text
        ? Optional.of(text)
        : Optional.empty();
  }
}
