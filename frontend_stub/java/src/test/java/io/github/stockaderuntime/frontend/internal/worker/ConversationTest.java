package io.github.stockaderuntime.frontend.internal.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.stockaderuntime.frontend.CallOptions;
import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.ConnectOptions;
import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.ExportOptions;
import io.github.stockaderuntime.frontend.internal.session.Arguments;
import io.github.stockaderuntime.frontend.internal.session.HandledCall;
import io.github.stockaderuntime.frontend.internal.session.MadeCall;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who waits for the sockets, among many threads, at a core of real sockets. */
@Timeout(60)
class ConversationTest {
  private static final int THREADS = 8;
  private static final int CALLS = 500;

  @TempDir Path folder;
  private FakeCore core;
  private Endpoint endpoint;
  private final CompletableFuture<EndedException> ended = new CompletableFuture<>();

  @BeforeEach
  void connect() {
    String sockets = "ipc://" + folder;
    Place place = new Place("editor", 1, sockets, 0, "s".repeat(64).getBytes(), -1);
    core = new FakeCore(sockets);
    endpoint = Endpoint.connect(place, ConnectOptions.DEFAULT.onEnd(ended::complete));
  }

  @AfterEach
  void close() throws InterruptedException {
    endpoint.close();
    core.close();
  }

  private MadeCall call(String command, Object value, CallOptions options) {
    Arguments arguments = Arguments.of(Map.of("value", value), Map.of(), 32);
    return endpoint.prepare(command, arguments, options, Endpoint.Scope.current());
  }

  private Object echo(Object value) {
    return endpoint.invoke(call("echo", value, CallOptions.DEFAULT));
  }

  private static void all(int threads, Callable<?> does) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        running.add(pool.submit(does));
      }
      for (Future<?> one : running) {
        one.get();
      }
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void eachOfManyThreadsHasItsOwnAnswers() throws Exception {
    long began = System.nanoTime();
    all(
        THREADS,
        () -> {
          for (long value = 0; value < CALLS; value++) {
            assertEquals(value, echo(value));
          }
          return null;
        });
    // Far below what it takes if answers are found only when somebody looks by chance.
    assertTrue(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began) < 30);
    assertEquals(THREADS * CALLS, endpoint.look(() -> endpoint.session().statistics()).answered());
  }

  @Test
  void whoBeginsCallsAndWhoWaitsMayBeOthers() throws Exception {
    BlockingQueue<MadeCall> begun = new ArrayBlockingQueue<>(100);
    Thread maker =
        new Thread(
            () -> {
              for (long value = 0; value < CALLS; value++) {
                MadeCall call = call("echo", value, CallOptions.DEFAULT);
                endpoint.begin(call);
                begun.add(call);
                while (begun.remainingCapacity() == 0) {
                  Thread.onSpinWait();
                }
              }
            });
    maker.start();
    for (long value = 0; value < CALLS; value++) {
      MadeCall call = begun.take();
      assertTrue(endpoint.awaitAnswer(call, Timers.NEVER));
      assertEquals(value, call.value());
    }
    maker.join();
  }

  @Test
  void aCallThatNobodyWaitsForIsAnsweredToo() throws Exception {
    CompletableFuture<Object> answer = new CompletableFuture<>();
    echo(1); // so that the keeper leaves the lead to others
    MadeCall call = call("echo", 5, CallOptions.DEFAULT);
    call.whenDone(() -> answer.complete(call.value()));
    endpoint.begin(call);
    assertEquals(5L, answer.get());
  }

  @Test
  void aTimeThatIsOverIsSeenByWhoeverSleeps() {
    CallOptions options = CallOptions.DEFAULT.timeout(Duration.ofMillis(30));
    CommandException error =
        assertThrows(CommandException.class, () -> endpoint.invoke(call("never", 1, options)));
    assertTrue(error.is(CommandException.DEADLINE_EXCEEDED));
  }

  @Test
  void anInterruptCancelsTheCallAndTheThreadStaysInterrupted() throws Exception {
    Thread me = Thread.currentThread();
    Thread other =
        new Thread(
            () -> {
              while (endpoint.look(() -> endpoint.session().statistics()).pending() == 0) {
                Thread.onSpinWait();
              }
              me.interrupt();
            });
    other.start();
    CommandException error =
        assertThrows(
            CommandException.class, () -> endpoint.invoke(call("never", 1, CallOptions.DEFAULT)));
    assertTrue(error.is(CommandException.CANCELLED));
    assertTrue(Thread.interrupted());
    other.join();
    assertEquals(2L, echo(2));
  }

  @Test
  void callsComeWhileOthersWait() throws Exception {
    BlockingQueue<HandledCall> handled = new ArrayBlockingQueue<>(10);
    endpoint.export("x.y", ExportOptions.DEFAULT, handled::add);
    endpoint.ready();
    MadeCall never = call("never", 1, CallOptions.DEFAULT);
    endpoint.begin(never);
    Thread waits = new Thread(() -> endpoint.await(() -> never, MadeCall::isDone, Timers.NEVER));
    waits.start();
    core.say("call", 1, "x.y", Map.of("a", 1));
    assertEquals(Map.of("a", 1L), handled.take().arguments());
    core.say("result", 1, null);
    waits.join();
  }

  @Test
  void theEndIsToldOnceAndToAllWhoWait() throws Exception {
    Future<?> waits =
        CompletableFuture.runAsync(
            () ->
                assertThrows(
                    EndedException.class,
                    () -> endpoint.invoke(call("never", 1, CallOptions.DEFAULT))));
    while (endpoint.look(() -> endpoint.session().statistics()).pending() == 0) {
      Thread.onSpinWait();
    }
    core.say("nonsense");
    assertEquals(70, ended.get().status());
    waits.get();
    assertThrows(EndedException.class, () -> echo(1));
  }

  @Test
  void theCoreThatGoesIsMissed() throws Exception {
    core.close();
    assertEquals(EndedException.End.CONNECTION_LOST, ended.get().end());
  }

  @Test
  void whatIsClosedSaysSo() {
    endpoint.close();
    assertThrows(IllegalStateException.class, () -> echo(1));
  }
}
