package io.github.stockaderuntime.frontend.internal.wire;

import java.util.List;

/**
 * The raw frames behind one batch (protocol, section 5): each is referred to by one message, once.
 */
public final class RawFrames {
  /** More than these are behind no batch. */
  public static final int MOST = 63;

  private final byte[][] frames;
  private int left;

  /**
   * Those behind one batch.
   *
   * @param frames in their order; the first is number 1
   * @throws DecodeException if they are too many
   */
  public RawFrames(List<byte[]> frames) throws DecodeException {
    if (frames.size() > MOST) {
      throw new DecodeException(
          frames.size() + " raw frames behind a batch, where " + MOST + " may be");
    }
    this.frames = frames.toArray(byte[][]::new);
    this.left = this.frames.length;
  }

  /**
   * The frame of this number.
   *
   * @param index 1 is the first
   * @return its bytes
   * @throws DecodeException if there is none, or it was taken before
   */
  public byte[] take(long index) throws DecodeException {
    if (index < 1 || index > frames.length || frames[(int) index - 1] == null) {
      throw new DecodeException(
          "a raw frame, " + index + ", that there is not, or that was referred to before");
    }
    byte[] frame = frames[(int) index - 1];
    frames[(int) index - 1] = null;
    left--;
    return frame;
  }

  /**
   * The batch has been read.
   *
   * @throws DecodeException if no message referred to one of them
   */
  public void checkAllTaken() throws DecodeException {
    if (left > 0) {
      throw new DecodeException(left + " raw frames that no message refers to");
    }
  }
}
