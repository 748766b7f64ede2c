"""Fixtures: those of tests/end_to_end, whose package `applications` is what these tests import."""

from __future__ import annotations

import sys
from pathlib import Path

# Tests are imported by path (importlib), and so are no package.
sys.path.insert(0, str(Path(__file__).parent.parent / "end_to_end"))
sys.path.insert(0, str(Path(__file__).parent))

from applications.fixtures import application, applications, shared_applications

__all__ = ["application", "applications", "shared_applications"]
