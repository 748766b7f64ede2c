package io.github.stockaderuntime.frontend.internal.wire;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The strict profile of CBOR (protocol, section 4), from bytes to values. Knows no message.
 *
 * <p>Integers become {@link Long}, floats {@link Double}, bytes {@code byte[]}, arrays {@link
 * List}, maps {@link Map}. Jackson reads; what it is lenient about (tags, indefinite lengths,
 * simple values, text that is no UTF-8) is seen on the first byte of each of its tokens, and on the
 * bytes that a text came from.
 */
public final class Decoder {
  /** Containers within containers, the outermost counted. */
  public static final int DEPTH = 32;

  private static final int TEXT = 3;
  private static final int TAG = 6;
  private static final int SIMPLE = 7;
  private static final int INDEFINITE = 31;

  static final CBORFactory FACTORY =
      CBORFactory.builder()
          // Names are not remembered: a peer could choose them so that they collide.
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(DEPTH)
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .build())
          .build();

  private final byte[] data;
  private final JsonParser parser;

  private Decoder(byte[] data, JsonParser parser) {
    this.data = data;
    this.parser = parser;
  }

  /**
   * The one value that these bytes say.
   *
   * @param data all of them
   * @return null, or a Boolean, Long, Double, String, byte[], List or Map
   * @throws DecodeException for anything that is not the profile: the sender's fault
   */
  public static Object decode(byte[] data) throws DecodeException {
    try (JsonParser parser = FACTORY.createParser(data)) {
      Decoder decoder = new Decoder(data, parser);
      Object value = decoder.value(parser.nextToken(), 0);
      if (decoder.at() != data.length) {
        throw new DecodeException("bytes after the item");
      }
      return value;
    } catch (IOException | IllegalArgumentException | ArithmeticException error) {
      throw new DecodeException(String.valueOf(error.getMessage()));
    }
  }

  private Object value(JsonToken token, int depth) throws IOException, DecodeException {
    if (token == null) {
      throw new DecodeException("an item that is cut short");
    }
    int head = head();
    return switch (token) {
      case START_OBJECT -> map(depth + 1);
      case START_ARRAY -> array(depth + 1);
      case VALUE_STRING -> text(parser.getText(), head);
      case VALUE_EMBEDDED_OBJECT -> parser.getBinaryValue();
      case VALUE_NUMBER_INT -> integer();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      default -> throw new DecodeException("no value, but " + token);
    };
  }

  /** The first byte of the token, which is none that the profile has not. */
  private int head() throws DecodeException {
    int head = data[(int) parser.currentTokenLocation().getByteOffset()] & 0xff;
    int info = head & 31;
    if (head >> 5 == TAG) {
      throw new DecodeException("a tag");
    }
    if (info == INDEFINITE) {
      throw new DecodeException("an indefinite length, or its end");
    }
    if (head >> 5 == SIMPLE && (info < 20 || info > 27 || info == 23 || info == 24)) {
      throw new DecodeException("undefined, or a simple value");
    }
    return head;
  }

  private Map<String, Object> map(int depth) throws IOException, DecodeException {
    check(depth);
    Map<String, Object> map = new LinkedHashMap<>();
    for (JsonToken token = parser.nextToken();
        token != JsonToken.END_OBJECT;
        token = parser.nextToken()) {
      if (token != JsonToken.FIELD_NAME) {
        throw new DecodeException("a map that is cut short");
      }
      int head = head();
      if (head >> 5 != TEXT) {
        throw new DecodeException("a map's key that is not text");
      }
      String key = text(parser.currentName(), head);
      int size = map.size();
      map.put(key, value(parser.nextToken(), depth));
      if (map.size() == size) {
        throw new DecodeException("a map with the same key twice");
      }
    }
    return map;
  }

  private List<Object> array(int depth) throws IOException, DecodeException {
    check(depth);
    List<Object> array = new ArrayList<>();
    for (JsonToken token = parser.nextToken();
        token != JsonToken.END_ARRAY;
        token = parser.nextToken()) {
      array.add(value(token, depth));
    }
    return array;
  }

  private static void check(int depth) throws DecodeException {
    if (depth > DEPTH) {
      throw new DecodeException("more than " + DEPTH + " containers within each other");
    }
  }

  private Object integer() throws IOException, DecodeException {
    if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
        && parser.getBigIntegerValue().bitLength() > 63) {
      throw new DecodeException("an integer that does not fit into 64 bits");
    }
    return parser.getLongValue();
  }

  /**
   * The text, if it is what its bytes say: text that is UTF-8 is encoded as the same bytes again.
   */
  private String text(String text, int head) throws DecodeException {
    int start = (int) parser.currentTokenLocation().getByteOffset() + widthOf(head);
    int end = at();
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    if (utf8.length != end - start || !Arrays.equals(utf8, 0, utf8.length, data, start, end)) {
      throw new DecodeException("text that is not UTF-8");
    }
    return text;
  }

  /** Bytes of the first byte and the length behind it. */
  private static int widthOf(int head) {
    int info = head & 31;
    return info < 24 ? 1 : 1 + (1 << info - 24);
  }

  private int at() {
    return (int) parser.currentLocation().getByteOffset();
  }
}
