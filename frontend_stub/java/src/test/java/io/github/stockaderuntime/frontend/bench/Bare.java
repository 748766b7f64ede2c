package io.github.stockaderuntime.frontend.bench;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;

/**
 * A bare DEALER over the same binding, and nothing of the library: what a call is measured beside.
 */
final class Bare {
  private static final int DEALER = 5;

  private final long socket;
  private final Memory frame = new Memory(64);

  static {
    Native.register(Bare.class, "zmq");
  }

  Bare(String endpoint) {
    socket = zmq_socket(zmq_ctx_new(), DEALER);
    try (Memory text = new Memory(endpoint.length() + 1L)) {
      text.setString(0, endpoint);
      if (zmq_connect(socket, Pointer.nativeValue(text)) != 0) {
        throw new IllegalStateException("cannot connect to " + endpoint);
      }
    }
    frame.clear();
  }

  private static native long zmq_ctx_new();

  private static native long zmq_socket(long context, int type);

  private static native int zmq_connect(long socket, long endpoint);

  private static native int zmq_send(long socket, long data, long size, int flags);

  private static native int zmq_recv(long socket, long data, long size, int flags);

  /** There and back, waiting in ZeroMQ. */
  void roundTrip(int size) {
    long data = Pointer.nativeValue(frame);
    zmq_send(socket, data, size, 0);
    zmq_recv(socket, data, size, 0);
  }
}
