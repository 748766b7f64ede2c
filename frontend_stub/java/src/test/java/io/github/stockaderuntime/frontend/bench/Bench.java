package io.github.stockaderuntime.frontend.bench;

import io.github.stockaderuntime.frontend.Call;
import io.github.stockaderuntime.frontend.CallOptions;
import io.github.stockaderuntime.frontend.Core;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * What a call costs, beside bare sockets of the same binding: a worker that is told what to
 * measure.
 */
public final class Bench {
  private static final int FRAME = 24;
  private static final Map<String, Object> ONE = Map.of("value", 1);

  private final Core core;
  private Bare bare;

  private Bench(Core core) {
    this.core = core;
  }

  public static void main(String[] arguments) {
    try (Core core = Core.connect()) {
      core.ready();
      new Bench(core).work();
    }
  }

  private void work() {
    Map<String, Object> said = Map.of();
    while (true) {
      Map<?, ?> task =
          (Map<?, ?>) core.with(CallOptions.DEFAULT.withoutTimeout()).invoke("bench.next", said);
      if ("leave".equals(task.get("do"))) {
        return;
      }
      said = new HashMap<>();
      said.put("report", report(task));
    }
  }

  private Object report(Map<?, ?> task) {
    return switch ((String) task.get("do")) {
      case "stub" -> Map.of("ns", each(count(task, "count"), () -> core.invoke("bench.echo", ONE)));
      case "floor" -> Map.of("ns", each(count(task, "count"), () -> bare().roundTrip(FRAME)));
      case "pipelined" -> Map.of("ns", pipelined(count(task, "count"), count(task, "window")));
      default -> null;
    };
  }

  private Bare bare() {
    if (bare == null) {
      bare = new Bare(System.getenv("BENCH_FLOOR"));
    }
    return bare;
  }

  private static int count(Map<?, ?> task, String name) {
    return ((Number) task.get(name)).intValue();
  }

  private static List<Long> each(int count, Runnable one) {
    List<Long> nanoseconds = new ArrayList<>(count);
    for (int at = 0; at < count; at++) {
      long began = System.nanoTime();
      one.run();
      nanoseconds.add(System.nanoTime() - began);
    }
    return nanoseconds;
  }

  private long pipelined(int count, int window) {
    long began = System.nanoTime();
    Queue<Call> inFlight = new ArrayDeque<>();
    for (int at = 0; at < count; at++) {
      if (inFlight.size() >= window) {
        inFlight.remove().result();
      }
      inFlight.add(core.call("bench.echo", ONE));
    }
    inFlight.forEach(Call::result);
    return System.nanoTime() - began;
  }
}
