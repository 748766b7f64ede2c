package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CallOptions;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import io.github.stockaderuntime.frontend.internal.wire.Decoder;
import io.github.stockaderuntime.frontend.internal.wire.Encoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A session whose core is the test. */
final class Scene {
  static final Map<String, Object> LIMITS = limits();

  final Session session = new Session("editor", 1, "test/0", 16);
  long now = 1;

  private static Map<String, Object> limits() {
    Map<String, Object> limits = new LinkedHashMap<>();
    limits.put("message", 65536L);
    limits.put("event", 65536L);
    limits.put("batch", 8L);
    limits.put("calls", 4L);
    limits.put("topics", 4L);
    limits.put("depth", 32L);
    limits.put("channels", 4L);
    limits.put("frames", 63L);
    return limits;
  }

  /** One that has been welcomed, with these limits beside the usual ones. */
  static Scene open(Object... limits) {
    Scene scene = new Scene();
    scene.session.hello();
    scene.said();
    Map<String, Object> all = new LinkedHashMap<>(LIMITS);
    for (int at = 0; at < limits.length; at += 2) {
      all.put((String) limits[at], limits[at + 1]);
    }
    scene.core("welcome", welcome(all));
    scene.session.takeAnswered();
    return scene;
  }

  /** What the core says to one that it greets. */
  static Map<String, Object> welcome() {
    return welcome(LIMITS);
  }

  private static Map<String, Object> welcome(Map<String, Object> limits) {
    Map<String, Object> anything = Map.of("allow", List.of("**"), "deny", List.of("secret"));
    Map<String, Object> grants = Map.of("commands", anything, "listen", anything, "emit", anything);
    return Map.of(
        "protocol",
        1,
        "worker",
        "editor",
        "generation",
        1,
        "core",
        "test/0",
        "limits",
        limits,
        "grants",
        grants);
  }

  /** The core says one message. */
  void core(Object... message) {
    batch(List.of(Arrays.asList(message)));
  }

  void batch(List<?> messages) {
    session.receive(Encoder.encode(messages, Decoder.DEPTH), List.of(), now);
  }

  /** What this worker has said since it was last asked: the messages of all batches. */
  List<List<?>> said() {
    List<List<?>> all = new ArrayList<>();
    for (Message batch = session.outbox().batch();
        batch != null;
        batch = session.outbox().batch()) {
      try {
        for (Object message : (List<?>) Decoder.decode(batch.head())) {
          all.add((List<?>) message);
        }
      } catch (DecodeException error) {
        throw new AssertionError(error);
      }
      session.outbox().sent();
    }
    return all;
  }

  MadeCall call(
      String command, Map<String, Object> arguments, CallOptions options, Map<String, End> ends) {
    MadeCall call =
        new MadeCall(
            command, Arguments.of(arguments, ends, 32), options, null, Optional.empty(), now);
    session.calls().make(call, now);
    return call;
  }

  MadeCall call(String command) {
    return call(command, Map.of(), CallOptions.DEFAULT, Map.of());
  }
}
