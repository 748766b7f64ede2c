package io.github.stockaderuntime.frontend.internal.worker;

import com.sun.jna.Memory;
import io.github.stockaderuntime.frontend.CallOptions;
import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.ConnectOptions;
import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.ExportOptions;
import io.github.stockaderuntime.frontend.internal.session.Arguments;
import io.github.stockaderuntime.frontend.internal.session.HandledCall;
import io.github.stockaderuntime.frontend.internal.session.MadeCall;
import io.github.stockaderuntime.frontend.internal.session.Pending;
import io.github.stockaderuntime.frontend.internal.session.Session;
import io.github.stockaderuntime.frontend.internal.session.State;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * The worker's end of its link: what the public face does, in terms of a conversation. Safe for any
 * thread.
 */
public final class Endpoint implements Reactions {
  /** What {@code hello} says of this library. */
  private static final String STUB = "java/0.1.0";

  /**
   * How long to wait for the core's answer to {@code bye}: it has a second for what was still to
   * do.
   */
  private static final long LEAVE = TimeUnit.SECONDS.toNanos(2);

  private static final AtomicBoolean TAKEN = new AtomicBoolean();

  /**
   * What runs on this thread belongs to: the call that is being handled, and the trace that goes
   * on.
   */
  private static final ThreadLocal<Scope> SCOPE = new ThreadLocal<>();

  /** What a handler's own calls and emits belong to. */
  public record Scope(HandledCall call, Optional<String> trace) {
    private static final Scope NONE = new Scope(null, Optional.empty());

    /** That of this thread. */
    public static Scope current() {
      Scope scope = SCOPE.get();
      return scope == null ? NONE : scope;
    }

    /** Runs something in this scope. */
    public void run(Runnable inside) {
      SCOPE.set(this);
      try {
        inside.run();
      } finally {
        SCOPE.remove();
      }
    }
  }

  private final Session session;
  private final Conversation conversation;
  private final Events events;
  private final Map<String, Consumer<HandledCall>> handlers = new HashMap<>();
  private final Executor executor;
  private final Optional<Consumer<EndedException>> onEnd;
  private final AtomicBoolean isClosing = new AtomicBoolean();

  private Endpoint(Place place, ConnectOptions options) {
    this.onEnd = options.onEnd();
    this.executor = options.executor().orElseGet(Endpoint::threads);
    this.session = new Session(place.label(), place.generation(), STUB, options.queue());
    this.conversation = new Conversation(new Link(place), session, this);
    this.events = new Events(this, conversation);
  }

  private static Executor threads() {
    AtomicInteger count = new AtomicInteger();
    return Executors.newCachedThreadPool(
        task -> {
          Thread thread = new Thread(task, "stockade-handler-" + count.incrementAndGet());
          thread.setDaemon(true);
          return thread;
        });
  }

  /**
   * Binds, greets, and waits until the core has welcomed this worker.
   *
   * @throws EndedException if there is none, or it will not
   */
  public static Endpoint connect(ConnectOptions options) {
    if (!TAKEN.compareAndSet(false, true)) {
      throw new IllegalStateException(
          "this process has connected before: a worker has one link, made for one connection");
    }
    Endpoint endpoint;
    try {
      Place place = Place.take(System.getenv());
      endpoint = new Endpoint(place, options);
      endpoint.watch(place.lifeline());
    } catch (EndedException end) {
      throw Ending.told(end, options.onEnd());
    }
    return endpoint.greet();
  }

  /** At another place than this process's own, and without a lifeline. */
  static Endpoint connect(Place place, ConnectOptions options) {
    return new Endpoint(place, options).greet();
  }

  private Endpoint greet() {
    conversation.start();
    await(
        session::hello,
        hello -> hello.isDone() && conversation.traffic().takesEmits(),
        Timers.NEVER);
    return this;
  }

  /**
   * The session, to be looked at in {@link #look} alone, but for what never changes after the
   * welcome.
   */
  public Session session() {
    return session;
  }

  /** Looks at the session while nobody touches it. */
  public <T> T look(Conversation.Step<T> step) {
    return conversation.look(step);
  }

  public long now() {
    return conversation.now();
  }

  public Executor executor() {
    return executor;
  }

  // Waiting.

  /** Something that waits. */
  @FunctionalInterface
  public interface Waiting<T> {
    T run() throws InterruptedException;
  }

  /** Does what may find that the conversation is over. */
  private <T> T ending(Waiting<T> does) throws InterruptedException {
    try {
      return does.run();
    } catch (EndedException end) {
      throw Ending.rested(end, onEnd);
    }
  }

  /**
   * Waits; an interrupt is an error of the code {@code cancelled}; the thread stays interrupted.
   */
  <T> T await(Waiting<T> waiting) {
    try {
      return ending(waiting);
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
      throw new CommandException(
          CommandException.CANCELLED, "the thread that waited was interrupted");
    }
  }

  // Calls.

  /** A call that is to be made now, checked and encoded. */
  public MadeCall prepare(String command, Arguments arguments, CallOptions options, Scope scope) {
    return new MadeCall(
        command,
        arguments,
        options,
        scope.call(),
        options.trace().isPresent() ? options.trace() : scope.trace(),
        now());
  }

  /** Begins a call, which goes together with what gathers. */
  public void begin(MadeCall call) {
    gather(
        () -> {
          session.calls().make(call, now());
          return null;
        });
  }

  /** Makes a call and waits for its answer. An interrupt cancels it. */
  public Object invoke(MadeCall call) {
    try {
      ending(
          () ->
              conversation.await(
                  () -> {
                    session.calls().make(call, now());
                    return call;
                  },
                  MadeCall::isDone,
                  Timers.NEVER));
    } catch (InterruptedException interrupt) {
      Thread.currentThread().interrupt();
      cancel(call, "the thread that waited was interrupted");
    }
    return resultOf(call);
  }

