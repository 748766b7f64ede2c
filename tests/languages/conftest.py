"""Fixtures: each stub that is built, by its echo worker and its bench program, and those of tests/end_to_end.

`make stubs` or `make certify-all` builds them; one that is not built is skipped. Python's always is.
"""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

# Tests are imported by path (importlib), and so are no package.
sys.path.insert(0, str(Path(__file__).parent.parent / "end_to_end"))
sys.path.insert(0, str(Path(__file__).parent))

from applications.fixtures import application, applications, shared_applications

__all__ = ["application", "applications", "shared_applications"]

ROOT = Path(__file__).parents[2]


class Face(NamedTuple):
    """One face of a stub: its programs, as they are started from anywhere."""

    key: str
    certify: list[str]
    bench: list[str]


def _stubs() -> ModuleType:
    spec = spec_from_file_location("stubs", ROOT / "frontend_stub" / "stubs.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["stubs"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _faces() -> list[Any]:
    found = []
    for stub in _stubs().stubs():
        built = not stub.build or stub.stamp.exists()
        marks = () if built else (pytest.mark.skip(reason=f"{stub.language} is not built: make stubs"),)
        for variant in stub.variants:
            certify, bench = (
                ["env", "-C", str(stub.folder), *stub.argv(argv)] for argv in (variant.certify, variant.bench)
            )
            found.append(pytest.param(Face(variant.key, certify, bench), id=variant.key, marks=marks))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `face` runs for each."""
    if "face" in metafunc.fixturenames:
        metafunc.parametrize("face", _faces())


@pytest.fixture(scope="session")
def faces() -> list[Face]:
    """Those of all stubs that are built."""
    return [each.values[0] for each in _faces() if not each.marks]
