package io.github.stockaderuntime.frontend.internal.worker;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import java.nio.charset.StandardCharsets;

/**
 * The few functions of the C library that Java has no other way to. Sizes and pointers are long: 64
 * bits.
 *
 * <p>Mapped directly, and without pointers that are objects: a call costs some 60 ns then.
 */
final class Libc {
  static final short POLLIN = 1;

  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int EFD_CLOEXEC_NONBLOCK = 02000000 | 04000;
  private static final int PR_SET_DUMPABLE = 4;
  private static final int ESPIPE = 29;
  private static final int EINTR = 4;
  private static final int SEEK_CUR = 1;
  private static final int NUMBER = 8;

  static {
    Native.register(Libc.class, "c");
  }

  private Libc() {}

  static native int poll(long descriptors, long count, int timeout);

  private static native int eventfd(int initial, int flags) throws LastErrorException;

  private static native long read(int descriptor, long buffer, long size);

  private static native long write(int descriptor, long buffer, long size);

  private static native int close(int descriptor);

  private static native int open(long path, int flags) throws LastErrorException;

  private static native int dup2(int from, int to) throws LastErrorException;

  private static native int fcntl(int descriptor, int command, int argument);

  private static native int prctl(int option, long first, long second, long third, long fourth)
      throws LastErrorException;

  private static native long lseek(int descriptor, long offset, int whence);

  private static native int isatty(int descriptor);

  /** Closes this process's memory and descriptors to its siblings of the same user. */
  static void hide() {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  }

  /**
   * Whether standard input is a pipe or a socket: a terminal would never end, and a file at once.
   */
  static boolean isInputAPipe() {
    return lseek(0, 0, SEEK_CUR) < 0 && Native.getLastError() == ESPIPE && isatty(0) == 0;
  }

  /**
   * Moves standard input out of the way, so that nobody else reads it and no child has it;
   * /dev/null takes its place.
   */
  static int takeInput() {
    int taken = fcntl(0, F_DUPFD_CLOEXEC, 3);
    try (Memory path = new Memory(16)) {
      path.setString(0, "/dev/null", StandardCharsets.US_ASCII.name());
      int nothing = open(address(path), 0);
      dup2(nothing, 0);
      close(nothing);
    }
    return taken;
  }

  /** Reads up to so many bytes, waiting for the first; 0 at the end. */
  static int read(int descriptor, Memory into) {
    long count;
    do {
      count = read(descriptor, address(into), into.size());
    } while (count < 0 && Native.getLastError() == EINTR);
    return (int) Math.max(0, count);
  }

  /** A descriptor that becomes readable when it is rung. */
  static int bell() {
    return eventfd(0, EFD_CLOEXEC_NONBLOCK);
  }

  /** Rings a bell; `number` is eight bytes, the first of them 1. */
  static void ring(int bell, Memory number) {
    write(bell, address(number), NUMBER);
  }

  /** Makes a bell silent. */
  static void hush(int bell, Memory number) {
    read(bell, address(number), NUMBER);
  }

  static void closeDescriptor(int descriptor) {
    close(descriptor);
  }

  static long address(Memory memory) {
    return com.sun.jna.Pointer.nativeValue(memory);
  }
}
