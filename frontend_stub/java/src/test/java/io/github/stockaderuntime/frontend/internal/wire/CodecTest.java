package io.github.stockaderuntime.frontend.internal.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.stockaderuntime.frontend.EncodeException;
import io.github.stockaderuntime.frontend.Vectors;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The strict profile, by the vectors and beyond them. */
class CodecTest {
  @TestFactory
  Stream<DynamicTest> decodesEachVector() {
    return Vectors.of("decode")
        .map(vector -> dynamicTest(vector.get("name").asText(), () -> decodes(vector)));
  }

  private static void decodes(JsonNode vector) throws DecodeException {
    Object value = Decoder.decode(Vectors.bytes(vector.get("hex")));
    assertEquals(Vectors.shown(Vectors.value(vector.get("value"))), Vectors.shown(value));
  }

  @TestFactory
  Stream<DynamicTest> refusesEachVector() {
    return Vectors.of("refuse")
        .map(
            vector ->
                dynamicTest(
                    vector.get("name").asText(),
                    () ->
                        assertThrows(
                            DecodeException.class,
                            () -> Decoder.decode(Vectors.bytes(vector.get("hex"))))));
  }

  @TestFactory
  Stream<DynamicTest> encodesEachVector() {
    return Vectors.of("encode")
        .map(vector -> dynamicTest(vector.get("name").asText(), () -> encodes(vector)));
  }

  private static void encodes(JsonNode vector) throws DecodeException {
    Object value = Vectors.value(vector.get("value"));
    byte[] encoded = Encoder.encode(value, Decoder.DEPTH);
    assertEquals(Vectors.shown(value), Vectors.shown(Decoder.decode(encoded)));
    if (!Vectors.shown(value).contains("Double")) { // those are written with 64 bits, always
      assertArrayEquals(Vectors.bytes(vector.get("hex")), encoded);
    }
  }

  @Test
  void longTextIsWrittenWithItsLength() throws DecodeException {
    String text = "\u00e4\ud83d\ude00x".repeat(100_000);
    Map<String, Object> value = Map.of(text, List.of(text));
    assertEquals(value, Decoder.decode(Encoder.encode(value, Decoder.DEPTH)));
  }

  @Test
  void smallerNumbersAreTheSameAsLarge() {
    assertArrayEquals(
        Encoder.encode(List.of(1L, 2L, 3L, 4L), 1),
        Encoder.encode(List.of(1, (short) 2, (byte) 3, BigInteger.valueOf(4)), 1));
  }

  @Test
  void whatCannotBeSaidIsRefusedWithItsPlace() {
    assertRefused("", BigInteger.ONE.shiftLeft(63));
    assertRefused("a[1].b", Map.of("a", List.of(1, Map.of("b", new Object()))));
    assertRefused("a", Map.of("a", "\ud800"));
    assertRefused("", Map.of(1, 2));
    assertRefused("", 'c');
    assertRefused("", new int[] {1});
  }

  private static void assertRefused(String path, Object value) {
    EncodeException error =
        assertThrows(EncodeException.class, () -> Encoder.encode(value, Decoder.DEPTH));
    assertEquals(path, error.path());
  }

  @Test
  void isAsDeepAsItMayBeAndNoDeeper() throws DecodeException {
    Object value = new HashMap<String, Object>();
    for (int depth = 1; depth < Decoder.DEPTH; depth++) {
      List<Object> around = new ArrayList<>();
      around.add(value);
      value = around;
    }
    assertEquals(value, Decoder.decode(Encoder.encode(value, Decoder.DEPTH)));
    Object deeper = List.of(value);
    assertThrows(EncodeException.class, () -> Encoder.encode(deeper, Decoder.DEPTH));
  }

  @Test
  void eachCutOfAnItemIsRefused() {
    byte[] whole = Encoder.encode(Map.of("a", List.of(1.5, "text", new byte[70], 70_000)), 4);
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = java.util.Arrays.copyOf(whole, length);
      assertThrows(DecodeException.class, () -> Decoder.decode(cut), () -> cut.length + " bytes");
    }
  }
}
