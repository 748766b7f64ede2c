package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.Limits;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import io.github.stockaderuntime.frontend.internal.wire.Encoder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The calls that this worker makes: from the asking until the one answer each has (protocol,
 * section 5). Knows no socket and no clock. A call is <em>held</em> while there is no room for it,
 * <em>in flight</em> once its message is in the outbox, <em>put off</em> when the core has said
 * {@code busy}; then it is made anew, under its next id.
 */
public final class Calls {
  private final Map<Long, MadeCall> flight = new LinkedHashMap<>();
  private final ArrayDeque<MadeCall> held = new ArrayDeque<>();
  private final Set<MadeCall> putOff = new LinkedHashSet<>();
  private final Outbox outbox;
  private final Channels channels;
  private final Timers timers;
  private final List<Pending> answered;
  private Limits limits;
  private Pace pace;
  private boolean maySpeak = true;
  private long last;
  private long answers;
  private long late;
  private long tries;

  Calls(Outbox outbox, Channels channels, Timers timers, List<Pending> answered) {
    this.outbox = outbox;
    this.channels = channels;
    this.timers = timers;
    this.answered = answered;
  }

  void open(Limits theirs) {
    limits = theirs;
    pace = theirs.rate().isPresent() ? new Pace(theirs.rate().getAsDouble()) : null;
  }

  /** Ids used. */
  long last() {
    return last;
  }

  /** Answers that came. */
  long answers() {
    return answers;
  }

  /** Answers to calls that had been given up. */
  long late() {
    return late;
  }

  /** Calls that were put off. */
  long tries() {
    return tries;
  }

  /** Calls in flight. */
  int inFlight() {
    return flight.size();
  }

  // Asking.

  /**
   * Makes a call: it is in flight at once if there is room, else held until there is.
   *
   * @throws CommandException {@code busy} if it may not wait, or too many channels are open; {@code
   *     too_large}; what has stopped its parent
   */
  public void make(MadeCall call, long now) {
    if (!maySpeak) {
      throw new IllegalStateException("this worker has taken its leave (nothing was sent)");
    }
    if (call.parent != null && call.parent.stopped() != null) {
      throw call.parent.stopped().again();
    }
    bind(call.arguments.ends());
    if (hasRoom(now)) {
      send(call, now);
    } else {
      hold(call);
    }
    for (End end : call.arguments.ends().values()) {
      end.bound = true;
    }
    if (call.deadline != Timers.NEVER) {
      timers.add(call.deadline, call);
    }
  }

  private void bind(Map<String, End> ends) {
    if (ends.isEmpty()) {
      return;
    }
    if (ends.values().stream().anyMatch(End::isBound)
        || new HashSet<>(ends.values()).size() < ends.size()) {
      throw new IllegalStateException("a channel belongs to one call: make another");
    }
    if (!channels.hasRoom(ends.size())) {
      throw busy(channels.count() + " channels are open, and no more are taken");
    }
  }

  private boolean hasRoom(long now) {
    return held.isEmpty()
        && flight.size() < limits.calls()
        && (pace == null || pace.take(now) == 0);
  }

  private void hold(MadeCall call) {
    if (!call.options.waits()) {
      boolean isPaced = held.isEmpty() && flight.size() < limits.calls();
      throw busy(
          isPaced
              ? limits.rate().getAsDouble() + " calls a second are the limit"
              : "as many calls are in flight as may be");
    }
    held.add(call);
    timers.add(0, call); // whoever knows the time calls `wake`, and so `admit`
  }

  private static CommandException busy(String why) {
    return new CommandException(CommandException.BUSY, why + " (nothing was sent)");
  }

  /** There may be room: send what is held, as far as it goes. */
  void admit(long now) {
    while (!held.isEmpty() && flight.size() < limits.calls()) {
      MadeCall call = held.peek();
      if (!call.isDone()) {
        long pause = pace == null ? 0 : pace.take(now);
        if (pause > 0) {
          timers.add(now + pause, call);
          return;
        }
        try {
          send(call, now);
        } catch (CommandException error) {
          end(call, error);
        }
      }
      held.remove();
    }
  }

