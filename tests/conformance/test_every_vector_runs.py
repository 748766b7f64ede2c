"""No vector stands in docs/vectors.json for show: each is the parameter of a test that is collected."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from protocol_vectors.reader import sections

HERE = Path(__file__).resolve().parent
#: Tests that are about the file and the text, and run nothing.
NOT_A_RUN = ("test_vector_has_its_duty", "test_named_vectors_exist")


def collected() -> set[str]:
    """The parameters of the tests that pytest collects in this folder."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, str(HERE)], capture_output=True, text=True, cwd=HERE.parents[1], timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"::(\w+)\[(.+)\]$", done.stdout, re.MULTILINE)
    return {parameter for test, parameter in found if test not in NOT_A_RUN}


def test_every_vector_runs() -> None:
    """Each is a parameter of a test here; values are one for each codec, and scripts run with a real core."""
    run = collected()
    values = {vector["name"] for key in ("decode", "encode", "refuse") for vector in sections()[key]}
    others = {vector["name"] for section in sections().values() for vector in section} - values
    assert {f"{side}-{name}" for name in values for side in ("core", "stub")} - run == set()
    assert others - run == set()
