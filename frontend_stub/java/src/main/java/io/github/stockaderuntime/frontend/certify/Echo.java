package io.github.stockaderuntime.frontend.certify;

import io.github.stockaderuntime.frontend.Call;
import io.github.stockaderuntime.frontend.CallOptions;
import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.Core;
import io.github.stockaderuntime.frontend.Event;
import io.github.stockaderuntime.frontend.ReceiveChannel;
import io.github.stockaderuntime.frontend.SendChannel;
import io.github.stockaderuntime.frontend.Subscription;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The echo worker: does what the answers to its own calls tell it to, so that this library can be
 * certified.
 */
public final class Echo {
  private static final List<String> OFFERS =
      List.of(
          "together",
          "cancel",
          "timeout",
          "retry",
          "stream",
          "channels",
          "raw",
          "events",
          "emits",
          "exports",
          "export-streams",
          "nested",
          "floats");

  /** One task: what it is told with, and what it reports. */
  @FunctionalInterface
  private interface Task {
    Object run(Map<String, Object> task);
  }

  private final Core core;
  private final Exports exports = new Exports();
  private final Map<String, Subscription> subscriptions = new HashMap<>();
  private final List<Event> events = new ArrayList<>();
  private final Map<String, Task> tasks = new HashMap<>();

  private Echo(Core core) {
    this.core = core;
    tasks.put("invoke", this::invoke);
    tasks.put("calls", this::calls);
    tasks.put("cancel", this::cancel);
    tasks.put("echo", task -> Map.of("values", task.get("values")));
    tasks.put("bytes", this::bytes);
    tasks.put("stream", this::stream);
    tasks.put("send", this::send);
    tasks.put("receive", this::receive);
    tasks.put("listen", this::listen);
    tasks.put("unlisten", this::unlisten);
    tasks.put("events", this::events);
    tasks.put("emit", this::emit);
    tasks.put("serve", this::serve);
    tasks.put("run", this::run);
  }

  /**
   * Lives until it is told to leave.
   *
   * @param arguments none
   */
  public static void main(String[] arguments) {
    try (Core core = Core.connect()) {
      Echo echo = new Echo(core);
      echo.exports.declare(core);
      core.ready();
      echo.work();
    }
  }

  private void work() {
    Map<String, Object> said = Map.of("offers", OFFERS);
    while (true) {
      Map<String, Object> task =
          asMap(core.with(CallOptions.DEFAULT.withoutTimeout()).invoke("certify.next", said));
      String name = String.valueOf(task.get("do"));
      if (name.equals("leave")) {
        return;
      }
      said = new HashMap<>();
      said.put("report", tasks.getOrDefault(name, Echo::unknown).run(task));
      if (name.equals("run")) {
        return;
      }
    }
  }

  private static Object unknown(Map<String, Object> task) {
    return Map.of(
        "error", Map.of("code", "certify.unknown", "message", "no such task: " + task.get("do")));
  }

  // Calls.

  private Object invoke(Map<String, Object> task) {
    CallOptions options = CallOptions.DEFAULT;
    if (task.get("timeout") instanceof Number milliseconds) {
      options = options.timeout(Duration.ofMillis(milliseconds.longValue()));
    }
    if (Boolean.FALSE.equals(task.get("wait"))) {
      options = options.withoutWaiting();
    }
    if (Boolean.TRUE.equals(task.get("idempotent"))) {
      options = options.asIdempotent();
    }
    if (task.get("trace") instanceof String trace) {
      options = options.trace(trace);
    }
    var invoker = core.with(options);
    return outcome(() -> invoker.invoke(command(task), arguments(task)));
  }

  private Object calls(Map<String, Object> task) {
    List<Call> begun = new ArrayList<>();
    for (Object arguments : asList(task.get("each"))) {
      begun.add(core.call(command(task), asMap(arguments)));
    }
    return Map.of("outcomes", begun.stream().map(call -> (Object) outcome(call::result)).toList());
  }

  private Object cancel(Map<String, Object> task) {
    Call call = core.call(command(task), arguments(task));
    core.invoke("certify.now");
    call.cancel(true);
    return outcome(call::result);
  }

  private Object bytes(Map<String, Object> task) {
    byte[] bytes = new byte[((Number) task.get("size")).intValue()];
    for (int at = 0; at < bytes.length; at++) {
      bytes[at] = (byte) (at % 251);
    }
    return outcome(() -> core.invoke(command(task), Map.of((String) task.get("argument"), bytes)));
  }

  // Channels.

  private Object stream(Map<String, Object> task) {
    Map<String, Object> report = new LinkedHashMap<>();
    try (ReceiveChannel stream = core.stream(command(task), arguments(task))) {
      receive(stream, task, report, "error");
      if (!report.containsKey("error")) {
        Map<String, Object> answer = outcome(stream.call().orElseThrow()::result);
        if (answer.containsKey("error")) {
          report.putAll(answer);
        }
      }
    } catch (CommandException error) {
      report.putIfAbsent("items", List.of());
      report.put("error", said(error));
    }
    return report;
  }

