"""The contracts of setup.cfg about which way imports point: kept, and able to break."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WING = "runtime/stockade"
STUB = "frontend_stub/python/stockade_frontend"

#: A module, or a package to have a new one; the line that trespasses; and what the report then names.
TRESPASSES = {
    "the supervisor imports the core": (f"{WING}/supervisor", "import stockade.core", "Imports point down"),
    "the core imports the supervisor": (f"{WING}/core", "import stockade.supervisor", "Imports point down"),
    "the ground imports the command line": (f"{WING}/config", "import stockade.cli", "Imports point down"),
    "policy imports commands": (f"{WING}/core/policy", "import stockade.core.commands", "Within the core"),
    "the supervisor imports zmq": (f"{WING}/supervisor", "import zmq", "The supervisor is standard library"),
    "what decides acts": (f"{WING}/supervisor/tree.py", "import stockade.supervisor.loop", "Within the supervisor"),
    "the wire reads a clock": (f"{WING}/core/wire", "import time", "Decisions are pure"),
    "the stub imports the ground": (STUB, "import stockade.names", "never import each other"),
    "the runtime imports the stub": (f"{WING}/cli", "import stockade_frontend", "never import each other"),
    "the stub imports attrs": (STUB, "import attrs", "The stub needs pyzmq and cbor2 alone"),
}


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    """What ``lint-imports`` says of `tree`, which stands on the path before all that is installed."""
    path = os.pathsep.join(str(tree / home) for home in ("runtime", "frontend_stub/python"))
    tool = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [tool, "--config", "setup.cfg", "--no-cache", "--no-logo"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_contracts_are_kept(root: Path) -> None:
    """The tree as it is breaks none."""
    done = lint_imports(root)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("place", "line", "named"), TRESPASSES.values(), ids=TRESPASSES)
def test_a_trespass_is_noticed(copy: Path, place: str, line: str, named: str) -> None:
    """One import in the wrong direction breaks the contract that forbids it."""
    module = copy / place if place.endswith(".py") else copy / place / "trespass.py"
    with module.open("a") as file:
        file.write(f"\n{line}\n")
    done = lint_imports(copy)
    broken = [text for text in done.stdout.splitlines() if "BROKEN" in text]
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(named in text for text in broken), done.stdout


def test_a_module_without_a_place_is_noticed(copy: Path) -> None:
    """Whoever adds a module at the top says on which layer it stands."""
    (copy / WING / "utils.py").write_text("")
    done = lint_imports(copy)
    assert done.returncode == 1
    assert "stockade.utils" in done.stdout
