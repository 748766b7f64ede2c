package io.github.stockaderuntime.frontend.internal.session;

import io.github.stockaderuntime.frontend.CommandException;
import io.github.stockaderuntime.frontend.EndedException;
import io.github.stockaderuntime.frontend.EndedException.End;
import io.github.stockaderuntime.frontend.internal.wire.CoreSays;
import io.github.stockaderuntime.frontend.internal.wire.DecodeException;
import io.github.stockaderuntime.frontend.internal.wire.Said;
import io.github.stockaderuntime.frontend.internal.wire.Welcome;
import java.util.Map;
import java.util.Queue;

/**
 * What each message of the core does to a session. Behind {@code bye} nothing may be said, and what
 * was asked for has ended.
 */
final class Meaning implements CoreSays {
  private final Session session;

  Meaning(Session session) {
    this.session = session;
  }

  private boolean isLate() {
    return session.state == State.LEAVING;
  }

  @Override
  public void welcome(Welcome welcome) throws DecodeException {
    if (!welcome.worker().equals(session.label()) || welcome.generation() != session.generation()) {
      throw new DecodeException("a welcome for " + welcome.worker() + "@" + welcome.generation());
    }
    session.limits = welcome.limits();
    session.grants = welcome.grants();
    session.calls().open(welcome.limits());
    session
        .channels()
        .bound(welcome.limits().channels(), welcome.limits().message(), session.depth());
    session.handled().bound(welcome.limits().message(), session.depth());
    session.outbox().bound(welcome.limits().batch(), welcome.limits().message());
    session.state = State.OPEN;
    answer(session.hello, null);
  }

  @Override
  public void refused(CommandException error) {
    throw new EndedException(End.REFUSED, "the core refused this worker: " + error.getMessage());
  }

  @Override
  public void call(long id, String command, Map<String, Object> arguments, Said said)
      throws DecodeException {
    if (!isLate()) {
      session.handled().call(id, command, arguments, said, session.now);
    }
  }

  @Override
  public void cancel(long id) throws DecodeException {
    if (isLate()) {
      return;
    }
    HandledCall call = session.handled().cancel(id);
    if (call != null) {
      session.calls().cancelNested(call);
    }
  }

  @Override
  public void result(long id, Object value) throws DecodeException {
    session.calls().result(id, value);
  }

  @Override
  public void error(long id, CommandException error) throws DecodeException {
    session.calls().failed(id, error, session.now);
  }

  @Override
  public void item(long channel, Object value) throws DecodeException {
    if (!isLate()) {
      session.channels().item(channel, value);
    }
  }

  @Override
  public void end(long channel, CommandException error) throws DecodeException {
    if (!isLate()) {
      session.channels().ended(channel, error);
    }
  }

  @Override
  public void credit(long channel, long count) throws DecodeException {
    if (!isLate()) {
      session.channels().credit(channel, count);
    }
  }

  @Override
  public void drop(long channel) throws DecodeException {
    if (!isLate()) {
      session.channels().dropped(channel);
    }
  }

  @Override
  public void listening(String topic) throws DecodeException {
    subscribed(topic, null);
  }

  @Override
  public void denied(String topic, CommandException error) throws DecodeException {
    subscribed(topic, error);
  }

  private void subscribed(String topic, CommandException error) throws DecodeException {
    Queue<Pending> awaited = session.asked.get(topic);
    if (awaited == null) {
      throw new DecodeException("an answer to a subscription that was never made, " + topic);
    }
    Pending pending = awaited.remove();
    if (awaited.isEmpty()) {
      session.asked.remove(topic);
    }
    answer(pending, error);
  }

  @Override
  public void missed(long seq) {
    session.inbox().dropped(seq);
  }

  @Override
  public void ping(long number) {
    if (!isLate()) {
      session.pingsAnswered++;
      session.outbox().put(Message.of("pong", number));
    }
  }

  @Override
  public void pong(long number) {
    Pending pending = session.pings.remove(number);
    if (pending != null) {
      answer(pending, null);
    }
  }

  @Override
  public void stop(long grace) {
    session.stopping = true;
  }

  @Override
  public void bye(long count) {
    session.emitsHandled = count;
    session.state = State.LEFT;
    answer(session.bye, null);
  }

  @Override
  public void breach(String code, String reason) {
    throw new EndedException(
        End.BREACHED,
        "the core ends this worker, which broke the protocol: " + code + ": " + reason);
  }

  private void answer(Pending pending, CommandException error) {
    pending.answer(null, error);
    session.answered.add(pending);
  }
}
