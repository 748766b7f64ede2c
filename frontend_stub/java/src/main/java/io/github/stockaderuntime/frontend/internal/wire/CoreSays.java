package io.github.stockaderuntime.frontend.internal.wire;

import io.github.stockaderuntime.frontend.CommandException;
import java.util.Map;

/**
 * What the core may say on the commands socket, one method for each verb. Each throws for what may
 * not be said now: the core's fault.
 */
public interface CoreSays {
  void welcome(Welcome welcome) throws DecodeException;

  void refused(CommandException error) throws DecodeException;

  void call(long id, String command, Map<String, Object> arguments, Said said)
      throws DecodeException;

  void cancel(long id) throws DecodeException;

  void result(long id, Object value) throws DecodeException;

  void error(long id, CommandException error) throws DecodeException;

  void item(long channel, Object value) throws DecodeException;

  void end(long channel, CommandException error) throws DecodeException;

  void credit(long channel, long count) throws DecodeException;

  void drop(long channel) throws DecodeException;

  void listening(String topic) throws DecodeException;

  void denied(String topic, CommandException error) throws DecodeException;

  void missed(long seq) throws DecodeException;

  void ping(long number) throws DecodeException;

  void pong(long number) throws DecodeException;

  void stop(long grace) throws DecodeException;

  void bye(long emitted) throws DecodeException;

  void breach(String code, String reason) throws DecodeException;
}
