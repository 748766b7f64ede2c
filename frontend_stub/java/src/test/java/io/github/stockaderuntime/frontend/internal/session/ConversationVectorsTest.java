package io.github.stockaderuntime.frontend.internal.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.stockaderuntime.frontend.CallOptions;
import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.ExportOptions;
import io.github.stockaderuntime.frontend.Vectors;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The conversations of the vectors that a session can have: it says what they say, and takes what
 * the core says.
 */
class ConversationVectorsTest {
  /** Those that a session would not have: the core's side of them is for scripts alone. */
  private static final Set<String> NOT_PLAYED =
      Set.of(
          // its ids have no gaps, and are integers
          "call-id-as-float",
          "ids-with-gaps",
          "cancel-id-as-float",
          "channel-id-in-a-gap",
          "parent-in-flight",
          "channel-ids-within-a-call",
          "ping-in-order",
          "ping-as-float",
          "deadline-float",
          "deadline-largest",
          // it waits until there is room, or refuses before anything is said
          "busy",
          "busy-no-more",
          "channels-above-the-limit",
          "call-not-known",
          // it does not say what it knows to be in vain, and ends what it cancels at once
          "cancel-answered",
          "cancel-refused",
          "cancel-twice",
          "cancel-id-in-a-gap",
          "cancel-at-once",
          "cancel-crosses-the-answer",
          "export-cancel-crosses",
          "export-cancelled",
          "deadline-passes",
          "deadline-zero",
          "channel-item-after-end",
          "channel-of-a-refused-call",
          "channel-of-a-call-refused-at-once",
          "stream-dropped-with-credit",
          "stream-drop-crosses-end",
          "stream-cancelled",
          "stream-fails",
          "parent-answered",
          "parent-cancelled",
          "pong-unasked",
          "bye-counts-what-came",
          "bye-behind-calls",
          // it grants credit in its own steps, and gives some with each channel
          "stream-of-nothing",
          "stream-waits-for-credit",
          "stream-of-what-yields-nothing",
          "channel-to-the-core",
          "channel-outlives-its-call",
          // bytes this short it does not send raw
          "raw-and-not-raw",
          "raw-argument",
          "raw-echoed",
          "raw-arguments-do-not-fit",
          "channel-of-raw-items");

  /** What is said elsewhere than in these scripts, or with all that may be left out. */
  private static final Set<Object> UNCOMPARED = Set.of("ping", "credit", "ready");

  private static boolean isPlayed(JsonNode vector) {
    return vector.get("ends").isNull()
        && !vector.path("live").asBoolean()
        && !NOT_PLAYED.contains(vector.get("name").asText())
        && StreamSupport.stream(vector.get("steps").spliterator(), false)
            .noneMatch(
                step -> step.findValue("raw") != null && step.toString().contains("\"raw\":[\""));
  }

  @Test
  void noneIsSkippedUnsaid() {
    assertEquals(28, Vectors.of("conversation").filter(ConversationVectorsTest::isPlayed).count());
    List<String> all =
        Vectors.of("conversation").map(vector -> vector.get("name").asText()).toList();
    assertTrue(all.containsAll(NOT_PLAYED));
  }

  @TestFactory
  Stream<DynamicTest> hasEachConversation() {
    return Vectors.of("conversation")
        .filter(ConversationVectorsTest::isPlayed)
        .map(vector -> dynamicTest(vector.get("name").asText(), () -> new Play().play(vector)));
  }

  /** One conversation. */
  private static final class Play {
    private final Scene scene = new Scene();
    private final Map<Long, MadeCall> made = new HashMap<>();
    private final Map<Long, HandledCall> handled = new HashMap<>();
    private final Map<Long, End> ends = new HashMap<>();

    void play(JsonNode vector) {
      for (JsonNode step : vector.get("steps")) {
        if (step.has("core")) {
          core(step.get("core"));
        } else {
          worker(step.get("worker"));
        }
      }
    }

    private void worker(JsonNode step) {
      if (step.has("granted")) {
        JsonNode granted = step.get("granted");
        scene.core("credit", granted.path("channel").asLong(1), granted.path("credit").asLong(64));
        return;
      }
      List<Object> wanted = new ArrayList<>();
      for (Object message : (List<?>) Vectors.value(step.get("batch"))) {
        List<?> elements = (List<?>) message;
        if (!elements.get(0).equals("ping")) { // a fence of the vectors' own
          say(elements);
        }
        if (!UNCOMPARED.contains(elements.get(0))) {
          wanted.add(message);
        }
      }
      List<List<?>> said = scene.said();
      said.removeIf(message -> UNCOMPARED.contains(message.get(0)));
      assertEquals(shape(wanted), shape(said));
    }

