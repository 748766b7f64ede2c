"""``import stockade`` is a face that loads its names on first use: the supervisor is this package too."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import stockade

HEAVY = ("asyncio", "attrs", "cattrs", "cbor2", "click", "rich", "tree_sitter", "uvloop", "zmq")


def loaded_after(code: str) -> set[str]:
    """The modules that a new interpreter has loaded after running `code`."""
    show = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True, timeout=30)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Neither zmq nor cbor2 nor asyncio is loaded by the name alone."""
    assert loaded_after("import stockade").isdisjoint(HEAVY)


def test_the_look_at_loaded_modules_can_fail() -> None:
    """The same look sees zmq where it is imported."""
    assert "zmq" in loaded_after("import stockade, zmq")


@pytest.mark.parametrize("name", stockade.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """What ``__all__`` promises can be had."""
    assert getattr(stockade, name) is not None


def test_the_face_lists_its_names() -> None:
    """Completion shows the public names, and they are those that the type checker sees."""
    source = Path(str(stockade.__file__)).read_text()
    seen = {
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("stockade.")
        for alias in node.names
    }
    assert dir(stockade) == sorted(stockade.__all__)
    assert set(stockade.__all__) == seen | {"__version__"}


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    """A typing mistake is told as by any other module."""
    with pytest.raises(AttributeError, match="'stockade' has no attribute 'comand'"):
        stockade.comand  # noqa: B018  # reading it is the test


@pytest.mark.skipif("STOCKADE_TEST_INSTALLED" not in os.environ, reason="only `make test` promises the installed wheel")
@pytest.mark.parametrize("package", ["stockade", "stockade_frontend"])
def test_what_is_tested_is_installed(package: str) -> None:
    """`make test` tests the wheel in its environment, not the tree."""
    home = Path(str(import_module(package).__file__))
    assert home.is_relative_to(sys.prefix)
    assert "site-packages" in home.parts