  private void send(MadeCall call, long now) {
    Map<String, End> ends = call.arguments.ends();
    Map<String, Object> said = call.said(now);
    if (!ends.isEmpty()) {
      if (!channels.hasRoom(ends.size())) {
        throw busy("too many channels are open");
      }
      said.put("channels", channels.offers(ends));
    }
    long id = last + 1;
    Encoder.Encoded arguments = new Encoder.Encoded(call.arguments.encoded());
    byte[] head =
        said.isEmpty()
            ? Encoder.array("call", id, call.command, arguments)
            : Encoder.array("call", id, call.command, arguments, said);
    Message message = new Message(head, call.arguments.frames());
    long most = limits.message() - Outbox.LARGEST_HEAD;
    if (message.size() > most) {
      throw new CommandException(
          CommandException.TOO_LARGE,
          message.size()
              + " bytes, where a call may have "
              + most
              + " (nothing was sent); pass what is larger through a channel: core.sendChannel()");
    }
    last = id;
    call.id = id;
    flight.put(id, call);
    outbox.put(message);
    channels.open(ends);
  }

  // Answers.

  void result(long id, Object value) throws DecodeException {
    MadeCall call = landed(id);
    if (call.isDone()) {
      late++;
    } else {
      call.answer(value, null);
      answered.add(call);
    }
  }

  void failed(long id, CommandException error, long now) throws DecodeException {
    MadeCall call = landed(id);
    if (call.isDone()) {
      late++;
    } else if (error.is(CommandException.BUSY) && call.options.waits() && maySpeak) {
      again(call, error, now);
    } else {
      for (End end : call.arguments.ends().values()) {
        channels.close(end, error);
      }
      end(call, error);
    }
  }

  private MadeCall landed(long id) throws DecodeException {
    MadeCall call = flight.remove(id);
    if (call == null) {
      throw new DecodeException(
          "an answer to call " + id + ", which was never made or has been answered");
    }
    answers++;
    return call;
  }

  private void again(MadeCall call, CommandException error, long now) {
    channels.forget(call.arguments.ends());
    tries++;
    call.id = 0;
    putOff.add(call);
    timers.add(call.putOff(now, limits.deadline()), call);
  }

  /** Its time has come: it is over, or to be tried again, or there may be room for it. */
  void look(MadeCall call, long now) {
    if (now >= call.deadline) {
      String state =
          call.id > 0 ? "no answer in its time" : "busy for all of its time, so it never ran";
      cancel(
          call,
          new CommandException(CommandException.DEADLINE_EXCEEDED, call.command + ": " + state));
    } else if (now >= call.again) {
      call.again = Timers.NEVER;
      putOff.remove(call);
      held.add(call);
      if (call.deadline != Timers.NEVER) {
        timers.add(call.deadline, call);
      }
    }
  }

  // The end of some.

  /**
   * Nobody wants its answer any more: it ends with this error, here; the core is told if it knows
   * of the call. Its id and its place among those in flight stay taken until the core's answer,
   * which is counted and ignored.
   */
  public void cancel(MadeCall call, CommandException error) {
    if (call.isDone()) {
      return;
    }
    putOff.remove(call);
    if (call.id > 0 && maySpeak) {
      outbox.put(Message.of("cancel", call.id));
    }
    for (End end : call.arguments.ends().values()) {
      // The answer may have crossed, and a result leaves channels open: so each is ended too.
      channels.finish(end, error);
    }
    end(call, error);
  }

  private void end(MadeCall call, CommandException error) {
    call.answer(null, error);
    answered.add(call);
  }

  /**
   * The call that was being handled when these were made should not go on, so neither should these.
   */
  void cancelNested(HandledCall handled) {
    for (MadeCall call : unanswered()) {
      if (call.parent == handled) {
        cancel(
            call,
            handled.stopped() != null
                ? handled.stopped()
                : new CommandException(
                    CommandException.CANCELLED, "the call that this one belongs to has ended"));
      }
    }
  }

  /** Nothing more may be said: what is not in flight never will be. */
  void close() {
    maySpeak = false;
    List<MadeCall> waiting = new ArrayList<>(held);
    waiting.addAll(putOff);
    for (MadeCall call : waiting) {
      cancel(call, new CommandException(CommandException.CANCELLED, "this worker leaves"));
    }
    held.clear();
  }

  /** Those that nobody has given up. */
  Collection<MadeCall> unanswered() {
    Collection<MadeCall> all = new ArrayList<>(flight.values());
    all.addAll(held);
    all.addAll(putOff);
    all.removeIf(Pending::isDone);
    return all;
  }
}
