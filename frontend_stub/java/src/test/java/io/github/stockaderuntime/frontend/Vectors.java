package io.github.stockaderuntime.frontend;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The protocol's vectors, and values as they write them. */
public final class Vectors {
  private static final JsonNode ALL = read();

  private Vectors() {}

  private static JsonNode read() {
    try {
      return new ObjectMapper().readTree(Path.of("../../docs/vectors.json").toFile());
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  public static Stream<JsonNode> of(String section) {
    return StreamSupport.stream(ALL.get(section).spliterator(), false);
  }

  public static byte[] bytes(JsonNode hex) {
    return HexFormat.of().parseHex(hex.asText());
  }

  public static List<byte[]> frames(JsonNode vector) {
    List<byte[]> frames = new ArrayList<>();
    vector.path("frames").forEach(frame -> frames.add(bytes(frame)));
    return frames;
  }

  public static List<String> texts(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }

  /** The value that JSON with {@code $} says. */
  public static Object value(JsonNode said) {
    if (said.isArray()) {
      List<Object> array = new ArrayList<>();
      said.forEach(element -> array.add(value(element)));
      return array;
    }
    if (said.isObject()) {
      return said.size() == 1 ? special(said) : map(said);
    }
    if (said.isNumber()) {
      return said.asLong();
    }
    return said.isNull() ? null : said.isBoolean() ? said.asBoolean() : said.asText();
  }

  private static Object special(JsonNode said) {
    String key = said.fieldNames().next();
    JsonNode value = said.get(key);
    return switch (key) {
      case "$bytes" -> bytes(value);
      case "$float" -> Double.valueOf(value.asText());
      case "$int" -> new BigInteger(value.asText()).longValueExact();
      case "$map" -> {
        Map<String, Object> map = new LinkedHashMap<>();
        value.forEach(pair -> map.put(pair.get(0).asText(), value(pair.get(1))));
        yield map;
      }
      default -> map(said);
    };
  }

  private static Map<String, Object> map(JsonNode said) {
    Map<String, Object> map = new LinkedHashMap<>();
    said.properties().forEach(entry -> map.put(entry.getKey(), value(entry.getValue())));
    return map;
  }

  /** A value as text that tells all that differs apart: types, and the content of bytes. */
  public static String shown(Object value) {
    if (value instanceof byte[] bytes) {
      return "h'" + HexFormat.of().formatHex(bytes) + "'";
    }
    if (value instanceof List<?> list) {
      return list.stream().map(Vectors::shown).toList().toString();
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, String> all = new java.util.TreeMap<>();
      map.forEach((key, item) -> all.put(key, shown(item)));
      return all.toString();
    }
    return value == null ? "null" : value.getClass().getSimpleName() + " " + value;
  }
}
