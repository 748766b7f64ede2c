"""The versions that matter to whoever reads a report of a bug. Knows no command line."""

from __future__ import annotations

import platform
from importlib import metadata

import stockade
from stockade import limits

__all__ = ["versions"]


def versions() -> dict[str, str]:
    """Each by its name, this package first."""
    return {
        "stockade": stockade.__version__,
        "python": platform.python_version(),
        "pyzmq": _installed("pyzmq"),
        "libzmq": _libzmq(),
        "cbor2": _installed("cbor2"),
        "protocol": str(limits.PROTOCOL),
    }


def _installed(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _libzmq() -> str:
    """Of the library that is loaded, whichever pyzmq found; a broken one is just what such a report is about."""
    try:
        import zmq
    except ImportError as error:
        return f"cannot be loaded ({error})"
    return zmq.zmq_version()
