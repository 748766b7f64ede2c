package io.github.stockaderuntime.frontend.internal.wire;

import io.github.stockaderuntime.frontend.CommandException;
import java.util.Map;

/** What the core may say on the commands socket, one method for each verb. */
public interface CoreSays {
  void welcome(Welcome welcome);

  void refused(CommandException error);

  void call(long id, String command, Map<String, Object> arguments, Said said);

  void cancel(long id);

  void result(long id, Object value);

  void error(long id, CommandException error);

  void item(long channel, Object value);

  void end(long channel, CommandException error);

  void credit(long channel, long count);

  void drop(long channel);

  void listening(String topic);

  void denied(String topic, CommandException error);

  void missed(long seq);

  void ping(long number);

  void pong(long number);

  void stop(long grace);

  void bye(long emitted);

  void breach(String code, String reason);
}
