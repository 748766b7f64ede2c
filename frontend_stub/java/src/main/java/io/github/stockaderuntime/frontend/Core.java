package io.github.stockaderuntime.frontend;

import io.github.stockaderuntime.frontend.internal.session.End;
import io.github.stockaderuntime.frontend.internal.session.Session;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import io.github.stockaderuntime.frontend.internal.wire.Topics;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint.Scope;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * The core of the application, as this worker talks to it.
 *
 * <pre>{@code
 * try (Core core = Core.connect()) {
 *   System.out.println(core.invoke("notes.read", Map.of("name", "notes/todo")));
 *   core.listen("notes/changed", event -> System.out.println(event.payload()));
 *   core.run(); // until the supervisor asks to stop
 * }
 * }</pre>
 *
 * <p>Safe for any thread. When the conversation is over every method throws {@link EndedException};
 * by default the process has exited before.
 */
public final class Core implements Invoker, AutoCloseable {
  private final Endpoint endpoint;
  private final Asking asking;

  private Core(Endpoint endpoint) {
    this.endpoint = endpoint;
    this.asking = new Asking(endpoint, CallOptions.DEFAULT, null);
  }

  /**
   * Connects this worker to its core: once per process. Returns when the core has welcomed it.
   *
   * @return the connection
   * @throws EndedException if no supervisor has started this process, or the core will not have it;
   *     by default the process exits instead
   */
  public static Core connect() {
    return connect(ConnectOptions.DEFAULT);
  }

  /**
   * Connects with options.
   *
   * @param options how
   * @return the connection
   * @throws EndedException as {@link #connect()}
   */
  public static Core connect(ConnectOptions options) {
    return new Core(Endpoint.connect(options));
  }

  // Who and what.

  /**
   * This worker's label.
   *
   * @return with the number of a replica: {@code thumbs.2}
   */
  public String worker() {
    return endpoint.session().label();
  }

  /**
   * Which start of this worker it is.
   *
   * @return from 1
   */
  public long generation() {
    return endpoint.session().generation();
  }

  /**
   * What the core takes.
   *
   * @return the limits
   */
  public Limits limits() {
    return endpoint.session().limits();
  }

  /**
   * What this worker may call, listen to and emit.
   *
   * @return the grants
   */
  public Grants grants() {
    return endpoint.session().grants();
  }

  /**
   * Whether this worker is asked to finish.
   *
   * @return whether the core has said so
   */
  public boolean isStopping() {
    return endpoint.isStopping();
  }

  /**
   * Events meant for this worker that no handler will see: the core had to drop them, or too many
   * waited here. Those that the core has sent behind the end of a subscription, and before it had
   * read that, look the same, and are counted too.
   *
   * @return how many until now
   */
  public long missed() {
    return endpoint.look(() -> endpoint.session().inbox().missed());
  }

  /**
   * The counts of this connection.
   *
   * @return those until now
   */
  public Statistics statistics() {
    return endpoint.look(() -> endpoint.session().statistics());
  }

  /**
   * Asks whether the core is there.
   *
   * @return how long the answer took
   */
  public Duration ping() {
    long began = System.nanoTime();
    Session session = endpoint.session();
    endpoint.await(session::ping, pending -> pending.isDone(), Timers.NEVER);
    return Duration.ofNanos(System.nanoTime() - began);
  }

  // Calls.

  @Override
  public Object invoke(String command, Map<String, ?> arguments) {
    return asking.invoke(command, arguments);
  }

  @Override
  public Call call(String command, Map<String, ?> arguments) {
    return asking.call(command, arguments);
  }

  @Override
  public ReceiveChannel stream(String command, Map<String, ?> arguments, int credit) {
    return asking.stream(command, arguments, credit);
  }

  @Override
  public void emit(String event, Object payload, String to) {
    asking.emit(event, payload, to);
  }

  @Override
  public Invoker with(CallOptions options) {
    return asking.with(options);
  }

  /**
   * An end to send on, to be passed to a call as an argument that the command receives from.
   *
   * @return a new one
   */
  public SendChannel sendChannel() {
    return new SendChannel(endpoint, new End.Sender(), Scope.current());
  }

