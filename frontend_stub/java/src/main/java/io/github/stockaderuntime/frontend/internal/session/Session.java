package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.EndedException.End;
import io.github.stockaderuntime.frontend.Grant;
import io.github.stockaderuntime.frontend.Grants;
import io.github.stockaderuntime.frontend.Limits;
import io.github.stockaderuntime.frontend.Statistics;
import io.github.stockaderuntime.frontend.internal.wire.CoreSays;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import io.github.stockaderuntime.frontend.internal.wire.Decoder;
import io.github.stockaderuntime.frontend.internal.wire.Encoder;
import io.github.stockaderuntime.frontend.internal.wire.RawFrames;
import io.github.stockaderuntime.frontend.internal.wire.Topics;
import io.github.stockaderuntime.frontend.internal.wire.Verb;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Queue;

/**
 * One worker's side of the conversation: what it may say, what it awaits, what the core's messages
 * mean.
 *
 * <p>Frames go in and come out; it knows no socket, clock or thread. {@code now} is in nanoseconds
 * of a clock that is never below zero and never goes back. What asks returns a {@link Pending};
 * those that are answered come out of {@link #takeAnswered}. Methods throw {@link EndedException}
 * when the conversation is over.
 */
public final class Session {
  /** The version of the protocol that is spoken here. */
  public static final int PROTOCOL = 1;

  /** More messages than these are in no batch, whatever the limits say. */
  public static final int BATCH = 1024;

  /** Bytes that the number of an emit takes at most. */
  private static final int LARGEST_NUMBER = 9;

  private static final byte[] SUBSCRIBED = {1};
  private static final byte[] UNSUBSCRIBED = {0};

  private final String label;
  private final long generation;
  private final String stub;
  private final Outbox outbox = new Outbox();
  private final Timers timers = new Timers();
  private final Inbox inbox;
  private final Channels channels = new Channels(outbox);
  final List<Pending> answered = new ArrayList<>();
  private final Calls calls = new Calls(outbox, channels, timers, answered);
  private final HandledCalls handled;
  private final CoreSays meaning = new Meaning(this);
  final Pending hello = new Pending();
  final Pending bye = new Pending();
  final Map<Long, Pending> pings = new HashMap<>();

  /**
   * Subscriptions that await their answers; one topic may have been asked for, dropped, and asked
   * for again.
   */
  final Map<String, Queue<Pending>> asked = new LinkedHashMap<>();

  State state = State.BORN;
  Limits limits =
      new Limits(0, 0, 1, 0, 0, Decoder.DEPTH, 0, 0, Optional.empty(), OptionalDouble.empty());
  Grants grants =
      new Grants(
          new Grant('.', List.of(), List.of()),
          new Grant('/', List.of(), List.of()),
          new Grant('/', List.of(), List.of()));
  boolean stopping;
  private boolean ready;
  private long emitted;
  long emitsHandled = -1;
  private long lastPing;
  long pingsAnswered;
  long now;

  /**
   * A conversation that has not begun.
   *
   * @param label this worker's
   * @param generation which start of it this is
   * @param stub what {@code hello} says of this library
   * @param queue bounds the events that wait for their handlers
   */
  public Session(String label, long generation, String stub, int queue) {
    this.label = label;
    this.generation = generation;
    this.stub = stub;
    this.inbox = new Inbox(queue);
    this.handled = new HandledCalls(label, outbox, channels, timers);
  }

  public String label() {
    return label;
  }

  public long generation() {
    return generation;
  }

  public State state() {
    return state;
  }

  public Limits limits() {
    return limits;
  }

  public Grants grants() {
    return grants;
  }

  public Outbox outbox() {
    return outbox;
  }

  public Inbox inbox() {
    return inbox;
  }

  public Timers timers() {
    return timers;
  }

  public Calls calls() {
    return calls;
  }

  public Channels channels() {
    return channels;
  }

  public HandledCalls handled() {
    return handled;
  }

  /** Whether the core has asked this worker to finish. */
  public boolean isStopping() {
    return stopping;
  }

  /** Whether {@code ready} has been said. */
  public boolean isReady() {
    return ready;
  }

