package io.github.stockaderuntime.frontend.certify;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.Core;
import io.github.stockaderuntime.frontend.ExportOptions;
import io.github.stockaderuntime.frontend.Handling;
import io.github.stockaderuntime.frontend.ReceiveChannel;
import io.github.stockaderuntime.frontend.SendChannel;
import java.util.Map;
import java.util.concurrent.Semaphore;

/** The commands that the echo worker answers. */
final class Exports {
  private final Semaphore enough = new Semaphore(0);

  void declare(Core core) {
    core.export(
        "echo.value", taking("value").asIdempotent(), call -> call.argument("value", Object.class));
    core.export("echo.fail", taking("code", "message", "data"), Exports::fail);
    core.export("echo.crash", taking(), Exports::crash);
    core.export("echo.wait", taking(), Exports::waitForTheEnd);
    core.export("echo.call", taking("command", "arguments"), Exports::call);
    core.export("echo.emit", taking("event", "payload"), Exports::emit);
    core.export("echo.enough", taking(), this::enough);
    core.exportStream("echo.count", taking("n"), Exports::count);
    core.exportStream("echo.break", taking("n"), Exports::breakOff);
    core.export("echo.sum", taking("items"), Exports::sum);
    core.export("echo.send", taking("n", "items"), Exports::send);
  }

  private static ExportOptions taking(String... arguments) {
    return ExportOptions.DEFAULT.arguments(arguments);
  }

  private static Object crash(Handling call) {
    throw new ArithmeticException("as asked");
  }

  private static Object call(Handling call) {
    return call.invoke(
        call.argument("command", String.class), Echo.asMap(call.argument("arguments", Map.class)));
  }

  private static Object emit(Handling call) {
    call.emit(call.argument("event", String.class), call.argument("payload", Object.class));
    return null;
  }

  private Object enough(Handling call) {
    enough.release();
    return null;
  }

  private static void breakOff(Handling call, SendChannel items) {
    count(call, items);
    throw new CommandException("echo.broken", "as asked");
  }

  void awaitEnough() {
    enough.acquireUninterruptibly();
  }

  private static Object fail(Handling call) {
    throw new CommandException(
        call.argument("code", String.class),
        call.argument("message", String.class),
        call.argument("data", Object.class, null));
  }

  private static Object waitForTheEnd(Handling call) throws InterruptedException {
    Thread.sleep(Long.MAX_VALUE); // until it is interrupted, for nobody waits any more
    return null;
  }

  private static void count(Handling call, SendChannel items) {
    long count = call.argument("n", Long.class);
    for (long item = 0; item < count; item++) {
      items.send(item);
    }
  }

  private static Object sum(Handling call) {
    long sum = 0;
    for (Object item : call.argument("items", ReceiveChannel.class)) {
      sum += (Long) item;
    }
    return sum;
  }

  private static Object send(Handling call) {
    SendChannel items = call.argument("items", SendChannel.class);
    count(call, items);
    items.finish();
    return call.argument("n", Long.class);
  }
}
