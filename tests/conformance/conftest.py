"""Puts the tables of the vectors on the path: in importlib mode a test cannot import what stands beside it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