  /**
   * Waits for an answer until then; whether it is there.
   *
   * @throws EndedException if the answer is that the conversation is over
   */
  public boolean awaitAnswer(MadeCall call, long deadline) throws InterruptedException {
    boolean isThere =
        look(call::isDone)
            || ending(() -> conversation.await(() -> call, MadeCall::isDone, deadline)) != null;
    if (isThere && call.error() instanceof EndedException end) {
      throw Ending.rested(end, onEnd);
    }
    return isThere;
  }

  /** What an answered call has given. */
  public Object resultOf(Pending call) {
    RuntimeException error = call.error();
    if (error instanceof CommandException refusal) {
      throw refusal.again();
    }
    if (error instanceof EndedException end) {
      throw Ending.rested(end, onEnd);
    }
    if (error != null) {
      throw error;
    }
    return call.value();
  }

  /** Nobody wants its answer any more. */
  public void cancel(MadeCall call, String why) {
    if (isOpen()) {
      send(
          () -> {
            session.calls().cancel(call, new CommandException(CommandException.CANCELLED, why));
            return null;
          });
    }
  }

  /** Takes a step in the session; what it has to say goes soon. */
  public <T> T gather(Conversation.Step<T> step) {
    return await(() -> conversation.gather(step));
  }

  /** Takes a step in the session; what it has to say goes at once. */
  public <T> T send(Conversation.Step<T> step) {
    return await(() -> conversation.send(step));
  }

  /** Takes a step, and waits until it is so; null if the time is over. */
  public <T> T await(Conversation.Step<T> step, Conversation.Ready<T> isReady, long deadline) {
    return await(() -> conversation.await(step, isReady, deadline));
  }

  /** Whether the conversation goes on. */
  public boolean isOpen() {
    return conversation.over() == null;
  }

  // Events.

  /** Who listens, and what is emitted. */
  public Events events() {
    return events;
  }

  @Override
  public void handleEvents() {
    events.handleAll();
  }

  // Answering.

  /**
   * This worker answers a command; the handler is given each call of it, on the executor, and
   * answers it.
   */
  public void export(String command, ExportOptions options, Consumer<HandledCall> handler) {
    gather(
        () -> {
          if (session.isReady()) {
            throw new IllegalStateException(
                "what a worker exports is said with `ready`: export before that, and before `run`");
          }
          session.handled().export(command, options);
          handlers.put(command, handler);
          return null;
        });
  }

  @Override
  public void handle(HandledCall call) {
    try {
      executor.execute(() -> handlers.get(call.command()).accept(call));
    } catch (RejectedExecutionException error) {
      if (isOpen()) {
        gather(
            () -> {
              session
                  .handled()
                  .fail(
                      call,
                      new CommandException(
                          CommandException.UNAVAILABLE, "this worker takes no more calls"));
              return null;
            });
      }
    }
  }

  // Living and ending.

  public void ready() {
    send(
        () -> {
          session.ready();
          return null;
        });
  }

  /**
   * Waits until the core asks this worker to stop, or somebody closes it; throws what an event's
   * handler has thrown.
   */
  public void run() {
    await(
        () -> {
          session.ready();
          events.begin();
          return this;
        },
        me -> session.isStopping() || events.hasFailed() || isClosing.get(),
        Timers.NEVER);
    Throwable failed = look(events::takeFailure);
    if (failed instanceof RuntimeException error) {
      throw error;
    }
    if (failed instanceof Error error) {
      throw error;
    }
  }

  public boolean isStopping() {
    return gather(session::isStopping);
  }

  /** Takes leave. */
  public void close() {
    if (!isOpen() || !isClosing.compareAndSet(false, true)) {
      return;
    }
    boolean wasInterrupted = false;
    long until = now() + LEAVE;
    try {
      Pending bye = conversation.send(session::bye);
      wasInterrupted = awaitBye(bye, until);
      tellLeave();
    } catch (EndedException end) {
      return; // it has been told
    }
    conversation.finish(new IllegalStateException("this connection has been closed"));
    conversation.awaitClosed(TimeUnit.NANOSECONDS.toMillis(LEAVE));
    if (wasInterrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for the core's bye, through interrupts; whether there was one. */
  private boolean awaitBye(Pending bye, long until) {
    boolean wasInterrupted = false;
    while (true) {
      try {
        conversation.await(() -> bye, Pending::isDone, until);
        return wasInterrupted;
      } catch (InterruptedException interrupt) {
        wasInterrupted = true;
      }
    }
  }

  private void tellLeave() {
    look(
        () -> {
          if (session.state() != State.LEFT) {
            Ending.say(
                "the core has not answered bye within "
                    + TimeUnit.NANOSECONDS.toSeconds(LEAVE)
                    + " s");
          } else if (session.emitsHandled() != session.emitted()) {
            Ending.say(
                "the core has handled "
                    + session.emitsHandled()
                    + " of "
                    + session.emitted()
                    + " emits");
          }
          return null;
        });
  }

  /** Watches the lifeline: its end is the process's, whatever the other threads do. */
  private void watch(int lifeline) {
    Thread thread =
        new Thread(
            () -> {
              try (Memory rest = new Memory(64)) {
                while (Libc.read(lifeline, rest) > 0) {
                  // nothing is said on it
                }
              }
              conversation.finish(
                  new EndedException(EndedException.End.STOPPED, "the lifeline has ended"));
            },
            "stockade-lifeline");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void ended(EndedException end) {
    Ending.tell(end, onEnd);
  }
}
