package io.github.stockaderuntime.frontend;

/**
 * An answer that is no result: the core, another worker, or this stub where it knows the answer
 * beforehand, did not run the command to its end.
 *
 * <p>The {@link #code()} is for programs: one of the protocol's, which are constants here, or an
 * application's own, which contains a dot ({@code notes.locked}). The {@link #message()} is for
 * people. {@link #data()} is any value, or null.
 */
public class CommandException extends RuntimeException {
  /**
   * Policy refuses it, or it does not exist and this worker may not know. Asking again does not
   * help.
   */
  public static final String NOT_ALLOWED = "not_allowed";

  /** This worker may have it, but there is none. */
  public static final String NOT_FOUND = "not_found";

  /** The arguments do not fit the command; {@code path} in the data says where. */
  public static final String INVALID_ARGS = "invalid_args";

  /** The command raised; {@code reference} in the data finds the reason in the log. */
  public static final String FAILED = "failed";

  /** Nobody waits for it any more: it was cancelled, or what it is part of has ended. */
  public static final String CANCELLED = "cancelled";

  /**
   * No answer came within the time given. The command is cancelled; it may have run all the same.
   */
  public static final String DEADLINE_EXCEEDED = "deadline_exceeded";

  /**
   * Too many at once. It never ran; calls try again by themselves, unless they are told not to
   * wait.
   */
  public static final String BUSY = "busy";

  /** Nobody can answer now: the core is stopping, or the worker that ran it has gone. */
  public static final String UNAVAILABLE = "unavailable";

  /** A message or a result over the limit; what is larger goes through a channel. */
  public static final String TOO_LARGE = "too_large";

  /** The call's message is malformed: a command's name of no or more than 128 characters. */
  public static final String BAD_MESSAGE = "bad_message";

  /** A bug of the core. */
  public static final String INTERNAL = "internal";

  private static final long serialVersionUID = 1L;

  /** What identifies the error to programs. */
  private final String code;

  /** Any value of the protocol, or null. */
  private final transient Object data;

  /**
   * An error without data.
   *
   * @param code the protocol's or, with a dot, the application's own
   * @param message for people
   */
  public CommandException(String code, String message) {
    this(code, message, null);
  }

  /**
   * An error. A handler that throws it answers its call with it.
   *
   * @param code the protocol's or, with a dot, the application's own
   * @param message for people
   * @param data for programs: any value that can be sent, or null
   */
  public CommandException(String code, String message, Object data) {
    super(message);
    this.code = code;
    this.data = data;
  }

  /**
   * What identifies the error to programs.
   *
   * @return the code
   */
  public final String code() {
    return code;
  }

  /**
   * What the error says to people.
   *
   * @return the message, without the code
   */
  public final String message() {
    return super.getMessage();
  }

  /**
   * What the error says to programs beside its code.
   *
   * @return any value, or null
   */
  public final Object data() {
    return data;
  }

  /**
   * Whether this is the error of that code.
   *
   * @param thatCode a code, such as {@link #BUSY}
   * @return whether it is this one's
   */
  public final boolean is(String thatCode) {
    return code.equals(thatCode);
  }

  @Override
  public String getMessage() {
    String message = super.getMessage();
    return message == null || message.isEmpty() ? code : code + ": " + message;
  }

  /**
   * The same error with the stack of this thread, to be thrown again: one that another thread has
   * made tells of that one.
   *
   * @return a new exception, whose cause is this one
   */
  public CommandException again() {
    CommandException same = new CommandException(code, message(), data);
    same.initCause(this);
    return same;
  }
}
