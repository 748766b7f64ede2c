"""The page on writing a stub: its smallest worker is certified, and each step that it names is one."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "write-a-stub.md").read_text(encoding="utf-8")
#: What the page leaves to the reader: a library's codec, held to the profile.
STRICT = """
from stockade_frontend.wire import DecodeError as Fault
from stockade_frontend.wire import decode, encode
"""
CERTIFY = [sys.executable, "-m", "stockade", "certify"]


@pytest.mark.timeout(300)
def test_the_smallest_worker_is_certified(tmp_path: Path) -> None:
    """It passes every step that is required, and offers nothing else."""
    [worker] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "worker.py").write_text(worker, encoding="utf-8")
    (tmp_path / "strict.py").write_text(STRICT, encoding="utf-8")
    program = [sys.executable, str(tmp_path / "worker.py")]
    done = subprocess.run([*CERTIFY, "--json", "--", *program], capture_output=True, text=True, check=False)
    said = json.loads(done.stdout)
    failed = [
        (each["name"], each["why"]) for each in said["steps"] if each["outcome"] == "failed" and not each["optional"]
    ]
    assert (failed, done.returncode, said["offers"]) == ([], 0, [])
    assert said["passed"] > 80


def test_every_step_of_the_table_of_mistakes_is_one() -> None:
    """A name, or a pattern, that fits no step would lead nobody anywhere."""
    listed = subprocess.run([*CERTIFY, "--list", "--json"], capture_output=True, text=True, check=True)
    steps = [each["name"] for each in json.loads(listed.stdout)]
    named = set(re.findall(r"`([a-z*-]+/[a-z*-]+|\*-[a-z]+)`", PAGE)) - {"dev/null"}
    assert len(named) > 20
    assert [name for name in named if not fnmatch.filter(steps, name)] == []