  /** Containers within each other that the core takes. */
  public int depth() {
    return Message.depth(limits.depth());
  }

  /** Events that this worker has emitted. */
  public long emitted() {
    return emitted;
  }

  /** Emits that the core has handled, once it has said {@code bye}. */
  public long emitsHandled() {
    return emitsHandled;
  }

  // What this worker says.

  /** Begins. */
  public Pending hello() {
    state = State.GREETING;
    outbox.put(Message.of("hello", Map.of("protocol", PROTOCOL, "stub", stub)));
    return hello;
  }

  /** Says, once, that this worker has set up what it needs, and what it exports. */
  public void ready() {
    if (!ready) {
      ready = true;
      Map<String, Object> exports = handled.said();
      outbox.put(
          exports.isEmpty()
              ? Message.of("ready")
              : Message.of("ready", Map.of("exports", exports)));
    }
  }

  /** Asks whether the core is there. */
  public Pending ping() {
    lastPing++;
    outbox.put(Message.of("ping", lastPing));
    Pending pending = new Pending();
    pings.put(lastPing, pending);
    return pending;
  }

  /**
   * Refuses what this worker may not call.
   *
   * @throws CommandException {@code not_allowed}, {@code bad_message}
   */
  public void checkCommand(String command) {
    if (command.isEmpty() || command.codePointCount(0, command.length()) > 128) {
      throw new CommandException(
          CommandException.BAD_MESSAGE, "a command's name has 1 to 128 characters");
    }
    if (!grants.commands().allows(command)) {
      throw notAllowed("call " + command);
    }
  }

  /**
   * This worker is about to subscribe to a topic.
   *
   * @throws CommandException {@code not_allowed}
   */
  public Pending subscribe(String topic) {
    Grant grant = grants.listen();
    boolean isPrefix = topic.endsWith("/");
    if (!(isPrefix ? grant.covers(topic) : grant.allows(topic.substring(0, topic.length() - 1)))) {
      throw notAllowed("listen to " + topic);
    }
    Pending pending = new Pending();
    asked.computeIfAbsent(topic, unasked -> new ArrayDeque<>()).add(pending);
    return pending;
  }

  /** What stands before and behind the number of an emit. */
  public record Emit(byte[] topic, int elements, byte[] payload, byte[] options) {}

  /**
   * Checks and encodes an event, which need not be done in turn.
   *
   * @throws CommandException {@code not_allowed}, {@code too_large}
   * @throws IllegalArgumentException for what is no event's name, or cannot be said
   */
  public Emit prepareEmit(
      String event, Object payload, Optional<String> to, Optional<String> trace) {
    Topics.event(event);
    if (!grants.emit().allows(event)) {
      throw notAllowed("emit " + event);
    }
    Map<String, Object> options = new LinkedHashMap<>();
    to.ifPresent(worker -> options.put("to", worker));
    trace.ifPresent(traceparent -> options.put("trace", traceparent));
    byte[] topic = (event + "|").getBytes(StandardCharsets.US_ASCII);
    byte[] body = Encoder.encode(payload, depth() - 1);
    byte[] said = options.isEmpty() ? new byte[0] : Encoder.encode(options, 1);
    long size = topic.length + 1L + LARGEST_NUMBER + body.length + said.length;
    if (size > limits.event()) {
      throw new CommandException(
          CommandException.TOO_LARGE,
          size + " bytes, where an event may have " + limits.event() + " (nothing was sent)");
    }
    return new Emit(topic, options.isEmpty() ? 2 : 3, body, said);
  }

  /** The frame of a prepared event, as the next one; {@link #emitted(Emit)} says that it went. */
  public byte[] frameOf(Emit emit) {
    Object number = emitted + 1;
    byte[] body =
        emit.elements() == 2
            ? Encoder.array(number, new Encoder.Encoded(emit.payload()))
            : Encoder.array(
                number, new Encoder.Encoded(emit.payload()), new Encoder.Encoded(emit.options()));
    byte[] frame = Arrays.copyOf(emit.topic(), emit.topic().length + body.length);
    System.arraycopy(body, 0, frame, emit.topic().length, body.length);
    return frame;
  }

  /** The frame of this event has gone. */
  public void emitted(Emit emit) {
    emitted++;
  }