    /** Without texts for people, and options that mean nothing. */
    private static String shape(List<?> messages) {
      return Vectors.shown(messages)
          .replaceAll("message=String [^,}\\]]*", "message=")
          .replaceAll("message=(?=[,}\\]])", "message=")
          .replaceAll("stub=String [^,}]*", "stub=")
          .replaceAll(", \\{\\}\\](?=[,\\]])", ", {}]");
    }

    private void say(List<?> message) {
      Session session = scene.session;
      switch ((String) message.get(0)) {
        case "hello" -> session.hello();
        case "ready" -> ready(message);
        case "call" -> call(message);
        case "cancel" ->
            session
                .calls()
                .cancel(made.get((Long) message.get(1)), new CommandException("cancelled", ""));
        case "result" -> {
          HandledCall call = handled.get((Long) message.get(1));
          session.handled().result(call, session.handled().resultOf(call, message.get(2)));
        }
        case "error" ->
            session.handled().fail(handled.get((Long) message.get(1)), error(message.get(2)));
        case "item" -> {
          End.Sender sender = (End.Sender) ends.get((Long) message.get(1));
          session.channels().send(sender, session.channels().item(sender, message.get(2)));
        }
        case "end" ->
            session
                .channels()
                .finish(
                    ends.get((Long) message.get(1)),
                    message.size() > 2 ? error(message.get(2)) : null);
        case "drop" -> session.channels().finish(ends.get((Long) message.get(1)), null);
        case "bye" -> session.bye();
        default -> {
          // credit: it says so itself when items are taken
        }
      }
    }

    private static CommandException error(Object said) {
      Map<?, ?> error = (Map<?, ?>) said;
      return new CommandException(
          (String) error.get("code"), (String) error.get("message"), error.get("data"));
    }

    private void ready(List<?> message) {
      if (message.size() > 1) {
        Map<?, ?> exports = (Map<?, ?>) ((Map<?, ?>) message.get(1)).get("exports");
        exports
            .keySet()
            .forEach(name -> scene.session.handled().export((String) name, ExportOptions.DEFAULT));
      }
      scene.session.ready();
    }

    private void call(List<?> message) {
      Map<?, ?> said = message.size() > 4 ? (Map<?, ?>) message.get(4) : Map.of();
      CallOptions options = CallOptions.DEFAULT;
      if (said.containsKey("deadline")) {
        options =
            said.get("deadline") instanceof Long milliseconds
                ? options.timeout(Duration.ofMillis(milliseconds))
                : options.withoutTimeout();
      }
      Map<String, End> passed = new LinkedHashMap<>();
      if (said.get("channels") instanceof Map<?, ?> channels) {
        channels.forEach((name, offer) -> passed.put((String) name, end((Map<?, ?>) offer)));
      }
      @SuppressWarnings("unchecked") // keys are text
      Map<String, Object> arguments = (Map<String, Object>) message.get(3);
      MadeCall call =
          new MadeCall(
              (String) message.get(2),
              Arguments.of(arguments, passed, 32),
              options,
              handled.get((Long) said.get("parent")),
              Optional.empty(),
              scene.now);
      scene.session.calls().make(call, scene.now);
      made.put((Long) message.get(1), call);
    }

    private End end(Map<?, ?> offer) {
      End end =
          offer.get("to").equals("callee")
              ? new End.Sender()
              : new End.Receiver((Long) offer.get("credit"));
      ends.put((Long) offer.get("id"), end);
      return end;
    }

    private void core(JsonNode step) {
      List<Object> batch = new ArrayList<>();
      for (JsonNode said : step.get("messages")) {
        List<?> message =
            (List<?>) Vectors.value(said.has("$either") ? said.get("$either").get(0) : said);
        if (!message.get(0).equals("pong")) {
          batch.add(complete(message));
        }
      }
      if (!batch.isEmpty()) {
        scene.batch(batch);
      }
      for (HandledCall call = scene.session.handled().begin();
          call != null;
          call = scene.session.handled().begin()) {
        handled.put(call.id(), call);
      }
    }

    /** With what the vector leaves out. */
    private static Object complete(List<?> message) {
      if (message.get(0).equals("welcome")) {
        return List.of("welcome", Scene.welcome());
      }
      List<Object> all = new ArrayList<>(message);
      all.replaceAll(
          element -> {
            if (element instanceof Map<?, ?> map
                && map.containsKey("code")
                && !map.containsKey("message")) {
              Map<Object, Object> whole = new HashMap<>(map);
              whole.put("message", "");
              return whole;
            }
            return element;
          });
      return all;
    }
  }
}
