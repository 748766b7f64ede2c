"""Fixtures: applications that run as a user's do. `applications`, beside this file, is what these tests import."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # tests are imported by path (importlib), and so are no package

from applications.fixtures import application, applications, shared_applications

__all__ = ["application", "applications", "shared_applications"]