  private Object receive(Map<String, Object> task) {
    Map<String, Object> report = new LinkedHashMap<>();
    int credit = task.get("credit") instanceof Number given ? given.intValue() : Core.CREDIT;
    try (ReceiveChannel channel = core.receiveChannel(credit)) {
      Call call = core.call(command(task), with(arguments(task), "items", channel));
      receive(channel, task, report, "ended");
      report.putAll(outcome(call::result));
    } catch (CommandException error) {
      report.put("error", said(error));
    }
    return report;
  }

  /** Receives to the end, or so many and then drops it. */
  private static void receive(
      ReceiveChannel channel, Map<String, Object> task, Map<String, Object> report, String ended) {
    List<Object> items = new ArrayList<>();
    report.put("items", items);
    long take = task.get("take") instanceof Number given ? given.longValue() : Long.MAX_VALUE;
    try {
      while (items.size() < take && channel.hasNext()) {
        items.add(channel.next());
      }
    } catch (CommandException error) {
      report.put(ended, said(error));
    }
    channel.close();
  }

  private Object send(Map<String, Object> task) {
    Map<String, Object> report = new LinkedHashMap<>();
    long sent = 0;
    SendChannel channel = core.sendChannel();
    Call call = null;
    try {
      call = core.call(command(task), with(arguments(task), "items", channel));
      for (Object item : asList(task.get("items"))) {
        channel.send(item);
        sent++;
      }
    } catch (CommandException error) {
      if (call == null) {
        report.put("error", said(error));
      }
    }
    if ("end".equals(task.get("finish"))) {
      channel.finish();
    } else if ("fail".equals(task.get("finish"))) {
      channel.fail(new CommandException("certify.stopped", "as asked"));
    }
    if (call != null) {
      report.putAll(outcome(call::result));
    }
    report.put("sent", sent);
    return report;
  }

  // Events.

  private Object listen(Map<String, Object> task) {
    String topic = (String) task.get("topic");
    try {
      subscriptions.put(
          topic,
          Boolean.TRUE.equals(task.get("once"))
              ? core.once(topic, this::keep)
              : core.listen(topic, this::keep));
      return Map.of();
    } catch (CommandException error) {
      return Map.of("error", said(error));
    }
  }

  private Object unlisten(Map<String, Object> task) {
    Subscription subscription = subscriptions.remove(task.get("topic"));
    if (subscription != null) {
      subscription.close();
    }
    return Map.of();
  }

  private synchronized void keep(Event event) {
    events.add(event);
    notifyAll();
  }

  private synchronized Object events(Map<String, Object> task) {
    try {
      while (events.size() < ((Number) task.get("count")).intValue()) {
        wait();
      }
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
    }
    List<Object> all = new ArrayList<>();
    for (Event event : events) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("name", event.name());
      one.put("source", event.source());
      one.put("payload", event.payload());
      all.add(one);
    }
    events.clear();
    return Map.of("events", all, "missed", core.missed());
  }

  private Object emit(Map<String, Object> task) {
    try {
      core.emit((String) task.get("event"), task.get("payload"), (String) task.get("to"));
      return Map.of();
    } catch (CommandException error) {
      return Map.of("error", said(error));
    }
  }

  // Living.

  private Object serve(Map<String, Object> task) {
    exports.awaitEnough();
    return Map.of();
  }

  private Object run(Map<String, Object> task) {
    core.run();
    return null;
  }

  // What is said of what came.

  @FunctionalInterface
  private interface Asked {
    Object result();
  }

  private static Map<String, Object> outcome(Asked asked) {
    Map<String, Object> outcome = new LinkedHashMap<>();
    try {
      outcome.put("value", asked.result());
    } catch (CommandException error) {
      outcome.put("error", said(error));
    }
    return outcome;
  }

  static Map<String, Object> said(CommandException error) {
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("code", error.code());
    said.put("message", error.message());
    said.put("data", error.data());
    return said;
  }

  private static Map<String, Object> with(
      Map<String, Object> arguments, String name, Object value) {
    Map<String, Object> all = new LinkedHashMap<>(arguments);
    all.put(name, value);
    return all;
  }

  private static String command(Map<String, Object> task) {
    return (String) task.get("command");
  }

  private static Map<String, Object> arguments(Map<String, Object> task) {
    return asMap(task.getOrDefault("arguments", Map.of()));
  }

  @SuppressWarnings("unchecked") // the keys of a map that came are text
  static Map<String, Object> asMap(Object value) {
    return (Map<String, Object>) value;
  }

  private static List<?> asList(Object value) {
    return (List<?>) value;
  }
}
