"""The Python stub can be installed alone, and then nothing of the trusted package is there."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from email.parser import Parser
from importlib.metadata import files
from pathlib import Path

import pytest
from packaging.requirements import Requirement

Files = Callable[[Path], set[str]]
DEPENDENCIES = ("pyzmq", "cbor2")


def needs(wheel: Path) -> dict[str, Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = Parser().parsestr(archive.read(name).decode()).get_all("Requires-Dist", [])
    return {need.name: need for need in map(Requirement, lines) if need.marker is None}


def link_in(distribution: str, site: Path) -> None:
    """Put an installed distribution into `site` without a network: links to its top-level files and folders."""
    tops = {path.parts[0]: Path(str(path.locate())) for path in files(distribution) or () if ".." not in path.parts}
    for top, file in tops.items():
        home = next(folder for folder in (file, *file.parents) if folder.name == top)
        (site / top).symlink_to(home)


@pytest.fixture(scope="module")
def worker_python(stub_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the stub, pyzmq, cbor2, and nothing else."""
    home = tmp_path_factory.mktemp("worker")
    venv.create(home, with_pip=False, symlinks=True)
    [site] = home.glob("lib/python*/site-packages")
    with zipfile.ZipFile(stub_wheel) as archive:
        archive.extractall(site)
    for distribution in DEPENDENCIES:
        link_in(distribution, site)
    return home / "bin" / "python"


def run(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=30)


def test_the_stub_s_wheel_holds_the_stub_alone(root: Path, stub_wheel: Path, packed: Files, sources: Files) -> None:
    """Every file of the package is in it, and nothing of the trusted one."""
    tree = sources(root / "frontend_stub" / "python" / "stockade_frontend")
    assert packed(stub_wheel) == {f"stockade_frontend/{name}" for name in tree}


def test_both_distributions_ask_for_the_same(wheel: Path, stub_wheel: Path) -> None:
    """What the stub needs is pyzmq and cbor2, within the bounds that the whole of Stockade names."""
    whole, alone = needs(wheel), needs(stub_wheel)
    assert set(alone) == set(DEPENDENCIES)
    assert {name: whole[name].specifier for name in alone} == {name: need.specifier for name, need in alone.items()}


def test_the_stub_works_without_the_trusted_package(worker_python: Path) -> None:
    """In an environment of its own the stub is imported and shows its verbs."""
    done = run(worker_python, "from stockade_frontend import CommandError, connect")
    assert done.returncode == 0, done.stderr


def test_the_blocking_stub_loads_no_event_loop(worker_python: Path) -> None:
    """A worker starts a tenth of a second sooner without asyncio, and needs it only for ``stockade_frontend.aio``."""
    done = run(worker_python, "import sys; from stockade_frontend import connect; print('asyncio' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_the_trusted_package_is_not_there(worker_python: Path) -> None:
    """A worker's environment carries nothing of the core."""
    done = run(worker_python, "import stockade")
    assert "No module named 'stockade'" in done.stderr


def test_the_environment_is_of_this_python(worker_python: Path) -> None:
    """The environment does not see what is installed beside the tests."""
    done = run(worker_python, "import sys; print(sys.version_info[:2]); import attrs")
    assert done.stdout.strip() == str(sys.version_info[:2])
    assert "No module named 'attrs'" in done.stderr
