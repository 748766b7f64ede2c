package io.github.stockaderuntime.frontend.internal.worker;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import io.github.stockaderuntime.frontend.internal.wire.Decoder;
import io.github.stockaderuntime.frontend.internal.wire.Encoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A core of real sockets, on a thread: it welcomes, answers {@code echo} with its {@code value} and
 * {@code never} not at all, says {@code bye}, and says what it is told to.
 */
final class FakeCore {
  private static final int REP = 4;
  private static final int DEALER = 5;
  private static final int SUB = 2;
  private static final int XPUB = 9;
  private static final int PLAIN_SERVER = 44;
  private static final int MILLISECOND = 1;
  private static final byte[] NOTHING = {};

  private final long context = zmq_ctx_new();
  private final Memory scratch = new Memory(1 << 20);
  private final ConcurrentLinkedQueue<List<?>> orders = new ConcurrentLinkedQueue<>();
  private final List<List<?>> unanswered = new ArrayList<>();
  private final String sockets;
  private final Thread thread = new Thread(this::live, "fake-core");
  private volatile boolean isOver;

  static {
    Native.register(FakeCore.class, "zmq");
  }

  FakeCore(String sockets) {
    this.sockets = sockets;
    thread.start();
  }

  private static native long zmq_ctx_new();

  private static native int zmq_ctx_term(long context);

  private static native long zmq_socket(long context, int type);

  private static native int zmq_close(long socket);

  private static native int zmq_setsockopt(long socket, int option, long value, long size);

  private static native int zmq_bind(long socket, long endpoint);

  private static native int zmq_connect(long socket, long endpoint);

  private static native int zmq_send(long socket, long data, long size, int flags);

  private static native int zmq_recv(long socket, long data, long size, int flags);

  /** Says a message of its own, soon. */
  void say(Object... message) {
    orders.add(Arrays.asList(message));
  }

  private void live() {
    long gate = zmq_socket(context, REP);
    zmq_bind(gate, inC("inproc://zeromq.zap.01\0".getBytes(StandardCharsets.US_ASCII)));
    long commands = connect(DEALER, "commands");
    long events = connect(XPUB, "events");
    long emits = connect(SUB, "emits");
    zmq_setsockopt(emits, Zmq.SUBSCRIBE, inC(NOTHING), 0);
    while (!isOver) {
      boolean isIdle =
          !admit(gate) & !answer(commands) & receive(events) == null & receive(emits) == null;
      for (List<?> order = orders.poll(); order != null; order = orders.poll()) {
        send(commands, Encoder.encode(List.of(order), Decoder.DEPTH), 0);
      }
      if (isIdle) {
        sleep();
      }
    }
    for (long socket : new long[] {gate, commands, events, emits}) {
      set(socket, Zmq.LINGER, 0);
      zmq_close(socket);
    }
    zmq_ctx_term(context);
  }

  private static void sleep() {
    try {
      Thread.sleep(MILLISECOND);
    } catch (InterruptedException interrupt) {
      throw new IllegalStateException(interrupt);
    }
  }

  private long connect(int type, String name) {
    long socket = zmq_socket(context, type);
    set(socket, PLAIN_SERVER, 1);
    zmq_connect(socket, inC((sockets + "/" + name + "\0").getBytes(StandardCharsets.US_ASCII)));
    return socket;
  }

  private void set(long socket, int option, int value) {
    scratch.setInt(0, value);
    zmq_setsockopt(socket, option, Pointer.nativeValue(scratch), Integer.BYTES);
  }

  /** Lets everybody in (ZAP); whether somebody asked. */
  private boolean admit(long gate) {
    byte[] version = receive(gate);
    if (version == null) {
      return false;
    }
    byte[] request = receive(gate);
    for (int rest = 0; rest < 6; rest++) { // domain, address, identity, mechanism, name, secret
      receive(gate);
    }
    byte[] yes = "200".getBytes(StandardCharsets.US_ASCII);
    for (byte[] frame : new byte[][] {version, request, yes, NOTHING, NOTHING}) {
      send(gate, frame, Zmq.SNDMORE);
    }
    send(gate, NOTHING, 0);
    return true;
  }

  private boolean answer(long commands) {
    byte[] frame = receive(commands);
    if (frame == null) {
      return false;
    }
    try {
      List<Object> answers = new ArrayList<>();
      for (Object message : (List<?>) Decoder.decode(frame)) {
        answer((List<?>) message, answers);
      }
      if (!answers.isEmpty()) {
        send(commands, Encoder.encode(answers, Decoder.DEPTH), 0);
      }
    } catch (DecodeException error) {
      throw new IllegalStateException(error);
    }
    return true;
  }

  private void answer(List<?> message, List<Object> answers) {
    switch ((String) message.get(0)) {
      case "hello" -> answers.add(List.of("welcome", welcome()));
      case "call" -> {
        if (message.get(2).equals("echo")) {
          answers.add(
              Arrays.asList("result", message.get(1), ((Map<?, ?>) message.get(3)).get("value")));
        } else {
          unanswered.add(message);
        }
      }
      case "cancel" -> {
        Object error = Map.of("code", "cancelled", "message", "");
        if (unanswered.removeIf(call -> call.get(1).equals(message.get(1)))) {
          answers.add(List.of("error", message.get(1), error));
        }
      }
      case "ping" -> answers.add(List.of("pong", message.get(1)));
      case "bye" -> answers.add(List.of("bye", message.get(1)));
      default -> {
        // ready, pong, and answers
      }
    }
  }

  private static Map<String, Object> welcome() {
    Map<String, Object> limits = new LinkedHashMap<>();
    for (String name : List.of("message", "event", "batch", "calls", "topics", "channels")) {
      limits.put(name, 1000L);
    }
    limits.put("message", 500_000L);
    limits.put("depth", 32L);
    limits.put("frames", 63L);
    Map<String, Object> anything = Map.of("allow", List.of("**"), "deny", List.of());
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
        Map.of("commands", anything, "listen", anything, "emit", anything));
  }

  private byte[] receive(long socket) {
    int size = zmq_recv(socket, Pointer.nativeValue(scratch), scratch.size(), Zmq.DONTWAIT);
    return size < 0 ? null : scratch.getByteArray(0, size);
  }

  private void send(long socket, byte[] frame, int flags) {
    zmq_send(socket, inC(frame), frame.length, flags);
  }

  private long inC(byte[] bytes) {
    scratch.write(0, bytes, 0, bytes.length);
    return Pointer.nativeValue(scratch);
  }

  void close() throws InterruptedException {
    isOver = true;
    thread.join();
  }
}