  /** Takes leave. Nothing more may be said; the answer is the end. */
  public Pending bye() {
    calls.close();
    channels.closeAll();
    handled.close();
    state = State.LEAVING;
    outbox.put(Message.of("bye", Map.of("emitted", emitted)));
    return bye;
  }

  /** What is asked and awaits its answer. */
  public Collection<Pending> unanswered() {
    Collection<Pending> all = new ArrayList<>(calls.unanswered());
    all.addAll(pings.values());
    asked.values().forEach(all::addAll);
    return all;
  }

  /** The conversation is over: what awaits its answer has this one. */
  public void end(RuntimeException why) {
    for (Pending pending : unanswered()) {
      pending.answer(null, why);
      answered.add(pending);
    }
    channels.closeAll();
    handled.close();
    state = State.LEFT;
  }

  /** What has been answered since it was last asked for. */
  public List<Pending> takeAnswered() {
    if (answered.isEmpty()) {
      return List.of();
    }
    List<Pending> taken = List.copyOf(answered);
    answered.clear();
    return taken;
  }

  /** The counts until now. */
  public Statistics statistics() {
    return new Statistics(
        calls.last(),
        calls.answers(),
        calls.late(),
        calls.tries(),
        calls.inFlight(),
        handled.count(),
        handled.answering(),
        channels.count(),
        outbox.batches(),
        emitted,
        inbox.received(),
        inbox.waiting(),
        inbox.missed(),
        pingsAnswered);
  }

  private CommandException notAllowed(String what) {
    return new CommandException(
        CommandException.NOT_ALLOWED,
        label + " may not " + what + " (its grants say so; nothing was sent)");
  }

  // What the core says.

  /** One message of the commands socket, its first frame and the raw ones behind it. */
  public void receive(byte[] frame, List<byte[]> raw, long itsTime) {
    now = itsTime;
    try {
      if (!(Decoder.decode(frame) instanceof List<?> batch)
          || batch.isEmpty()
          || batch.size() > BATCH) {
        throw new DecodeException("a frame that is no batch of 1 to " + BATCH + " messages");
      }
      RawFrames frames = new RawFrames(raw);
      for (Object message : batch) {
        Verb verb = Verb.of(message);
        if (!state.takes(verb)) {
          throw new DecodeException(
              verb.said()
                  + " when the conversation is "
                  + state.name().toLowerCase(java.util.Locale.ROOT));
        }
        verb.read(message, frames, meaning);
      }
      frames.checkAllTaken();
    } catch (DecodeException error) {
      throw broken(error);
    }
    calls.admit(now);
  }

  /** One frame of the events socket. */
  public void receiveEvent(byte[] frame) {
    if (state == State.BORN || state == State.GREETING) {
      throw new EndedException(
          End.CORE_BROKEN, "the core broke the protocol: an event before welcome");
    }
    try {
      inbox.put(Topics.read(frame));
    } catch (DecodeException error) {
      throw broken(error);
    }
  }

  /** One frame of the emits socket: whether the core now takes emits. */
  public boolean receiveSubscription(byte[] frame) {
    if (Arrays.equals(frame, SUBSCRIBED)) {
      return true;
    }
    if (Arrays.equals(frame, UNSUBSCRIBED)) { // XPUB says so of itself when the last peer has gone
      throw new EndedException(End.CONNECTION_LOST, "the core closed its connection");
    }
    throw new EndedException(
        End.CORE_BROKEN, "the core broke the protocol: a subscription to some of the emits");
  }

  /** Sees to what is due by now; {@link #timers} says when there is something. */
  public void wake(long itsTime) {
    now = itsTime;
    for (Timers.Timed thing : timers.due(now)) {
      if (thing instanceof MadeCall call) {
        calls.look(call, now);
      } else if (thing instanceof HandledCall call) {
        handled.expire(call);
        calls.cancelNested(call);
      }
    }
    calls.admit(now);
  }

  private static EndedException broken(Throwable error) {
    EndedException end =
        new EndedException(End.CORE_BROKEN, "the core broke the protocol: " + error.getMessage());
    end.initCause(error);
    return end;
  }
}
