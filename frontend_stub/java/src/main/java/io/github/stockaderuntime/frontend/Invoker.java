package io.github.stockaderuntime.frontend;

import java.util.Map;

/**
 * Whatever calls and emits: a connection, the same with options, or a call that is being handled.
 * Safe for any thread.
 *
 * <p>Values are null, Boolean, Long (or Byte, Short, Integer), Double (or Float), String, {@code
 * byte[]}, List and Map with keys that are String; they come back as the first of these each. Large
 * bytes travel without being encoded.
 */
public interface Invoker {
  /** Items that a sender may be ahead of its receiver, unless the receiver says otherwise. */
  int CREDIT = 64;

  /**
   * Runs a command without arguments and waits for its value.
   *
   * @param command its name
   * @return its value, or null
   * @throws CommandException as {@link #invoke(String, Map)}
   */
  default Object invoke(String command) {
    return invoke(command, Map.of());
  }

  /**
   * Runs a command and waits for its value. Waits while the core is busy. A thread that is
   * interrupted meanwhile cancels the command, and stays interrupted.
   *
   * @param command its name
   * @param arguments values by name; {@link SendChannel} and {@link ReceiveChannel} among them
   * @return its value, or null
   * @throws CommandException with the answer that is no result; some before anything is sent
   *     ({@code not_allowed}, {@code too_large})
   * @throws EncodeException if an argument cannot be sent
   */
  Object invoke(String command, Map<String, ?> arguments);

  /**
   * Begins a command and goes on. Calls that are begun one after the other go together.
   *
   * @param command its name
   * @param arguments as {@link #invoke(String, Map)} has them
   * @return the future of its value
   * @throws CommandException as {@code invoke} does before anything is sent
   * @throws EncodeException if an argument cannot be sent
   */
  Call call(String command, Map<String, ?> arguments);

  /**
   * Runs a command that yields, and receives what it does.
   *
   * @param command its name
   * @param arguments as {@link #invoke(String, Map)} has them
   * @param credit items that it may be ahead, 1 or more
   * @return the stream, to be closed: who leaves it early closes the command
   * @throws CommandException as {@code invoke} does before anything is sent; the items end with the
   *     others
   * @throws EncodeException if an argument cannot be sent
   */
  ReceiveChannel stream(String command, Map<String, ?> arguments, int credit);

  /**
   * Runs a command that yields, with the usual credit.
   *
   * @param command its name
   * @param arguments as {@link #invoke(String, Map)} has them
   * @return the stream
   */
  default ReceiveChannel stream(String command, Map<String, ?> arguments) {
    return stream(command, arguments, CREDIT);
  }

  /**
   * Emits an event to all who listen. It has no answer: who needs to know invokes a command.
   *
   * @param event its name
   * @param payload any value, or null
   * @throws CommandException {@code not_allowed}, {@code too_large}
   * @throws IllegalArgumentException for what is no event's name, or cannot be sent
   */
  default void emit(String event, Object payload) {
    emit(event, payload, null);
  }

  /**
   * Emits an event to one worker alone.
   *
   * @param event its name
   * @param payload any value, or null
   * @param to the worker's label; null: all who listen
   * @throws CommandException {@code not_allowed}, {@code too_large}
   * @throws IllegalArgumentException for what is no event's name, or cannot be sent
   */
  void emit(String event, Object payload, String to);

  /**
   * The same, with options for what is called through it.
   *
   * @param options how to call
   * @return an invoker that does
   */
  Invoker with(CallOptions options);
}
