package io.github.stockaderuntime.frontend.internal.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.stockaderuntime.frontend.CallOptions;
import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.DroppedException;
import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.ExportOptions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What a session makes of what the core says, and what it says itself. */
class SessionTest {
  private static final long MILLISECOND = 1_000_000;

  private static Map<String, Object> error(String code) {
    return Map.of("code", code, "message", "");
  }

  private static String codeOf(Pending pending) {
    return ((CommandException) pending.error()).code();
  }

  @Test
  void callsAreOneBatchAndAnswersMayComeInAnyOrder() {
    Scene scene = Scene.open();
    MadeCall first = scene.call("a");
    MadeCall second = scene.call("b");
    assertEquals(
        List.of(List.of("call", 1L, "a", Map.of()), List.of("call", 2L, "b", Map.of())),
        scene.said());
    scene.batch(List.of(List.of("result", 2, "two"), List.of("error", 1, error("failed"))));
    assertEquals(List.of(second, first), scene.session.takeAnswered());
    assertEquals("two", second.value());
    assertEquals("failed", codeOf(first));
  }

  @Test
  void callsAboveTheLimitAreHeldUntilThereIsRoom() {
    Scene scene = Scene.open("calls", 1L);
    scene.call("a");
    MadeCall held = scene.call("b");
    assertEquals(1, scene.said().size());
    assertFalse(held.isInFlight());
    scene.core("result", 1, null);
    assertEquals(List.of(List.of("call", 2L, "b", Map.of())), scene.said());
  }

  @Test
  void whoMayNotWaitIsBusyAtOnce() {
    Scene scene = Scene.open("calls", 1L);
    scene.call("a");
    CallOptions options = CallOptions.DEFAULT.withoutWaiting();
    CommandException busy =
        assertThrows(CommandException.class, () -> scene.call("b", Map.of(), options, Map.of()));
    assertTrue(busy.is(CommandException.BUSY));
  }

  @Test
  void busyIsTriedAgainUnderTheNextId() {
    Scene scene = Scene.open();
    MadeCall call = scene.call("a");
    scene.said();
    scene.core("error", 1, error("busy"));
    assertFalse(call.isDone());
    scene.now += 2 * MILLISECOND;
    scene.session.wake(scene.now);
    assertEquals(List.of(List.of("call", 2L, "a", Map.of())), scene.said());
    scene.core("result", 2, 5);
    assertEquals(5L, call.value());
  }

  @Test
  void aTimeThatIsOverCancelsTheCallAndItsLateAnswerIsIgnored() {
    Scene scene = Scene.open();
    CallOptions options = CallOptions.DEFAULT.timeout(Duration.ofMillis(10));
    MadeCall call = scene.call("a", Map.of(), options, Map.of());
    assertEquals(
        List.of(List.of("call", 1L, "a", Map.of(), Map.of("deadline", 10L))), scene.said());
    scene.now += 10 * MILLISECOND;
    scene.session.wake(scene.now);
    assertEquals("deadline_exceeded", codeOf(call));
    assertEquals(List.of(List.of("cancel", 1L)), scene.said());
    scene.core("result", 1, null);
    assertEquals(1, scene.session.statistics().late());
  }

  @Test
  void theRateIsKept() {
    Scene scene = Scene.open("rate", 2L);
    for (int count = 0; count < 3; count++) {
      scene.call("a");
    }
    assertEquals(2, scene.said().size());
    scene.now += 499 * MILLISECOND;
    scene.session.wake(scene.now);
    assertEquals(0, scene.said().size());
    scene.now += 2 * MILLISECOND;
    scene.session.wake(scene.now);
    assertEquals(1, scene.said().size());
  }

  @Test
  void aCallOverTheLimitIsNotSent() {
    Scene scene = Scene.open("message", 1000L);
    Map<String, Object> large = Map.of("a", "x".repeat(1000));
    CommandException error =
        assertThrows(
            CommandException.class, () -> scene.call("a", large, CallOptions.DEFAULT, Map.of()));
    assertTrue(error.is(CommandException.TOO_LARGE));
    assertEquals(List.of(), scene.said());
    scene.call("b"); // the id was not used up
    assertEquals(1L, scene.said().get(0).get(1));
  }

  @Test
  void largeBytesGoBesideTheirMessage() {
    Scene scene = Scene.open();
    byte[] large = new byte[Message.RAW];
    scene.call("a", Map.of("data", large, "n", 1), CallOptions.DEFAULT, Map.of());
    Message batch = scene.session.outbox().batch();
    assertEquals(1, batch.frames().size());
    assertEquals(
        List.of(List.of("call", 1L, "a", Map.of("n", 1L), Map.of("raw", Map.of("data", 1L)))),
        scene.said());
  }

  @Test
  void aStreamGrantsAnewWhatIsTakenAndEndsWithItsError() {
    Scene scene = Scene.open();
    End.Receiver receiver = new End.Receiver(4);
    scene.call("a", Map.of(), CallOptions.DEFAULT, Map.of("yield", receiver));
    scene.said();
    scene.batch(
        List.of(List.of("item", 1, 0), List.of("item", 1, List.of()), List.of("item", 1, 2)));
    assertEquals(0L, scene.session.channels().take(receiver));
    assertEquals(List.of(), scene.session.channels().take(receiver));
    assertEquals(List.of(List.of("credit", 1L, 2L)), scene.said());
    scene.batch(List.of(List.of("end", 1, error("x.y")), List.of("error", 1, error("x.y"))));
    assertTrue(receiver.hasItem());
    assertEquals(2L, scene.session.channels().take(receiver));
    assertTrue(receiver.isOver() && !receiver.hasItem());
    assertEquals("x.y", ((CommandException) receiver.error()).code());
  }

