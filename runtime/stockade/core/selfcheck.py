"""Sees, before anything starts, that a wrong secret is refused on this machine and with this libzmq.

libzmq lets everybody in where no ZAP handler is found, so this is looked at and not believed.
"""

from __future__ import annotations

import os
import time

import zmq

from stockade.core.zap import Authenticator, Expected
from stockade.errors import StartError

__all__ = ["check_that_strangers_are_refused"]

_SECONDS = 5.0
_Context = zmq.Context[zmq.Socket[bytes]]
#: Never terminated: closing a context with a ZAP handler in it can abort the process (zap_client.cpp).
_kept: list[_Context] = []


def check_that_strangers_are_refused(directory: str) -> None:
    """Connect, in a context of its own, to a peer with the right secret and to one with a wrong one, over ipc sockets
    in `directory`. Raises StartError unless the first is let in and the second is not. Takes some milliseconds.
    """
    context = zmq.Context()
    _kept.append(context)
    authenticator = Authenticator.bind(context)
    pidfd = os.pidfd_open(os.getpid())
    try:
        for secret, welcome in ((b"right", True), (b"wrong", False)):
            expected = Expected(b"self", b"right", os.getpid(), pidfd, _ignore, _ignore)
            endpoint = f"ipc://{directory}/self-{secret.decode()}"
            if _is_let_in(context, authenticator, endpoint, secret, expected) != welcome:
                raise StartError(
                    f"libzmq {zmq.zmq_version()} {'refused the right' if welcome else 'accepted a wrong'} secret, so "
                    "nothing was started. Install the one that pyzmq brings: pip install --force-reinstall pyzmq"
                )
    finally:
        os.close(pidfd)


def _ignore(_: object) -> None:
    """Who came, and why it was refused, does not matter here."""


def _is_let_in(
    context: _Context, authenticator: Authenticator, endpoint: str, secret: bytes, expected: Expected
) -> bool:
    authenticator.expect(b"self", expected)
    peer, own = context.socket(zmq.DEALER), context.socket(zmq.ROUTER)
    peer.linger = own.linger = 0
    peer.plain_username, peer.plain_password = b"self", secret
    own.plain_server, own.zap_domain, own.reconnect_ivl = True, b"self", -1
    monitor = own.get_monitor_socket(
        zmq.Event.HANDSHAKE_SUCCEEDED | zmq.Event.HANDSHAKE_FAILED_AUTH, f"inproc://self-check-{secret.decode()}"
    )
    peer.bind(endpoint)
    own.connect(endpoint)
    try:
        return _verdict(authenticator, monitor) == zmq.Event.HANDSHAKE_SUCCEEDED
    finally:
        authenticator.forget(b"self")
        own.disable_monitor()
        for socket in (monitor, own, peer):
            socket.close(0)
        os.unlink(endpoint.removeprefix("ipc://"))


def _verdict(authenticator: Authenticator, monitor: zmq.Socket[bytes]) -> int | None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        authenticator.answer_waiting(0.01)
        if monitor.poll(0):
            return int.from_bytes(monitor.recv_multipart()[0][:2], "little")
    return None
