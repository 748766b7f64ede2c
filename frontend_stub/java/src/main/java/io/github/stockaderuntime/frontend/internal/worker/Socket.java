package io.github.stockaderuntime.frontend.internal.worker;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;

/**
 * One bound socket. Never waits. Not for two threads at once, but for one after the other where a
 * lock stands between.
 */
final class Socket {
  private static final int SCRATCH = 4096;
  private static final int WIDE = 8;

  /** A larger scratch is given back once something small is sent. */
  private static final long LARGE = 1 << 20;

  private final long handle;
  private final Memory message = new Memory(Zmq.MESSAGE);
  private final long messageAddress = Libc.address(message);
  private final int descriptor;
  private Memory scratch = new Memory(SCRATCH);
  private boolean more;

  /**
   * Makes and binds one.
   *
   * @throws IllegalStateException if libzmq will not
   */
  Socket(long context, int type, Place place, String name, int queue) {
    handle = Zmq.zmq_socket(context, type);
    check(handle == 0 ? -1 : 0);
    Zmq.zmq_msg_init(messageAddress);
    set(
        Zmq.PLAIN_USERNAME,
        (place.label() + "@" + place.generation()).getBytes(StandardCharsets.US_ASCII));
    set(Zmq.PLAIN_PASSWORD, place.secret());
    set(Zmq.LINGER, 0);
    set(Zmq.SNDHWM, queue);
    if (place.corePid() > 0) {
      set(Zmq.IPC_FILTER_PID, place.corePid());
    }
    if (type == Zmq.XPUB) {
      set(Zmq.XPUB_NODROP, 1);
    }
    byte[] endpoint = (place.sockets() + "/" + name + "\0").getBytes(StandardCharsets.UTF_8);
    check(Zmq.zmq_bind(handle, inC(endpoint)));
    descriptor = get(Zmq.FD);
  }

  /** What becomes readable when something has happened: an edge, so look until there is nothing. */
  int descriptor() {
    return descriptor;
  }

  private void set(int option, int value) {
    scratch.setInt(0, value);
    check(Zmq.zmq_setsockopt(handle, option, Libc.address(scratch), Integer.BYTES));
  }

  /** Sets an option, subscriptions among them. */
  void set(int option, byte[] value) {
    check(Zmq.zmq_setsockopt(handle, option, inC(value), value.length));
  }

  private int get(int option) {
    scratch.setInt(0, 0);
    scratch.setLong(WIDE, Integer.BYTES);
    check(Zmq.zmq_getsockopt(handle, option, Libc.address(scratch), Libc.address(scratch) + WIDE));
    return scratch.getInt(0);
  }

  /** Sends a frame; false if there is no room, and nothing has gone. */
  boolean send(byte[] frame, boolean isMoreBehind) {
    int flags = isMoreBehind ? Zmq.DONTWAIT | Zmq.SNDMORE : Zmq.DONTWAIT;
    int sent;
    long data = inC(frame);
    do {
      sent = Zmq.zmq_send(handle, data, frame.length, flags);
    } while (sent < 0 && Native.getLastError() == Zmq.EINTR);
    if (sent < 0 && Native.getLastError() == Zmq.EAGAIN) {
      return false;
    }
    check(sent);
    return true;
  }

  /** Receives a frame; null if there is none. */
  byte[] receive() {
    int size;
    do {
      size = Zmq.zmq_msg_recv(messageAddress, handle, Zmq.DONTWAIT);
    } while (size < 0 && Native.getLastError() == Zmq.EINTR);
    if (size < 0) {
      if (Native.getLastError() == Zmq.EAGAIN) {
        return null;
      }
      check(size);
    }
    more = Zmq.zmq_msg_more(messageAddress) != 0;
    return size == 0
        ? new byte[0]
        : new Pointer(Zmq.zmq_msg_data(messageAddress)).getByteArray(0, size);
  }

  /** Whether there are more frames behind the one that was just received. */
  boolean hasMore() {
    return more;
  }

  void close() {
    Zmq.zmq_msg_close(messageAddress);
    Zmq.zmq_close(handle);
  }

  /** These bytes where C can read them, until the next use. */
  private long inC(byte[] bytes) {
    if (bytes.length > scratch.size()) {
      scratch.close();
      scratch = new Memory(Math.max(bytes.length, 2 * scratch.size()));
    } else if (scratch.size() > LARGE && bytes.length <= SCRATCH) {
      scratch.close();
      scratch = new Memory(SCRATCH);
    }
    scratch.write(0, bytes, 0, bytes.length);
    return Libc.address(scratch);
  }

  private static void check(int result) {
    if (result < 0) {
      throw new IllegalStateException("libzmq: error " + Native.getLastError());
    }
  }
}
