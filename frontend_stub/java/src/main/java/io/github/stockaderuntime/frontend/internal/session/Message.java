package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.EncodeException;
import io.github.stockaderuntime.frontend.internal.wire.Decoder;
import io.github.stockaderuntime.frontend.internal.wire.Encoder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A message, or a batch of them, as it goes.
 *
 * @param head the encoded message, or batch
 * @param frames the raw frames behind it
 */
public record Message(byte[] head, List<byte[]> frames) {
  /** From so many bytes on, bytes travel as a frame of their own. */
  public static final int RAW = 16 * 1024;

  /**
   * A batch and a message stand around each value: two of the containers that may stand within each
   * other.
   */
  private static final int AROUND = 2;

  static Message of(Object... elements) {
    return new Message(Encoder.array(elements), List.of());
  }

  /**
   * A result or an item.
   *
   * @param verb which of them
   * @param number the id of the call, or the channel
   * @param value any value
   * @param depth containers within each other that the core takes
   * @return the message
   * @throws EncodeException for a value that cannot be said
   */
  public static Message valued(String verb, long number, Object value, int depth) {
    if (value instanceof byte[] bytes && bytes.length >= RAW) {
      return new Message(
          Encoder.array(verb, number, null, Map.of("raw", 1)), List.of(bytes.clone()));
    }
    return of(verb, number, new Encoder.Encoded(Encoder.encode(value, depth - AROUND)));
  }

  /** Ends a call, or a channel, with an error; of its data what cannot be said is left out. */
  static Message error(String verb, long number, CommandException error, int depth) {
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("code", sayable(error.code()));
    said.put("message", sayable(error.message()));
    if (error.data() != null) {
      try {
        said.put("data", error.data());
        return of(verb, number, new Encoder.Encoded(Encoder.encode(said, depth - AROUND)));
      } catch (EncodeException fault) {
        said.remove("data");
        said.put(
            "message",
            said.get("message") + " (its data cannot be sent: " + fault.getMessage() + ")");
      }
    }
    return of(verb, number, said);
  }

  /** With a question mark for each lone surrogate. */
  private static String sayable(String text) {
    return text == null
        ? ""
        : new String(
            text.getBytes(java.nio.charset.StandardCharsets.UTF_8),
            java.nio.charset.StandardCharsets.UTF_8);
  }

  /** Bytes of all of it. */
  long size() {
    long size = head.length;
    for (byte[] frame : frames) {
      size += frame.length;
    }
    return size;
  }

  static int depth(long limit) {
    return (int) Math.min(limit, Decoder.DEPTH);
  }
}