  /**
   * An end to receive from, with the usual credit.
   *
   * @return a new one
   */
  public ReceiveChannel receiveChannel() {
    return receiveChannel(CREDIT);
  }

  /**
   * An end to receive from, to be passed to a call as an argument that the command sends on.
   *
   * @param credit items that the command may be ahead, 1 or more
   * @return a new one
   */
  public ReceiveChannel receiveChannel(int credit) {
    return new ReceiveChannel(endpoint, new End.Receiver(credit), Scope.current(), null);
  }

  // Events.

  /**
   * Calls a handler with each event of a name, or, if the name ends in a slash, of all names that
   * begin so.
   *
   * <p>Returns when the core has answered: from then on nothing is missed uncounted. Handlers run
   * on the connection's executor, one event after the other. What one throws comes out of {@link
   * #run()}.
   *
   * @param name an event, or a prefix
   * @param handler gets each event
   * @return what ends it
   * @throws CommandException {@code not_allowed} or {@code busy}
   * @throws IllegalArgumentException for what is no event's name
   */
  public Subscription listen(String name, Consumer<? super Event> handler) {
    return listen(name, handler, false);
  }

  /**
   * Listens, to one event alone.
   *
   * @param name an event, or a prefix
   * @param handler gets the first event
   * @return what ends it before
   * @throws CommandException {@code not_allowed} or {@code busy}
   * @throws IllegalArgumentException for what is no event's name
   */
  public Subscription once(String name, Consumer<? super Event> handler) {
    return listen(name, handler, true);
  }

  private Subscription listen(String name, Consumer<? super Event> handler, boolean once) {
    Objects.requireNonNull(handler, "handler");
    return new Subscription(
        endpoint, name, endpoint.events().listen(Topics.topic(name), handler, once));
  }

  // Answering.

  /**
   * Answers a command, one call at a time.
   *
   * @param command its name, which the configuration lets this worker export
   * @param handler runs on the connection's executor, from {@link #ready()} on
   * @throws IllegalStateException if {@code ready} has been said
   */
  public void export(String command, Handler handler) {
    export(command, ExportOptions.DEFAULT, handler);
  }

  /**
   * Answers a command.
   *
   * @param command its name, which the configuration lets this worker export
   * @param options how the core may use it
   * @param handler runs on the connection's executor, from {@link #ready()} on; several at once if
   *     the concurrency says so
   * @throws IllegalStateException if {@code ready} has been said
   */
  public void export(String command, ExportOptions options, Handler handler) {
    Objects.requireNonNull(handler, "handler");
    endpoint.export(command, options, new Answering(endpoint, options, handler, null));
  }

  /**
   * Answers a command that yields.
   *
   * @param command its name, which the configuration lets this worker export
   * @param options how the core may use it
   * @param handler as with {@link #export(String, ExportOptions, Handler)}
   * @throws IllegalStateException if {@code ready} has been said
   */
  public void exportStream(String command, ExportOptions options, StreamHandler handler) {
    Objects.requireNonNull(handler, "handler");
    endpoint.export(command, options, new Answering(endpoint, options, null, handler));
  }

  /**
   * Answers a command that yields, one call at a time.
   *
   * @param command its name, which the configuration lets this worker export
   * @param handler as with {@link #export(String, ExportOptions, Handler)}
   * @throws IllegalStateException if {@code ready} has been said
   */
  public void exportStream(String command, StreamHandler handler) {
    exportStream(command, ExportOptions.DEFAULT, handler);
  }

  // Living.

  /**
   * Says that this worker has set up what it needs. Once; {@link #run()} does it if it has not been
   * done.
   */
  public void ready() {
    endpoint.ready();
  }

  /**
   * Waits until the core asks this worker to stop. Calls and events are handled meanwhile, by
   * others.
   *
   * @throws RuntimeException what the handler of an event has thrown
   */
  public void run() {
    endpoint.run();
  }

  /**
   * Takes leave: the core handles all that was emitted, answers or cancels what is in flight, and
   * only then the sockets close. Takes two seconds at most. Doing so again does nothing.
   */
  @Override
  public void close() {
    endpoint.close();
  }
}