  @Test
  void anItemOverTheCreditIsTheCoresFault() {
    Scene scene = Scene.open();
    scene.call("a", Map.of(), CallOptions.DEFAULT, Map.of("yield", new End.Receiver(1)));
    scene.core("item", 1, 0);
    EndedException end = assertThrows(EndedException.class, () -> scene.core("item", 1, 1));
    assertEquals(EndedException.End.CORE_BROKEN, end.end());
  }

  @Test
  void aSenderWaitsForCreditAndHearsOfADrop() {
    Scene scene = Scene.open();
    End.Sender sender = new End.Sender();
    scene.call("a", Map.of(), CallOptions.DEFAULT, Map.of("data", sender));
    scene.said();
    assertFalse(sender.moves());
    scene.core("credit", 1, 1);
    scene.session.channels().send(sender, scene.session.channels().item(sender, "x"));
    assertEquals(List.of(List.of("item", 1L, "x")), scene.said());
    assertFalse(sender.moves());
    scene.core("drop", 1);
    assertTrue(sender.isOver());
    assertSame(DroppedException.class, sender.error().getClass());
    scene.core("credit", 1, 5); // has crossed the end
  }

  @Test
  void whatIsNotExportedIsNotFoundAndWhatIsIsAsked() {
    Scene scene = Scene.open();
    scene.session.handled().export("x.y", ExportOptions.DEFAULT);
    scene.session.ready();
    scene.said();
    scene.batch(
        List.of(List.of("call", 1, "x.z", Map.of()), List.of("call", 2, "x.y", Map.of("a", 1))));
    assertEquals("error", scene.said().get(0).get(0));
    HandledCall handled = scene.session.handled().begin();
    assertEquals(Map.of("a", 1L), handled.arguments());
    scene.session.handled().result(handled, scene.session.handled().resultOf(handled, 7));
    assertEquals(List.of(List.of("result", 2L, 7L)), scene.said());
    scene.core("cancel", 2); // has crossed the answer
    assertEquals(List.of(), scene.said());
  }

  @Test
  void aHandledCallThatIsCancelledEndsWhatIsPartOfIt() {
    Scene scene = Scene.open();
    scene.session.handled().export("x.y", ExportOptions.DEFAULT);
    scene.core("call", 1, "x.y", Map.of());
    HandledCall handled = scene.session.handled().begin();
    MadeCall nested =
        new MadeCall(
            "a",
            Arguments.of(Map.of(), Map.of(), 32),
            CallOptions.DEFAULT,
            handled,
            Optional.empty(),
            scene.now);
    scene.session.calls().make(nested, scene.now);
    assertEquals(Map.of("parent", 1L), scene.said().get(0).get(4));
    scene.core("cancel", 1);
    assertEquals("cancelled", codeOf(nested));
    assertEquals(List.of(handled), scene.session.handled().takeStopped());
  }

  @Test
  void aHandledCallIsAnsweredWhenItsTimeIsOver() {
    Scene scene = Scene.open();
    scene.session.handled().export("x.y", ExportOptions.DEFAULT);
    scene.core("call", 1, "x.y", Map.of(), Map.of("deadline", 5));
    HandledCall handled = scene.session.handled().begin();
    scene.now += 5 * MILLISECOND;
    scene.session.wake(scene.now);
    assertEquals("error", scene.said().get(0).get(0));
    assertTrue(handled.isDone());
    scene.session.handled().result(handled, scene.session.handled().resultOf(handled, 7));
    assertEquals(List.of(), scene.said());
  }

  @Test
  void anErrorWhoseDataCannotBeSaidGoesWithout() {
    Scene scene = Scene.open();
    scene.core("call", 1, "x.y", Map.of());
    scene.said();
    Message message =
        Message.error("error", 1, new CommandException("a.b", "\ud800", new Object()), 32);
    assertTrue(
        new String(message.head(), java.nio.charset.StandardCharsets.UTF_8)
            .contains("cannot be sent"));
  }

  @Test
  void missedEventsAreCounted() {
    Scene scene = Scene.open();
    scene.session.receiveEvent(
        "a|\u0083\u0003dcore\u0000".getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
    assertEquals(2, scene.session.inbox().missed());
    scene.core("missed", 9);
    assertEquals(8, scene.session.inbox().missed());
    assertEquals("a", scene.session.inbox().take().name());
    assertNull(scene.session.inbox().take());
  }

  @Test
  void byeEndsWhatIsHeldAndNothingIsSaidBehindIt() {
    Scene scene = Scene.open("calls", 1L);
    MadeCall flying = scene.call("a");
    MadeCall held = scene.call("b");
    Pending bye = scene.session.bye();
    scene.batch(List.of(List.of("ping", 5), List.of("call", 1, "x.y", Map.of())));
    scene.batch(List.of(List.of("result", 1, 3), List.of("bye", Map.of("emitted", 0))));
    assertEquals("cancelled", codeOf(held));
    assertEquals(3L, flying.value());
    assertTrue(bye.isDone());
    List<List<?>> said = scene.said();
    assertEquals(List.of("bye", Map.of("emitted", 0L)), said.get(said.size() - 1));
  }
}
