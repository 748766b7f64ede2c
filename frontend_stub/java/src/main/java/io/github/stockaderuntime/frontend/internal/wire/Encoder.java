package io.github.stockaderuntime.frontend.internal.wire;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import com.fasterxml.jackson.dataformat.cbor.CBORGenerator;
import io.github.stockaderuntime.frontend.EncodeException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * The strict profile of CBOR (protocol, section 4), from values to bytes. Knows no message.
 *
 * <p>What can be said: null, Boolean, Byte, Short, Integer, Long, a BigInteger of 64 bits, Float,
 * Double, String, {@code byte[]}, List and Map with keys that are String. All else is refused:
 * nothing is sent as another type.
 */
public final class Encoder {
  /**
   * Above so many characters Jackson would write a text in chunks, if it were asked to write a
   * String.
   */
  private static final int LONG_TEXT = 1024;

  /** The first byte of an array of no elements; up to 23 they are added to it. */
  private static final int ARRAY = 0x80;

  private static final CBORFactory FACTORY =
      CBORFactory.builder().enable(CBORGenerator.Feature.WRITE_MINIMAL_INTS).build();

  private Encoder() {}

  /** An item that is encoded already. */
  public record Encoded(byte[] bytes) {}

  /**
   * One item.
   *
   * @param value what to say
   * @param depth how many containers deep it may be where it will stand
   * @return its bytes
   * @throws EncodeException for what the profile cannot say
   */
  public static byte[] encode(Object value, int depth) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(64);
    try (JsonGenerator generator = FACTORY.createGenerator(out)) {
      write(generator, value, depth);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return out.toByteArray();
  }

  /**
   * An array of up to 23 elements of this stub's own making, some of them {@link Encoded} before.
   *
   * @param elements what stands in it
   * @return its bytes
   */
  public static byte[] array(Object... elements) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(128);
    out.write(ARRAY | elements.length);
    try (JsonGenerator generator = FACTORY.createGenerator(out)) {
      for (Object element : elements) {
        if (element instanceof Encoded encoded) {
          generator.flush();
          out.writeBytes(encoded.bytes());
        } else {
          write(generator, element, Decoder.DEPTH);
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return out.toByteArray();
  }

  private static void write(JsonGenerator generator, Object value, int depth) throws IOException {
    if (value == null) {
      generator.writeNull();
    } else if (value instanceof String text) {
      writeText(generator, text);
    } else if (value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte) {
      generator.writeNumber(((Number) value).longValue());
    } else if (value instanceof Boolean bool) {
      generator.writeBoolean(bool);
    } else if (value instanceof Double number) {
      generator.writeNumber(number.doubleValue());
    } else if (value instanceof Float number) {
      generator.writeNumber(number.floatValue());
    } else if (value instanceof byte[] bytes) {
      generator.writeBinary(bytes);
    } else if (value instanceof Map<?, ?> map) {
      writeMap(generator, map, deeper(depth));
    } else if (value instanceof List<?> list) {
      writeList(generator, list, deeper(depth));
    } else if (value instanceof BigInteger integer) {
      writeInteger(generator, integer);
    } else {
      throw new EncodeException(
          value.getClass().getName()
              + " cannot be sent; say it with Boolean, Long, Double, String, byte[], List, Map or null",
          "");
    }
  }

  private static void writeMap(JsonGenerator generator, Map<?, ?> map, int depth)
      throws IOException {
    generator.writeStartObject(map, map.size());
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      if (!(entry.getKey() instanceof String key)) {
        throw new EncodeException("a map's key must be a String, not " + entry.getKey(), "");
      }
      try {
        writeKey(generator, key);
        write(generator, entry.getValue(), depth);
      } catch (EncodeException error) {
        throw within(key, error);
      }
    }
    generator.writeEndObject();
  }

  private static void writeList(JsonGenerator generator, List<?> list, int depth)
      throws IOException {
    generator.writeStartArray(list, list.size());
    int index = 0;
    for (Object element : list) {
      try {
        write(generator, element, depth);
      } catch (EncodeException error) {
        throw within("[" + index + "]", error);
      }
      index++;
    }
    generator.writeEndArray();
  }

  private static void writeText(JsonGenerator generator, String text) throws IOException {
    checkText(text);
    if (text.length() < LONG_TEXT) {
      generator.writeString(text);
    } else {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      generator.writeUTF8String(utf8, 0, utf8.length);
    }
  }

  private static void writeKey(JsonGenerator generator, String key) throws IOException {
    checkText(key);
    if (key.length() < LONG_TEXT) {
      generator.writeFieldName(key);
    } else {
      generator.writeFieldName(new SerializedString(key));
    }
  }

  private static void writeInteger(JsonGenerator generator, BigInteger integer) throws IOException {
    if (integer.bitLength() > 63) {
      throw new EncodeException("an integer that does not fit into 64 bits", "");
    }
    generator.writeNumber(integer.longValue());
  }

  private static void checkText(String text) {
    for (int at = 0; at < text.length(); at++) {
      char unit = text.charAt(at);
      if (Character.isSurrogate(unit)) {
        boolean isPair =
            Character.isHighSurrogate(unit)
                && at + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(at + 1));
        if (!isPair) {
          throw new EncodeException("text with a lone surrogate, which UTF-8 cannot say", "");
        }
        at++;
      }
    }
  }

  private static int deeper(int depth) {
    if (depth < 1) {
      throw new EncodeException("more than " + Decoder.DEPTH + " containers within each other", "");
    }
    return depth - 1;
  }

  private static EncodeException within(String place, EncodeException error) {
    String path = error.path();
    String dot = path.isEmpty() || path.startsWith("[") ? "" : ".";
    return new EncodeException(error.reason(), place + dot + path);
  }
}
