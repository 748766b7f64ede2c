package io.github.stockaderuntime.frontend;

/**
 * The conversation with the core is over, and with it this worker. By default the process exits
 * with {@link #status()} before anybody sees this; {@link ConnectOptions#onEnd} says otherwise.
 */
public final class EndedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Why a conversation ends. */
  public enum End {
    /** The process was not started by a supervisor. */
    STARTED_BY_HAND(2),
    /** The lifeline has ended: the supervisor wants this process to end now, or has gone. */
    STOPPED(0),
    /** The core has closed a connection without taking leave, or has gone. */
    CONNECTION_LOST(1),
    /** The core did not accept the hello. */
    REFUSED(1),
    /** The core says that this worker broke the protocol; the process is killed in a moment. */
    BREACHED(1),
    /** The core broke the protocol, so nothing that it says can be relied on. */
    CORE_BROKEN(70);

    private final int status;

    End(int status) {
      this.status = status;
    }

    /**
     * What the process exits with.
     *
     * @return an exit status
     */
    public int status() {
      return status;
    }
  }

  /** Why. */
  private final End end;

  /**
   * As the connection throws it.
   *
   * @param end why
   * @param reason what happened, for people
   */
  public EndedException(End end, String reason) {
    super(reason);
    this.end = end;
  }

  /**
   * Why the conversation has ended.
   *
   * @return one of the ends that there are
   */
  public End end() {
    return end;
  }

  /**
   * What the process exits with.
   *
   * @return an exit status
   */
  public int status() {
    return end.status();
  }

  /**
   * The same, with the stack of this thread, to be thrown again.
   *
   * @return a new exception, whose cause is this one
   */
  public EndedException again() {
    EndedException same = new EndedException(end, getMessage());
    same.initCause(this);
    return same;
  }
}
