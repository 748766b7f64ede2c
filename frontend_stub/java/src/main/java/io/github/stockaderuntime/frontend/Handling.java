package io.github.stockaderuntime.frontend;

import io.github.stockaderuntime.frontend.internal.session.End;
import io.github.stockaderuntime.frontend.internal.session.HandledCall;
import io.github.stockaderuntime.frontend.internal.session.Timers;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint.Scope;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A call that this worker answers, while its handler runs. What is called through it belongs to it:
 * it has no more time, and is cancelled with it. So does what a handler calls through {@link Core}
 * on its own thread.
 */
public final class Handling implements Invoker {
  private final Endpoint endpoint;
  private final HandledCall call;
  private final Scope scope;
  private final Map<String, Object> arguments;

  Handling(Endpoint endpoint, HandledCall call) {
    this.endpoint = endpoint;
    this.call = call;
    this.scope = new Scope(call, call.trace());
    Map<String, Object> all = new LinkedHashMap<>(call.arguments());
    call.ends()
        .forEach(
            (name, end) -> {
              if (!name.equals("yield")) {
                all.put(name, faceOf(end));
              }
            });
    this.arguments = Collections.unmodifiableMap(all);
  }

  private Object faceOf(End end) {
    return end instanceof End.Sender sender
        ? new SendChannel(endpoint, sender, scope)
        : new ReceiveChannel(endpoint, (End.Receiver) end, scope, null);
  }

  Scope scope() {
    return scope;
  }

  /**
   * The name it was called by.
   *
   * @return the command
   */
  public String command() {
    return call.command();
  }

  /**
   * Who asks.
   *
   * @return the label of a worker, or {@code core}
   */
  public String caller() {
    return call.caller();
  }

  /**
   * The W3C traceparent that it came with; what is called and emitted through it goes on with it.
   *
   * @return empty if there is none
   */
  public Optional<String> trace() {
    return call.trace();
  }

  /**
   * All arguments.
   *
   * @return values by name, {@link SendChannel} and {@link ReceiveChannel} among them
   */
  public Map<String, Object> arguments() {
    return arguments;
  }

  /**
   * An argument that has to be there.
   *
   * @param name its name
   * @param type what it has to be; {@code Object.class} takes null, too
   * @param <T> that type
   * @return its value
   * @throws CommandException {@code invalid_args}: let it pass
   */
  public <T> T argument(String name, Class<T> type) {
    if (!arguments.containsKey(name)) {
      throw invalid(name, command() + " needs the argument " + name);
    }
    Object value = arguments.get(name);
    if (value == null ? type != Object.class : !type.isInstance(value)) {
      throw invalid(name, "the argument " + name + " has to be a " + type.getSimpleName());
    }
    return type.cast(value);
  }

  /**
   * An argument that may be missing.
   *
   * @param name its name
   * @param type what it has to be, if it is there and not null
   * @param otherwise its value if it is missing, or null
   * @param <T> that type
   * @return its value
   * @throws CommandException {@code invalid_args}: let it pass
   */
  public <T> T argument(String name, Class<T> type, T otherwise) {
    return arguments.get(name) == null ? otherwise : argument(name, type);
  }

  static CommandException invalid(String name, String why) {
    return new CommandException(CommandException.INVALID_ARGS, why, Map.of("path", name));
  }

  /**
   * The time that is left.
   *
   * @return 0 at the least; empty if it has all the time
   */
  public Optional<Duration> deadline() {
    return call.deadline() == Timers.NEVER
        ? Optional.empty()
        : Optional.of(Duration.ofNanos(Math.max(0, call.deadline() - endpoint.now())));
  }

  /**
   * Whether nobody waits for it any more: its time is over, or its caller has gone.
   *
   * @return whether to stop
   */
  public boolean isCancelled() {
    return endpoint.look(() -> call.stopped() != null);
  }

  /**
   * Throws if nobody waits for it any more: to be asked in long computations.
   *
   * @throws CommandException {@code cancelled} or {@code deadline_exceeded}: let it pass
   */
  public void check() {
    if (isCancelled()) {
      throw call.stopped().again();
    }
  }

  @Override
  public Object invoke(String command, Map<String, ?> itsArguments) {
    return with(CallOptions.DEFAULT).invoke(command, itsArguments);
  }

  @Override
  public Call call(String command, Map<String, ?> itsArguments) {
    return with(CallOptions.DEFAULT).call(command, itsArguments);
  }

  @Override
  public ReceiveChannel stream(String command, Map<String, ?> itsArguments, int credit) {
    return with(CallOptions.DEFAULT).stream(command, itsArguments, credit);
  }

  @Override
  public void emit(String event, Object payload, String to) {
    with(CallOptions.DEFAULT).emit(event, payload, to);
  }

  @Override
  public Invoker with(CallOptions options) {
    return new Asking(endpoint, options, scope);
  }
}
