"""The wheel is the tree: every package, every data file, and nothing else."""

from __future__ import annotations

import configparser
import importlib
import zipfile
from collections.abc import Callable
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import stockade
from stockade.new.languages import LANGUAGES
from stockade.new.sources import stub_files

Files = Callable[[Path], set[str]]

#: What the runtime may need. One more is a decision, with a record in docs/decisions.
ALLOWED = {"attrs", "cattrs", "cbor2", "click", "pyzmq", "rich", "tree-sitter", "tree-sitter-toml"}


def in_tree(root: Path, sources: Files) -> set[str]:
    """All that the wheel has to hold, as paths in it."""
    runtime = {f"stockade/{name}" for name in sources(root / "runtime" / "stockade")}
    stub = sources(root / "frontend_stub" / "python" / "stockade_frontend")
    return runtime | {f"stockade_frontend/{name}" for name in stub} | stubs_of_projects()


def stubs_of_projects() -> set[str]:
    """The sources of the other stubs that `stockade new` puts into a project, as paths in the wheel."""
    stubs = {stub.language: stub for language in LANGUAGES.values() for stub in language.stubs}
    return {f"stockade/new/stubs/{name}/{path}" for name, stub in stubs.items() for path, _ in stub_files(stub)}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def entry_points(wheel: Path) -> configparser.ConfigParser:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt")]
        parser = configparser.ConfigParser()
        parser.read_string(archive.read(name).decode())
        return parser


def test_the_package_list_names_every_package_of_the_tree(root: Path) -> None:
    """A folder with an ``__init__.py`` stands in setup.cfg, and nothing else does but the stubs that are data."""
    setup = configparser.ConfigParser()
    setup.read(root / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    homes = (root / "runtime", root / "frontend_stub" / "python")
    found = {
        ".".join(init.parent.relative_to(home).parts)
        for home in homes
        for init in home.glob("stockade*/**/__init__.py")
    }
    data = {f"stockade.new.stubs.{stub.language}" for language in LANGUAGES.values() for stub in language.stubs}
    assert listed == found | data


@pytest.mark.parametrize("language", [name for name, language in LANGUAGES.items() if language.stubs])
def test_the_wheel_has_the_stub_of_every_language(packed: Files, wheel: Path, language: str) -> None:
    """And that is no empty promise: its README and more than its licence are there."""
    there = {name for name in packed(wheel) if name.startswith(f"stockade/new/stubs/{language}/")}
    assert f"stockade/new/stubs/{language}/README.md" in there
    assert len(there) > 4


def test_the_stubs_are_a_small_part_of_the_wheel(wheel: Path) -> None:
    """All of them stay below half a megabyte: no build product and no test has got in."""
    with zipfile.ZipFile(wheel) as archive:
        sizes = [file.compress_size for file in archive.infolist() if file.filename.startswith("stockade/new/stubs/")]
    assert 0 < sum(sizes) < 512 * 1024


def test_the_wheel_holds_every_file_of_the_tree_and_nothing_else(
    root: Path, wheel: Path, packed: Files, sources: Files
) -> None:
    """Modules, data and type markers of both packages are in the wheel; nothing is that is not in the tree."""
    assert packed(wheel) == in_tree(root, sources)


def test_a_package_that_is_not_listed_is_noticed(
    copy: Path, build_wheel: Callable[[Path], Path], packed: Files, sources: Files
) -> None:
    """The comparison can fail: a new subpackage is missing from the wheel until setup.cfg names it."""
    new = copy / "runtime" / "stockade" / "core" / "unlisted"
    new.mkdir()
    (new / "__init__.py").touch()
    wheel = build_wheel(copy)
    assert in_tree(copy, sources) - packed(wheel) == {"stockade/core/unlisted/__init__.py"}


def test_bytecode_stays_out(copy: Path, build_wheel: Callable[[Path], Path], packed: Files, sources: Files) -> None:
    """A tree that was run has compiled files beside its data and modules; the wheel has none."""
    for folder in [path for path in (copy / "runtime" / "stockade").rglob("*") if path.is_dir()]:
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__" / "left.cpython-311.pyc").write_bytes(b"compiled")
    assert packed(build_wheel(copy)) == in_tree(copy, sources)


def test_the_version_is_written_once(wheel: Path) -> None:
    """The wheel's version is that of the package."""
    assert metadata(wheel)["Version"] == stockade.__version__


def test_the_licence_is_named_and_shipped(wheel: Path) -> None:
    """The metadata has the SPDX name, the wheel the text."""
    assert metadata(wheel)["License-Expression"] == "MIT"
    with zipfile.ZipFile(wheel) as archive:
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in archive.namelist())


def test_the_runtime_needs_only_what_is_allowed(wheel: Path) -> None:
    """Everything that is not in the list of runtime dependencies is in an extra."""
    needed = [Requirement(text) for text in metadata(wheel).get_all("Requires-Dist", [])]
    assert {need.name for need in needed if need.marker is None} == ALLOWED
    assert all("extra" in str(need.marker) for need in needed if need.marker)


def test_every_runtime_dependency_has_a_lower_bound(wheel: Path) -> None:
    """An installer that prefers what is there already is told when that is too old."""
    needed = [Requirement(text) for text in metadata(wheel).get_all("Requires-Dist", [])]
    unbound = [need.name for need in needed if not any(bound.operator == ">=" for bound in need.specifier)]
    assert unbound == []


def test_the_console_script_points_at_a_function(wheel: Path) -> None:
    """``stockade`` is the only script, and what it names can be called."""
    scripts = dict(entry_points(wheel)["console_scripts"])
    assert set(scripts) == {"stockade"}
    module, _, function = scripts["stockade"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("package", ["stockade", "stockade_frontend"])
def test_both_packages_say_that_they_are_typed(wheel: Path, packed: Files, package: str) -> None:
    """Type checkers of applications and workers read our annotations (PEP 561)."""
    assert f"{package}/py.typed" in packed(wheel)
