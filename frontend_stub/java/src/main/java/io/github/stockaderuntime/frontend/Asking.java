package io.github.stockaderuntime.frontend;

import io.github.stockaderuntime.frontend.internal.session.Arguments;
import io.github.stockaderuntime.frontend.internal.session.End;
import io.github.stockaderuntime.frontend.internal.session.MadeCall;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint.Scope;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Calls and emits with these options, in this scope; without one in that of the thread that asks.
 */
final class Asking implements Invoker {
  private final Endpoint endpoint;
  private final CallOptions options;
  private final Scope scope;

  Asking(Endpoint endpoint, CallOptions options, Scope scope) {
    this.endpoint = endpoint;
    this.options = options;
    this.scope = scope;
  }

  @Override
  public Object invoke(String command, Map<String, ?> arguments) {
    return endpoint.invoke(prepare(command, arguments, null));
  }

  @Override
  public Call call(String command, Map<String, ?> arguments) {
    return begin(prepare(command, arguments, null));
  }

  @Override
  public ReceiveChannel stream(String command, Map<String, ?> arguments, int credit) {
    End.Receiver receiver = new End.Receiver(credit);
    return new ReceiveChannel(
        endpoint, receiver, scope(), begin(prepare(command, arguments, receiver)));
  }

  @Override
  public void emit(String event, Object payload, String to) {
    Optional<String> trace = options.trace().isPresent() ? options.trace() : scope().trace();
    endpoint.events().emit(event, payload, Optional.ofNullable(to), trace);
  }

  @Override
  public Invoker with(CallOptions others) {
    return new Asking(endpoint, others, scope);
  }

  private Scope scope() {
    return scope != null ? scope : Scope.current();
  }

  private Call begin(MadeCall made) {
    Call call = new Call(endpoint, made);
    endpoint.begin(made);
    return call;
  }

  /** A call, checked and encoded; channels among the arguments apart. */
  private MadeCall prepare(String command, Map<String, ?> arguments, End.Receiver yields) {
    endpoint.session().checkCommand(command);
    Map<String, End> ends = new LinkedHashMap<>();
    Map<String, Object> values = null;
    for (Map.Entry<String, ?> argument : arguments.entrySet()) {
      End end =
          argument.getValue() instanceof SendChannel sends
              ? sends.end()
              : argument.getValue() instanceof ReceiveChannel receives ? receives.end() : null;
      if (end != null) {
        values = values == null ? new LinkedHashMap<>(arguments) : values;
        values.remove(argument.getKey());
        ends.put(argument.getKey(), end);
      }
    }
    if (yields != null) {
      ends.put("yield", yields);
    }
    Arguments passed =
        Arguments.of(values == null ? arguments : values, ends, endpoint.session().depth());
    return endpoint.prepare(command, passed, options, scope());
  }
}
