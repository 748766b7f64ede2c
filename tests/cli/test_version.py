"""`stockade --version`."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import zmq

import stockade as package
from stockade import limits

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def versions(printed: str) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in printed.splitlines())


def test_every_version_that_matters_is_printed(stockade: Run) -> None:
    """One line each: this package, Python, pyzmq, libzmq, cbor2, the protocol."""
    done = stockade("--version")
    assert done.returncode == 0
    assert versions(done.stdout) == {
        "stockade": package.__version__,
        "python": platform.python_version(),
        "pyzmq": metadata.version("pyzmq"),
        "libzmq": zmq.zmq_version(),
        "cbor2": metadata.version("cbor2"),
        "protocol": str(limits.PROTOCOL),
    }


def test_a_libzmq_that_cannot_be_loaded_is_told(stockade: Run, tmp_path: Path) -> None:
    """A report of just that bug still gets the other versions."""
    (tmp_path / "zmq.py").write_text("raise ImportError('libzmq.so.5: cannot open shared object file')")
    done = stockade("--version", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0
    assert versions(done.stdout)["libzmq"] == "cannot be loaded (libzmq.so.5: cannot open shared object file)"
