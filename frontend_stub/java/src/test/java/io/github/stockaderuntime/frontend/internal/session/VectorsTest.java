package io.github.stockaderuntime.frontend.internal.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.Event;
import io.github.stockaderuntime.frontend.Grant;
import io.github.stockaderuntime.frontend.Vectors;
import io.github.stockaderuntime.frontend.internal.wire.CoreSays;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import io.github.stockaderuntime.frontend.internal.wire.Decoder;
import io.github.stockaderuntime.frontend.internal.wire.RawFrames;
import io.github.stockaderuntime.frontend.internal.wire.Topics;
import io.github.stockaderuntime.frontend.internal.wire.Verb;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** What the protocol's vectors say of messages, events, topics and patterns. */
class VectorsTest {
  /** Who is told, and does not mind. */
  private static final CoreSays NOBODY =
      (CoreSays)
          Proxy.newProxyInstance(
              CoreSays.class.getClassLoader(),
              new Class<?>[] {CoreSays.class},
              (proxy, method, arguments) -> null);

  @Test
  void noSectionIsNew() {
    // A new section, or one that has grown by what no test here takes, should be looked at.
    assertEquals(37 + 49, Vectors.of("messages").filter(VectorsTest::isOfTheCore).count());
    assertTrue(Vectors.of("decode").count() >= 110);
    assertTrue(Vectors.of("refuse").count() >= 196);
    assertTrue(Vectors.of("encode").count() >= 73);
    assertTrue(Vectors.of("events").count() >= 22);
    assertTrue(Vectors.of("emits").count() >= 57);
    assertTrue(Vectors.of("subscriptions").count() >= 28);
    assertTrue(Vectors.of("patterns").count() >= 35);
    assertTrue(Vectors.of("conversation").count() >= 160);
  }

  private static boolean isOfTheCore(JsonNode vector) {
    return vector.get("from").asText().equals("core");
  }

  @TestFactory
  Stream<DynamicTest> takesEachMessageOfTheCore() {
    return Vectors.of("messages")
        .filter(VectorsTest::isOfTheCore)
        .map(
            vector ->
                dynamicTest(
                    vector.get("name").asText(),
                    () -> {
                      if (vector.get("valid").asBoolean()) {
                        takes(vector);
                      } else {
                        refuses(vector);
                      }
                    }));
  }

  /** Its shape: what it means depends on what was said before. */
  private static void takes(JsonNode vector) throws DecodeException {
    RawFrames frames = new RawFrames(Vectors.frames(vector));
    for (Object message : (List<?>) Decoder.decode(Vectors.bytes(vector.get("hex")))) {
      Verb.of(message).read(message, frames, NOBODY);
    }
    frames.checkAllTaken();
  }

  private static void refuses(JsonNode vector) {
    Scene scene = Scene.open();
    scene.call("a.command"); // so that answers to call 1 are wrong for what they are meant to be
    EndedException end =
        assertThrows(
            EndedException.class,
            () ->
                scene.session.receive(
                    Vectors.bytes(vector.get("hex")), Vectors.frames(vector), scene.now));
    assertEquals(70, end.status());
  }

  @TestFactory
  Stream<DynamicTest> readsEachMessageOfAWorker() {
    return Vectors.of("messages")
        .filter(vector -> vector.has("value"))
        .map(
            vector ->
                dynamicTest(
                    vector.get("name").asText(),
                    () ->
                        assertEquals(
                            Vectors.shown(Vectors.value(vector.get("value"))),
                            Vectors.shown(Decoder.decode(Vectors.bytes(vector.get("hex")))))));
  }

  @TestFactory
  Stream<DynamicTest> takesEachEvent() {
    return Vectors.of("events")
        .map(
            vector ->
                dynamicTest(
                    vector.get("name").asText(),
                    () -> {
                      byte[] frame = Vectors.bytes(vector.get("hex"));
                      if (vector.get("valid").asBoolean()) {
                        Event event = Topics.read(frame);
                        assertEquals(vector.get("topic").asText(), event.name() + "|");
                        List<?> body = (List<?>) Vectors.value(vector.get("value"));
                        assertEquals(Vectors.shown(body.get(2)), Vectors.shown(event.payload()));
                      } else {
                        assertThrows(DecodeException.class, () -> Topics.read(frame));
                      }
                    }));
  }

  @TestFactory
  Stream<DynamicTest> emitsWhatMayBeEmitted() {
    return Vectors.of("emits")
        .filter(vector -> vector.has("topic"))
        .map(vector -> dynamicTest(vector.get("name").asText(), () -> emits(vector)));
  }

  private static void emits(JsonNode vector) throws DecodeException {
    String topic = vector.get("topic").asText();
    if (vector.get("valid").asBoolean()) {
      Topics.event(topic.substring(0, topic.length() - 1));
      Decoder.decode(Vectors.bytes(vector.get("body")));
    } else if (vector.get("name").asText().startsWith("emit-name")) {
      assertThrows(
          IllegalArgumentException.class,
          () -> Topics.event(topic.endsWith("|") ? topic.substring(0, topic.length() - 1) : topic));
    }
  }

  @TestFactory
  Stream<DynamicTest> subscribesToTopicsAlone() {
    return Vectors.of("subscriptions")
        .filter(vector -> vector.get("valid").asBoolean())
        .map(
            vector ->
                dynamicTest(
                    vector.get("name").asText(),
                    () -> {
                      byte[] frame = Vectors.bytes(vector.get("hex"));
                      String topic = new String(frame, 1, frame.length - 1, "US-ASCII");
                      String name =
                          topic.endsWith("|") ? topic.substring(0, topic.length() - 1) : topic;
                      assertEquals(topic, Topics.topic(name));
                    }));
  }

  @TestFactory
  Stream<DynamicTest> decidesAsEachPatternSays() {
    return Vectors.of("patterns")
        .map(vector -> dynamicTest(vector.get("name").asText(), () -> decides(vector)));
  }

  private static void decides(JsonNode vector) {
    String separator = vector.path("separator").asText("/");
    Grant grant =
        new Grant(
            separator.charAt(0),
            Vectors.texts(vector.get("allow")),
            Vectors.texts(vector.get("deny")));
    boolean allowed =
        vector.has("prefix")
            ? grant.covers(vector.get("prefix").asText())
            : grant.allows(vector.get("asked").asText());
    assertEquals(vector.get("allowed").asBoolean(), allowed);
  }
}
