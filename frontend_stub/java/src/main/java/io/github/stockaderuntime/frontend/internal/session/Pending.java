package io.github.stockaderuntime.frontend.internal.session;

/** Something asked, until it is answered. Knows neither what it asks nor who waits. */
public class Pending implements Timers.Timed {
  private boolean done;
  private Object value;
  private RuntimeException error;
  private Runnable whenDone;

  /** Made by what asks. */
  Pending() {}

  /**
   * Whether the answer is there.
   *
   * @return whether {@link #value} and {@link #error} say it
   */
  @Override
  public final boolean isDone() {
    return done;
  }

  /**
   * The value of the answer.
   *
   * @return null too if it is an error
   */
  public final Object value() {
    return value;
  }

  /**
   * What the answer is, if it is no result.
   *
   * @return null if it is one
   */
  public final RuntimeException error() {
    return error;
  }

  /**
   * For whoever wants to know.
   *
   * @param runs what is to be run when the answer is there; nothing here runs it
   */
  public final void whenDone(Runnable runs) {
    whenDone = runs;
  }

  /**
   * What {@link #whenDone(Runnable)} said.
   *
   * @return null if nobody did
   */
  public final Runnable whenDone() {
    return whenDone;
  }

  final void answer(Object itsValue, RuntimeException itsError) {
    value = itsValue;
    error = itsError;
    done = true;
  }
}
