package io.github.stockaderuntime.frontend.internal.worker;

import com.sun.jna.Native;

/**
 * The functions of libzmq that a worker needs, as they are. Sockets, messages and buffers are
 * addresses.
 *
 * <p>JeroMQ, the usual library, cannot be used here: what it calls ipc is TCP on this machine.
 */
final class Zmq {
  static final int SUB = 2;
  static final int DEALER = 5;
  static final int XPUB = 9;

  static final int SUBSCRIBE = 6;
  static final int UNSUBSCRIBE = 7;
  static final int FD = 14;
  static final int LINGER = 17;
  static final int SNDHWM = 23;
  static final int PLAIN_USERNAME = 45;
  static final int PLAIN_PASSWORD = 46;
  static final int IPC_FILTER_PID = 58;
  static final int XPUB_NODROP = 69;

  static final int DONTWAIT = 1;
  static final int SNDMORE = 2;

  static final int EINTR = 4;
  static final int EAGAIN = 11;

  /** Bytes of a zmq_msg_t. */
  static final int MESSAGE = 64;

  static {
    Native.register(Zmq.class, "zmq");
  }

  private Zmq() {}

  static native long zmq_ctx_new();

  static native int zmq_ctx_term(long context);

  static native long zmq_socket(long context, int type);

  static native int zmq_close(long socket);

  static native int zmq_setsockopt(long socket, int option, long value, long size);

  static native int zmq_getsockopt(long socket, int option, long value, long size);

  static native int zmq_bind(long socket, long endpoint);

  static native int zmq_send(long socket, long data, long size, int flags);

  static native int zmq_msg_init(long message);

  static native int zmq_msg_recv(long message, long socket, int flags);

  static native long zmq_msg_data(long message);

  static native int zmq_msg_more(long message);

  static native int zmq_msg_close(long message);
}
