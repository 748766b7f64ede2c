package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.EncodeException;
import io.github.stockaderuntime.frontend.ExportOptions;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import io.github.stockaderuntime.frontend.internal.wire.Said;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * Calls that this worker answers: what it exports, and what has been asked of it (protocol, section
 * 5). Knows no handler and no socket. Each call is answered here, once.
 */
public final class HandledCalls {
  private static final long MILLISECOND = 1_000_000;

  private final String label;
  private final Outbox outbox;
  private final Channels channels;
  private final Timers timers;
  private final Map<String, ExportOptions> exports = new LinkedHashMap<>();
  private final Map<Long, HandledCall> open = new HashMap<>();
  private final Queue<HandledCall> asked = new ArrayDeque<>();
  private final List<HandledCall> stopped = new ArrayList<>();
  private long last;
  private long count;
  private long size;
  private int depth;

  HandledCalls(String label, Outbox outbox, Channels channels, Timers timers) {
    this.label = label;
    this.outbox = outbox;
    this.channels = channels;
    this.timers = timers;
  }

  void bound(long mostBytes, int deepest) {
    size = mostBytes;
    depth = deepest;
  }

  long count() {
    return count;
  }

  int answering() {
    return open.size();
  }

  /**
   * This worker answers a command, from {@code ready} on.
   *
   * @throws IllegalArgumentException for what is no command's name, or exported already
   */
  public void export(String command, ExportOptions options) {
    if (command.isEmpty() || command.codePointCount(0, command.length()) > 128) {
      throw new IllegalArgumentException("a command's name has 1 to 128 characters");
    }
    if (exports.putIfAbsent(command, options) != null) {
      throw new IllegalArgumentException(command + " is exported already");
    }
  }

  /** What {@code ready} says of them. */
  Map<String, Object> said() {
    Map<String, Object> said = new LinkedHashMap<>();
    exports.forEach(
        (command, options) ->
            said.put(
                command,
                Map.of("concurrency", options.concurrency(), "idempotent", options.idempotent())));
    return said;
  }

  // For whoever runs the handlers.

  /** The next one to run; null if there is none. */
  public HandledCall begin() {
    return asked.poll();
  }

  /** Those that should not go on, and whose handlers have not been told. */
  public List<HandledCall> takeStopped() {
    if (stopped.isEmpty()) {
      return List.of();
    }
    List<HandledCall> taken = List.copyOf(stopped);
    stopped.clear();
    return taken;
  }

  /**
   * Encodes a result, which need not be done in turn.
   *
   * @throws CommandException {@code too_large}, or {@code failed} for what cannot be said: the
   *     answer, then
   */
  public Message resultOf(HandledCall handled, Object value) {
    Message message;
    try {
      message = Message.valued("result", handled.id(), value, depth);
    } catch (EncodeException error) {
      throw (CommandException)
          new CommandException(
                  CommandException.FAILED, "the result of " + handled.command() + " cannot be sent")
              .initCause(error);
    }
    if (message.size() + Outbox.LARGEST_HEAD > size) {
      throw new CommandException(
          CommandException.TOO_LARGE,
          "a result of "
              + message.size()
              + " bytes, where a message may have "
              + size
              + ": stream it");
    }
    return message;
  }

  /**
   * Its result; its channels stay open. A call that has been answered meanwhile keeps that answer.
   */
  public void result(HandledCall handled, Message result) {
    if (!handled.done) {
      finish(handled, result);
    }
  }

  /** Its error, with which its channels end too, unless it has been answered. */
  public void fail(HandledCall handled, CommandException error) {
    if (handled.done) {
      return;
    }
    if (handled.ends().get("yield") instanceof End.Sender stream) {
      channels.finish(stream, error); // its end comes before the answer, with the same error
    }
    Message message = Message.error("error", handled.id(), error, depth);
    if (message.size() + Outbox.LARGEST_HEAD > size) {
      String said = error.code() + ", with a message or data too large to be sent";
      message =
          Message.error(
              "error", handled.id(), new CommandException(CommandException.TOO_LARGE, said), depth);
    }
    finish(handled, message);
    for (End end : handled.ends().values()) {
      channels.close(end, error);
    }
  }

  private void finish(HandledCall handled, Message answer) {
    handled.done = true;
    open.remove(handled.id());
    outbox.put(answer);
  }

  // What the core says.

  void call(long id, String command, Map<String, Object> arguments, Said said, long now)
      throws DecodeException {
    if (id <= last) {
      throw new DecodeException("call " + id + " after call " + last);
    }
    last = id;
    count++;
    HandledCall handled =
        new HandledCall(
            id, command, arguments, said.caller(), said.trace(), channels.accept(said.channels()));
    open.put(id, handled);
    if (said.insisting().isPresent()) {
      String why = "an option that is not known here: " + said.insisting().get();
      fail(handled, new CommandException(CommandException.BAD_MESSAGE, why));
      return;
    }
    if (!exports.containsKey(command)) {
      fail(
          handled,
          new CommandException(CommandException.NOT_FOUND, label + " does not export " + command));
      return;
    }
    if (said.deadline() != null) {
      if (said.deadline() == 0) {
        expire(handled);
        return;
      }
      handled.deadline = now + said.deadline() * MILLISECOND;
      timers.add(handled.deadline, handled);
    }
    asked.add(handled);
  }

  /** The core wants it no more: the one that is to stop; null if it is answered. */
  HandledCall cancel(long id) throws DecodeException {
    if (id == 0 || id > last) {
      throw new DecodeException("a cancel of call " + id + ", which was never made");
    }
    HandledCall handled = open.get(id);
    if (handled != null) {
      stop(handled, new CommandException(CommandException.CANCELLED, "the call was cancelled"));
    }
    return handled;
  }

  /** Its time is over: it is answered now, whatever its handler does. */
  void expire(HandledCall handled) {
    CommandException error =
        new CommandException(
            CommandException.DEADLINE_EXCEEDED, handled.command() + " took longer than it had");
    stop(handled, error);
    fail(handled, error);
  }

  /** Nothing more may be said: what runs should not go on. */
  void close() {
    for (HandledCall handled : List.copyOf(open.values())) {
      handled.done = true;
      if (handled.stop(new CommandException(CommandException.UNAVAILABLE, "this worker leaves"))) {
        stopped.add(handled);
      }
    }
    open.clear();
    asked.clear();
  }

  private void stop(HandledCall handled, CommandException why) {
    if (!handled.stop(why)) {
      return;
    }
    if (asked.remove(handled)) {
      fail(handled, why);
    } else {
      stopped.add(handled);
    }
  }
}
