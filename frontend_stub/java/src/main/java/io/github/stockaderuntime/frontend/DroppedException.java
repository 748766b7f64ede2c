package io.github.stockaderuntime.frontend;

/**
 * What was to be sent on a channel is not wanted any more: its receiver has dropped it. The code is
 * {@code cancelled}.
 */
public final class DroppedException extends CommandException {
  private static final long serialVersionUID = 1L;

  /** As the connection throws it. */
  public DroppedException() {
    super(CANCELLED, "its receiver wants nothing more of this channel");
  }

  @Override
  public DroppedException again() {
    DroppedException same = new DroppedException();
    same.initCause(this);
    return same;
  }
}
