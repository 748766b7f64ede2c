package io.github.stockaderuntime.frontend;

import io.github.stockaderuntime.frontend.internal.session.End;
import io.github.stockaderuntime.frontend.internal.session.HandledCall;
import io.github.stockaderuntime.frontend.internal.session.Message;
import io.github.stockaderuntime.frontend.internal.worker.Ending;
import io.github.stockaderuntime.frontend.internal.worker.Endpoint;
import java.util.Map;
import java.util.function.Consumer;

/** What is done around the handler of an exported command, before and after it runs. */
final class Answering implements Consumer<HandledCall> {
  private final Endpoint endpoint;
  private final ExportOptions options;
  private final Handler handler;
  private final StreamHandler streams;

  /** Exactly one of the two is there. */
  Answering(Endpoint endpoint, ExportOptions options, Handler handler, StreamHandler streams) {
    this.endpoint = endpoint;
    this.options = options;
    this.handler = handler;
    this.streams = streams;
  }

  @Override
  public void accept(HandledCall call) {
    Handling handling = new Handling(endpoint, call);
    Interruption interruption = new Interruption(Thread.currentThread());
    boolean isStopped =
        endpoint.look(
            () -> {
              call.whenStopped(interruption::stop);
              return call.stopped() != null;
            });
    if (isStopped) {
      fail(call, call.stopped());
      return;
    }
    handling.scope().run(() -> answer(call, handling, interruption));
  }

  private void answer(HandledCall call, Handling handling, Interruption interruption) {
    Message result;
    try {
      Object value;
      try {
        value = run(call, handling);
      } finally {
        interruption.end();
      }
      result = endpoint.session().handled().resultOf(call, value);
    } catch (EndedException | IllegalStateException error) {
      if (endpoint.isOpen()) {
        fail(call, refusal(error, call));
      }
      return;
    } catch (Throwable error) {
      fail(call, refusal(error, call));
      return;
    }
    if (endpoint.isOpen()) {
      endpoint.send(
          () -> {
            endpoint.session().handled().result(call, result);
            return null;
          });
    }
  }

  private Object run(HandledCall call, Handling handling) throws Exception {
    checkNames(handling);
    boolean isAskedToStream = call.ends().containsKey("yield");
    if (handler != null && !isAskedToStream) {
      return handler.handle(handling);
    }
    if (streams == null || !(call.ends().get("yield") instanceof End.Sender sender)) {
      throw new CommandException(
          CommandException.INVALID_ARGS,
          call.command()
              + (isAskedToStream ? " does not stream: invoke it" : " streams: stream it"));
    }
    SendChannel items = new SendChannel(endpoint, sender, handling.scope());
    try {
      streams.handle(handling, items);
    } catch (DroppedException end) {
      // nobody wants the rest, which is an end like another
    }
    items.finish();
    return null;
  }

  private void checkNames(Handling handling) {
    if (options.arguments().isEmpty()) {
      return;
    }
    for (String name : handling.arguments().keySet()) {
      if (!options.arguments().get().contains(name)) {
        throw Handling.invalid(name, handling.command() + " takes no argument " + name);
      }
    }
  }

  private void fail(HandledCall call, CommandException error) {
    if (endpoint.isOpen()) {
      endpoint.send(
          () -> {
            endpoint.session().handled().fail(call, error);
            return null;
          });
    }
  }

  /** What the caller learns: an answer as it is; of everything else the log has the rest. */
  private CommandException refusal(Throwable error, HandledCall call) {
    if (call.stopped() != null) {
      return call.stopped(); // what a handler makes of being interrupted is no failure
    }
    if (error instanceof CommandException refusal) {
      if (refusal.getCause() instanceof EncodeException) {
        Ending.say(refusal.getMessage() + ": " + refusal.getCause().getMessage());
      }
      return refusal;
    }
    String reference = endpoint.session().label() + "/" + call.id();
    Ending.say(call.command() + " failed (reference " + reference + ")");
    error.printStackTrace();
    return new CommandException(
        CommandException.FAILED,
        "the command failed; the log of its worker has the reason as " + reference,
        Map.of("reference", reference));
  }

  /** Interrupts the thread of a handler, but not what that thread does afterwards. */
  private static final class Interruption {
    private final Thread thread;
    private boolean isOver;

    Interruption(Thread thread) {
      this.thread = thread;
    }

    synchronized void stop() {
      if (!isOver) {
        thread.interrupt();
      }
    }

    synchronized void end() {
      isOver = true;
      Thread.interrupted();
    }
  }
}
